/**
 * Walks a workload down the ladder of `wind-down-rules.ts`. It never fails: a rung that does not hold is a rung further
 * down, and the last one needs nobody's consent.
 */
import * as z from "zod";
import { describeError, type Log } from "../base/log.ts";
import { sleep } from "../base/timing.ts";
import type { Gateway } from "./gateway-client.ts";
import { abortSession, listSessions } from "./gateway-sessions.ts";
import type { WorkloadProcess } from "./site.ts";
import { type Flight, KILL_MS, type LadderLimits, nextRung, type Rung, rungLimit } from "./wind-down-rules.ts";

/** Far below the lease of 120 s that asking keeps. */
const ASK_EVERY_MS = 1000;

const Prepared = z.object({ status: z.string(), suspensionId: z.string().max(256).optional() });

export interface WindDownDeps {
  /** Monotonic, ms. */
  now_ms: () => number;
  /** As they are now: they may become shorter on the way. */
  limits: () => LadderLimits;
  child: Pick<WorkloadProcess, "kill">;
  /** Aborts when the child has ended. */
  ended: AbortSignal;
  /** Aborts when there is no time to wait for what is in flight; may come while it walks. */
  force: AbortSignal;
  /** Rejects where nobody answers. Null: this workload speaks no RPC. */
  gateway: (() => Promise<Gateway>) | null;
  /** Tells strategies that the end is near; may fail. */
  warn: () => Promise<void> | void;
  /** Names this suspension to the gateway. */
  request_id: string;
  onRung: (rung: Rung) => void;
  log: Log;
}

/**
 * Resolves once the child has ended, or could not be ended even by SIGKILL in good time.
 * @returns whether nothing was in flight when it was told to end, and so nothing comes back
 */
export async function windDown(deps: WindDownDeps): Promise<boolean> {
  const { now_ms, ended, force } = deps;
  const gateway = new Suspension(deps);
  let rung: Rung = "drain";
  let since_ms = now_ms();
  let flight: Flight = "unasked";
  let settled = false;
  await enter(rung);
  for (;;) {
    const view = { rung, rung_ms: now_ms() - since_ms, flight, ended: ended.aborted, forced: force.aborted };
    const next = nextRung(view, deps.limits());
    if (next === "done") break;
    if (next !== rung) {
      if (next === "term") settled = flight === "ready";
      rung = next;
      since_ms = now_ms();
      flight = "unasked";
      await enter(rung);
      continue;
    }
    const left_ms = (rungLimit(rung, deps.limits()) ?? KILL_MS) - (now_ms() - since_ms);
    if (rung === "kill" && left_ms <= 0) break;
    if (rung === "drain" || rung === "abort") {
      flight = await within(left_ms, gateway.ask());
      if (flight === "in_flight") await sleep(Math.min(ASK_EVERY_MS, Math.max(1, left_ms)), cutShort());
      continue;
    }
    await sleep(Math.max(1, left_ms), ended);
  }
  gateway.close();
  return settled;

  async function enter(into: Rung): Promise<void> {
    const { child, warn, log, onRung } = deps;
    log("workload_wind_down", { rung: into });
    onRung(into);
    if (into === "drain" && !force.aborted) {
      try {
        await within(deps.limits().drain_ms, Promise.resolve(warn()));
      } catch (error) {
        log("strategies_not_warned", { error: describeError(error) });
      }
    }
    if (into === "abort") await within(deps.limits().abort_ms, gateway.abortAll());
    if (into === "term") child.kill("SIGTERM");
    if (into === "kill") child.kill("SIGKILL");
  }

  function cutShort(): AbortSignal {
    return AbortSignal.any([ended, force]);
  }

  /** The answer, or what an end, an order to hurry or the limit makes of it. */
  async function within<T>(ms: number, answer: Promise<T>): Promise<T | "in_flight"> {
    const waited = new AbortController();
    const cut = sleep(Math.max(1, ms), AbortSignal.any([cutShort(), waited.signal])).then(() => "in_flight" as const);
    try {
      return await Promise.race([answer, cut]);
    } finally {
      waited.abort();
    }
  }
}

/** The gateway's own drain: held by asking for it, given back to abort what does not end. */
class Suspension {
  readonly #deps: WindDownDeps;
  #gateway: Gateway | null = null;
  #id: string | null = null;

  constructor(deps: WindDownDeps) {
    this.#deps = deps;
  }

  async ask(): Promise<Flight> {
    try {
      const gateway = await this.#connected();
      if (gateway === null) return "unreachable";
      if (this.#id !== null) {
        const { status } = Prepared.parse(await gateway.call("gateway.suspend.status", { suspensionId: this.#id }));
        if (status !== "running") return status === "ready" ? "ready" : "in_flight";
      }
      return await this.#prepare(gateway);
    } catch (error) {
      return this.#lost(error);
    }
  }

  /** While it drains an abort is refused, so the drain is given back first. */
  async abortAll(): Promise<void> {
    try {
      const gateway = await this.#connected();
      if (gateway === null) return;
      if (this.#id !== null) await gateway.call("gateway.suspend.resume", { suspensionId: this.#id });
      this.#id = null;
      for (const key of await listSessions(gateway, "active")) {
        // One that cannot be aborted is no reason to leave the others.
        await abortSession(gateway, key).catch((error: unknown) => {
          this.#deps.log("session_not_aborted", { error: describeError(error) });
        });
      }
      await this.#prepare(gateway);
    } catch (error) {
      this.#lost(error);
    }
  }

  close(): void {
    this.#gateway?.close();
  }

  async #connected(): Promise<Gateway | null> {
    this.#gateway ??= (await this.#deps.gateway?.()) ?? null;
    return this.#gateway;
  }

  async #prepare(gateway: Gateway): Promise<Flight> {
    const asked = { requestId: this.#deps.request_id, drain: true, terminalPolicy: "terminate" };
    const { status, suspensionId = null } = Prepared.parse(await gateway.call("gateway.suspend.prepare", asked));
    this.#id = suspensionId;
    return status === "ready" ? "ready" : "in_flight";
  }

  #lost(error: unknown): Flight {
    this.#deps.log("gateway_not_drained", { error: describeError(error) });
    return "unreachable";
  }
}
