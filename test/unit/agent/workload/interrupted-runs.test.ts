/** Runs that come back after a kill, with a clock that the gateway's answers move. */
import { describe, it } from "vitest";
import { GatewayError } from "../../../../bootstrap/agent/workload/gateway-client.ts";
import { abortInterrupted } from "../../../../bootstrap/agent/workload/interrupted-runs.ts";

type Row = { key: string; status: string; hasActiveRun?: boolean };

/** @param rows what is listed at a time, ms. @returns the outcome, and what was aborted */
async function life(rows: (at_ms: number, aborted: readonly string[]) => Row[], step_ms = 500, over?: AbortSignal) {
  let now_ms = 0;
  const aborts: string[] = [];
  const ended: string[] = [];
  const gateway = {
    call: async (method: string, params: unknown) => {
      now_ms += step_ms;
      const { key, clearQueued } = Object(params);
      if (method === "sessions.list") return { sessions: rows(now_ms, ended) };
      aborts.push(`${key}${clearQueued ? "" : " but not its queue"}`);
      const active = rows(now_ms, ended).some((row) => row.key === key && row.hasActiveRun);
      if (active) ended.push(key);
      return { status: active ? "aborted" : "no-active-run" };
    },
    close: () => {},
  };
  const outcome = await abortInterrupted({
    gateway,
    now_ms: () => now_ms,
    quiet_ms: 3000,
    limit_ms: 20_000,
    over: over ?? new AbortController().signal,
  });
  return { outcome, aborts, took_ms: now_ms };
}

describe("what a kill has cut off", () => {
  it("is aborted as soon as it comes back, with what waits behind it", async ({ expect }) => {
    const { outcome, aborts } = await life((at_ms, aborted) => {
      if (aborted.includes("a")) return [{ key: "a", status: "killed" }];
      return [{ key: "a", status: "running", hasActiveRun: at_ms > 2000 }];
    });
    expect(outcome).toEqual({ aborted: 1, left: 0 });
    expect(new Set(aborts)).toEqual(new Set(["a"]));
  });

  it("is waited for where nothing is seen of it yet", async ({ expect }) => {
    const { outcome } = await life((at_ms, aborted) => {
      const here = at_ms > 2000 && !aborted.includes("a");
      return here ? [{ key: "a", status: "running", hasActiveRun: true }] : [{ key: "b", status: "done" }];
    });
    expect(outcome).toEqual({ aborted: 1, left: 0 });
  });

  it("is not waited for longer than the quiet time where there is nothing", async ({ expect }) => {
    const { outcome, aborts, took_ms } = await life(() => [{ key: "b", status: "done" }]);
    expect(outcome).toEqual({ aborted: 0, left: 0 });
    expect(aborts).toEqual([]);
    expect(took_ms).toBeLessThan(4500);
  });

  it("does not hold the start for ever where it cannot be aborted", async ({ expect }) => {
    const { outcome, took_ms } = await life(() => [{ key: "a", status: "running" }]);
    expect(outcome).toEqual({ aborted: 0, left: 1 });
    expect(took_ms).toBeLessThan(22_000);
  });

  it("is looked for again where the gateway is too busy to say", async ({ expect }) => {
    const { outcome } = await life((at_ms, aborted) => {
      if (at_ms < 5000) throw new GatewayError("sessions.list: no answer in time", true);
      return aborted.includes("a") ? [] : [{ key: "a", status: "running", hasActiveRun: true }];
    });
    expect(outcome).toEqual({ aborted: 1, left: 0 });
    const busy = await life(() => {
      throw new GatewayError("UNAVAILABLE", true);
    });
    expect(busy.outcome).toEqual({ aborted: 0, left: null });
    const unknown = life(() => {
      throw new GatewayError("unknown method", false);
    });
    await expect(unknown).rejects.toThrow("unknown method");
  });

  it("is left to the next start where the workload ends meanwhile", async ({ expect }) => {
    const { outcome, aborts } = await life(() => [{ key: "a", status: "running" }], 500, AbortSignal.abort());
    expect(outcome).toEqual({ aborted: 0, left: 1 });
    expect(aborts).toEqual([]);
  });
});
