/** The walk down against a gateway that answers as the test says, in milliseconds instead of seconds. */
import { describe, it } from "vitest";
import type { Gateway } from "../../../../bootstrap/agent/workload/gateway-client.ts";
import { type WindDownDeps, windDown } from "../../../../bootstrap/agent/workload/wind-down.ts";

/** No test waits for these, however busy the machine is. */
const LIMITS = { drain_ms: 60_000, abort_ms: 60_000, stop_ms: 60_000 };
const SHORT = { drain_ms: 80, abort_ms: 80, stop_ms: 80 };

interface Life {
  /** Each order to the gateway and each signal, in turn. */
  log: string[];
  rungs: string[];
  /** Nothing was in flight when it was told to end. */
  settled: boolean;
}

/** @param answers the gateway's, by method; an Error refuses. @param dies by which signal the child ends */
async function life(
  answers: Record<string, unknown> | null,
  dies: "SIGTERM" | "SIGKILL",
  changes: Partial<WindDownDeps> = {},
): Promise<Life> {
  const said: Life = { log: [], rungs: [], settled: false };
  const ended = new AbortController();
  const gateway: Gateway = {
    call: (method, params) => {
      const { key = "", clearQueued = true } = Object(params);
      said.log.push(`${method}${key}${clearQueued ? "" : " but not its queue"}`);
      const answer = answers?.[method];
      const value = typeof answer === "function" ? answer(said.log) : answer;
      return value instanceof Error ? Promise.reject(value) : Promise.resolve(value);
    },
    close: () => said.log.push("close"),
  };
  said.settled = await windDown({
    now_ms: () => performance.now(),
    limits: () => LIMITS,
    child: {
      kill: (signal) => {
        said.log.push(signal);
        if (signal === dies || signal === "SIGKILL") ended.abort();
        return true;
      },
    },
    ended: ended.signal,
    force: new AbortController().signal,
    gateway: answers === null ? () => Promise.reject(new Error("nobody there")) : async () => gateway,
    warn: () => void said.log.push("warned"),
    request_id: "one",
    onRung: (rung) => said.rungs.push(rung),
    log: () => {},
    ...changes,
  });
  return said;
}

const PREPARE = "gateway.suspend.prepare";
const STATUS = "gateway.suspend.status";
const draining = { status: "draining", suspensionId: "s" };
const once = (log: string[]) => log.filter((one) => one === PREPARE).length < 2;

describe("winding down", () => {
  it("warns, lets what is idle be suspended, and ends it", async ({ expect }) => {
    const { log, rungs, settled } = await life({ [PREPARE]: { status: "ready", suspensionId: "s" } }, "SIGTERM");
    expect(log).toEqual(["warned", PREPARE, "SIGTERM", "close"]);
    expect(rungs).toEqual(["drain", "term"]);
    expect(settled).toBe(true);
  });

  it("keeps asking while it drains, and ends it when nothing is in flight", async ({ expect }) => {
    const status = { [STATUS]: { status: "ready" } };
    const { log } = await life({ [PREPARE]: draining, ...status }, "SIGTERM");
    expect(log).toEqual(["warned", PREPARE, STATUS, "SIGTERM", "close"]);
  });

  it("gives the drain back at its deadline, aborts each session, and prepares again", async ({ expect }) => {
    const { log, rungs, settled } = await life(
      {
        [PREPARE]: (log: string[]) => (once(log) ? draining : { status: "ready", suspensionId: "t" }),
        [STATUS]: (log: string[]) => (once(log) ? draining : { status: "ready" }),
        "gateway.suspend.resume": { ok: true },
        "sessions.list": { sessions: [{ key: "a" }, { key: "b" }] },
        "sessions.abort": (log: string[]) => (log.includes("sessions.abortb") ? {} : new Error("gone")),
      },
      "SIGTERM",
      { limits: () => ({ ...LIMITS, drain_ms: 1500 }) },
    );
    const orders = log.filter((one) => one !== STATUS);
    expect(orders).toEqual([
      "warned",
      PREPARE,
      "gateway.suspend.resume",
      "sessions.list",
      "sessions.aborta",
      "sessions.abortb",
      PREPARE,
      "SIGTERM",
      "close",
    ]);
    expect(rungs).toEqual(["drain", "abort", "term"]);
    expect(settled).toBe(true);
  });

  it("asks for the drain anew where its lease has run out", async ({ expect }) => {
    const answers = { [PREPARE]: (log: string[]) => (once(log) ? draining : { status: "ready", suspensionId: "t" }) };
    const { log } = await life({ ...answers, [STATUS]: { status: "running" } }, "SIGTERM");
    expect(log).toEqual(["warned", PREPARE, STATUS, PREPARE, "SIGTERM", "close"]);
  });

  it.for<[string, Record<string, unknown> | null]>([
    ["nobody answers", null],
    ["the request is refused", { [PREPARE]: new Error("unknown method") }],
    ["the answer makes no sense", { [PREPARE]: "<html>" }],
  ])("falls through to SIGTERM at once where %s", async ([, answers], { expect }) => {
    const began = performance.now();
    const { rungs, settled } = await life(answers, "SIGTERM");
    expect(rungs).toEqual(["drain", "term"]);
    expect(settled).toBe(false);
    expect(performance.now() - began).toBeLessThan(LIMITS.drain_ms);
  });

  it("waits for no answer beyond the limits, and kills what does not end", { timeout: 20_000 }, async ({ expect }) => {
    const never = new Promise<never>(() => {});
    const { log, rungs } = await life({}, "SIGKILL", {
      limits: () => SHORT,
      gateway: () => never,
      warn: () => never,
    });
    expect(rungs).toEqual(["drain", "abort", "term", "kill"]);
    expect(log).toEqual(["SIGTERM", "SIGKILL"]);
  });

  it("skips to SIGTERM where it is forced, also in the middle of a drain, without a warning", async ({ expect }) => {
    const at_once = await life({ [PREPARE]: draining }, "SIGTERM", { force: AbortSignal.abort() });
    expect(at_once.log).toEqual(["SIGTERM"]);
    const later = await life({ [PREPARE]: draining, [STATUS]: draining }, "SIGTERM", {
      force: AbortSignal.timeout(50),
    });
    expect(later.rungs).toEqual(["drain", "term"]);
    expect([at_once.settled, later.settled]).toEqual([false, false]);
  });

  it("goes on where the strategies cannot be warned", async ({ expect }) => {
    const warn = () => Promise.reject(new Error("no such command"));
    const { log } = await life({ [PREPARE]: { status: "ready" } }, "SIGTERM", { warn });
    expect(log).toEqual([PREPARE, "SIGTERM", "close"]);
  });
});
