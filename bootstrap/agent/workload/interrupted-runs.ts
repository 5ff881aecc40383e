/**
 * Ends what a gateway takes up again after it was killed. OpenClaw resumes interrupted runs by itself, within a second of
 * its readiness, and no setting keeps it from that: so each is aborted as it comes back.
 */
import { sleep } from "../base/timing.ts";
import type { Gateway } from "./gateway-client.ts";
import { abortSession, listSessions } from "./gateway-sessions.ts";

const AGAIN_MS = 100;

export interface InterruptedRunsDeps {
  gateway: Gateway;
  /** Monotonic, ms. */
  now_ms: () => number;
  /** So long nothing may be seen to run before it is believed. */
  quiet_ms: number;
  limit_ms: number;
  /** Aborts when the workload has ended, or is about to. */
  over: AbortSignal;
}

export interface Interrupted {
  /** Sessions whose run was aborted. */
  aborted: number;
  /** Sessions that still ran when the time was over. */
  left: number;
}

/** @throws GatewayError, or where an answer makes no sense */
export async function abortInterrupted(deps: InterruptedRunsDeps): Promise<Interrupted> {
  const { gateway, now_ms, quiet_ms, limit_ms, over } = deps;
  const began_ms = now_ms();
  const aborted = new Set<string>();
  let quiet_since_ms = began_ms;
  for (;;) {
    const open = await listSessions(gateway, "unfinished");
    const at_ms = now_ms();
    if (open.length > 0) quiet_since_ms = at_ms;
    const done = open.length === 0 && at_ms - quiet_since_ms >= quiet_ms;
    if (done || over.aborted || at_ms - began_ms >= limit_ms) return { aborted: aborted.size, left: open.length };
    for (const key of open) if (await abortSession(gateway, key)) aborted.add(key);
    await sleep(AGAIN_MS, over);
  }
}
