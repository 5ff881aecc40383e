import { afterEffect, beforeEffect } from "./answers.ts";
import { type Answer, tooManyRequests, unauthorized } from "./errors.ts";
import type { FaultKind, FaultRule, FaultScript } from "./faults.ts";
import { RateLimit, type Verdict } from "./rate-limit.ts";
import { answer, isMutating } from "./router.ts";
import { type Call, loggedPath, type Operation, readCall } from "./routes.ts";
import { type Incoming, networkError, timeoutError, toResponse, untilAborted } from "./transport.ts";
import type { World } from "./world.ts";

/** When a call takes effect whose caller has given up, unless the rule says otherwise. */
const LATE_MS = 20_000;

/** One line of the request log. It holds neither tokens nor bodies. */
export interface RequestRecord {
  /** Milliseconds since the epoch. */
  at: number;
  operation: Operation;
  method: string;
  path: string;
  /** The status the caller got; null when no answer arrived. */
  status: number | null;
  fault?: FaultKind;
}

type Outcome = { answer: Answer; verdict: Verdict } | { failure: "network" | "timeout" };

/** What stands between the caller and the cloud: faults, the token, the limits, the log. */
export class Gateway {
  readonly requests: RequestRecord[] = [];
  token: string;
  readonly #world: World;
  readonly #script: FaultScript;
  readonly #limit: RateLimit;
  readonly #hang_until_abort: boolean;
  #request_number = 0;

  constructor(
    world: World,
    script: FaultScript,
    setup: { token: string; hang_until_abort: boolean; request_times: readonly number[] },
  ) {
    this.#world = world;
    this.#script = script;
    this.token = setup.token;
    this.#hang_until_abort = setup.hang_until_abort;
    this.#limit = new RateLimit(setup.request_times);
  }

  /** Answers one request, or fails as a broken connection would. The effect is there before the promise settles. */
  async serve(incoming: Incoming): Promise<Response> {
    const world = this.#world;
    const call = readCall(incoming.method, incoming.url, incoming.body);
    const fault = this.#script.next(call);
    const outcome = this.#judge(call, incoming.authorization === `Bearer ${this.token}`, fault);
    this.#log(call, outcome, fault);
    if ("failure" in outcome) {
      if (outcome.failure === "network") throw networkError();
      if (this.#hang_until_abort && incoming.signal !== null) return untilAborted(incoming.signal);
      throw timeoutError();
    }
    this.#request_number += 1;
    const request_id = `00000000-0000-4000-8000-${this.#request_number.toString(16).padStart(12, "0")}`;
    return toResponse(outcome.answer, request_id, this.#limit.headers(world.at, world.knobs.per_hour, outcome.verdict));
  }

  /** The times of the requests that count against the limits, oldest first. */
  requestTimes(): number[] {
    return this.#limit.times();
  }

  /** The way of a call: proxy, token, gateway, limits, effect, and what becomes of the answer. */
  #judge(call: Call, authorized: boolean, fault: FaultRule | null): Outcome {
    const world = this.#world;
    const early = fault === null ? null : beforeEffect(fault, world.at);
    if (early !== null && "failure" in early) {
      if (authorized && fault?.fault === "late_effect") this.#postpone(call, fault.delay_ms ?? LATE_MS);
      return early;
    }
    if (early?.answer.bare) return { answer: early.answer, verdict: "ok" };
    if (!authorized) return { answer: unauthorized(), verdict: "ok" };
    // What is turned away at the gateway does not count against the limits.
    if (early?.answer.status === 401 || early?.answer.status === 429) return { answer: early.answer, verdict: "ok" };

    const verdict = this.#limit.take(world.at, world.knobs.per_minute, world.knobs.per_hour);
    if (verdict !== "ok") return { answer: this.#refuse(verdict), verdict };
    world.counters.max_per_minute = Math.max(world.counters.max_per_minute, this.#limit.inLastMinute(world.at));
    if (early !== null) return { answer: early.answer, verdict };

    const made = answer(world, call, fault);
    const outcome = fault === null ? { answer: made } : afterEffect(fault, made);
    return "failure" in outcome ? outcome : { ...outcome, verdict };
  }

  #postpone(call: Call, delay_ms: number): void {
    if (!isMutating(call)) return;
    const { operation, droplet_id, body } = call;
    const at = this.#world.at + delay_ms;
    this.#world.timeline.plan({ kind: "late_call", at, call: { operation, droplet_id, body } });
  }

  #refuse(verdict: Verdict): Answer {
    // Only the burst limit says when to come back.
    const headers: Record<string, string> =
      verdict === "burst" ? { "retry-after": String(this.#limit.retryAfter(this.#world.at)) } : {};
    return { ...tooManyRequests(), headers };
  }

  #log(call: Call, outcome: Outcome, fault: FaultRule | null): void {
    const { counters, knobs, at } = this.#world;
    const status = "failure" in outcome ? null : outcome.answer.status;
    counters.requests += 1;
    if (status === 429) counters.rate_limited += 1;
    const { operation, method } = call;
    const record: RequestRecord = { at, operation, method, path: loggedPath(call), status };
    if (fault !== null) record.fault = fault.fault;
    this.requests.push(record);
    // Trimmed in bulk, so that a full log costs nothing more per request.
    if (this.requests.length > knobs.requests_kept * 1.25) {
      this.requests.splice(0, this.requests.length - knobs.requests_kept);
    }
  }
}
