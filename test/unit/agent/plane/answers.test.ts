import { describe, expect, it } from "vitest";
import { backoff } from "../../../../bootstrap/agent/base/timing.ts";
import { judgeBeat, judgeRegister } from "../../../../bootstrap/agent/plane/answers.ts";
import { judgeRefusal, type Outcome } from "../../../../bootstrap/agent/plane/control-plane.ts";
import type { Permission } from "../../../../bootstrap/agent/workload/permission.ts";
import type { HeartbeatAnswer } from "../../../../src/wire/agent.ts";

const LIMITS = { backoff: { first_ms: 1000, max_ms: 300_000 }, slow_retry_ms: 300_000 };
const refused = (status: number, code = ""): Outcome<never> => ({ is: "refused", status, code });
const unreachable = (retry_after_ms: number | null = null): Outcome<never> => {
  return { is: "unreachable", detail: "down", retry_after_ms };
};

describe("register", () => {
  it.each([
    {
      name: "409 bans: another credential is bound",
      outcome: refused(409),
      ban: "another_credential",
      after_ms: 300_000,
    },
    { name: "403 bans: this is not the bot's droplet", outcome: refused(403), ban: "wrong_droplet", after_ms: 300_000 },
    { name: "401 waits: the token may have expired", outcome: refused(401), ban: null, after_ms: 300_000 },
    { name: "an outage backs off", outcome: unreachable(), ban: null, after_ms: 4000 },
    { name: "Retry-After is honoured", outcome: unreachable(60_000), ban: null, after_ms: 60_000 },
    { name: "an absurd Retry-After is bounded", outcome: unreachable(1e9), ban: null, after_ms: 300_000 },
  ])("$name", ({ outcome, ban, after_ms }) => {
    expect(judgeRegister(outcome, 3, LIMITS, 0.5)).toMatchObject({ do: "retry", ban, after_ms });
  });

  it("takes the heartbeat interval and the channel's address from the answer", () => {
    const told = { heartbeat_interval_s: 30, channel_url: "wss://x" };
    const value = { status: "registered" as const, ...told };
    expect(judgeRegister({ is: "ok", value }, 0, LIMITS, 0)).toEqual({ do: "registered", ...told });
  });
});

describe("heartbeat", () => {
  const limits = { interval_ms: 30_000, slow_retry_ms: 300_000, revoked_confirm_ms: 30_000 };
  const allowed: Permission = { order: "run", ban: null, revoked_since_ms: null, heard_ms: 7 };
  const answer = (workload: HeartbeatAnswer["workload"]): Outcome<HeartbeatAnswer> => ({
    is: "ok",
    value: { status: "ok", generation: 1, desired_config_id: crypto.randomUUID(), workload, commands: [] },
  });

  it.each(["run", "stop", "hold"] as const)("obeys `%s`, and an answer lifts any ban", (order) => {
    const before: Permission = { order: null, ban: "credential_revoked", revoked_since_ms: 5, heard_ms: null };
    expect(judgeBeat(before, answer(order), 9, limits)).toEqual({
      permission: { order, ban: null, revoked_since_ms: null, heard_ms: 9 },
      next_beat_ms: 30_000,
    });
  });

  it.each([
    ["an outage", unreachable()],
    ["a 401 of another kind", refused(401, "unauthorized")],
    ["a 403 of another kind", refused(403, "forbidden")],
    ["a 404", refused(404, "bot_not_found")],
    ["a 409", refused(409, "stale_generation")],
  ])("%s changes nothing", (_, outcome) => {
    expect(judgeBeat(allowed, outcome, 1_000_000, limits)).toEqual({ permission: allowed, next_beat_ms: 30_000 });
  });

  it("believes a revocation only the second time, at least 30 s after the first", () => {
    const revoked = refused(401, "credential_revoked");
    const first = judgeBeat(allowed, revoked, 1000, limits);
    expect(first.permission).toMatchObject({ order: "run", ban: null });
    expect(judgeBeat(first.permission, revoked, 30_999, limits).permission.ban).toBeNull();
    expect(judgeBeat(first.permission, revoked, 31_000, limits).permission.ban).toBe("credential_revoked");
    const between = judgeBeat(first.permission, answer("run"), 2000, limits);
    expect(judgeBeat(between.permission, revoked, 40_000, limits).permission.ban).toBeNull();
  });

  it("believes at once that this is the wrong droplet", () => {
    expect(judgeBeat(allowed, refused(403, "wrong_droplet"), 0, limits)).toMatchObject({
      permission: { ban: "wrong_droplet" },
      next_beat_ms: 300_000,
    });
  });
});

describe("answers", () => {
  it.each([
    [503, "", "7", { is: "unreachable", retry_after_ms: 7000 }],
    [429, "", "later", { is: "unreachable", retry_after_ms: null }],
    [408, "", null, { is: "unreachable" }],
    [401, '{"code":"credential_revoked"}', null, { is: "refused", code: "credential_revoked" }],
    [404, "<html>", null, { is: "refused", code: "" }],
  ])("status %i with %j", (status, body, retry_after, expected) => {
    expect(judgeRefusal(status, body, retry_after)).toMatchObject(expected);
  });

  it("backs off from 1 s to 5 min with full jitter", () => {
    const limits = LIMITS.backoff;
    expect([0, 1, 2, 8, 9, 1000].map((failures) => backoff(failures, limits, 0.999999))).toEqual([
      1000, 2000, 4000, 256_000, 300_000, 300_000,
    ]);
    expect(backoff(9, limits, 0)).toBe(0);
  });
});
