/**
 * Ends what a gateway takes up again after it was killed. OpenClaw resumes interrupted runs by itself, within a second of
 * its readiness, and no setting keeps it from that: so each is aborted as it comes back.
 */
import { sleep } from "../base/timing.ts";
import { type Gateway, GatewayError } from "./gateway-client.ts";
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
  /** Sessions that were still open when the time was over; null: it did not say. */
  left: number | null;
}

/** @throws GatewayError, or where an answer makes no sense */
export async function abortInterrupted(deps: InterruptedRunsDeps): Promise<Interrupted> {
  const { gateway, now_ms, quiet_ms, limit_ms, over } = deps;
  const until_ms = now_ms() + limit_ms;
  // A list may take 11 s while it starts.
  const left_ms = () => Math.max(1, until_ms - now_ms());
  const aborted = new Set<string>();
  let quiet_since_ms = now_ms();
  for (;;) {
    const open = await unlessBusy(() => listSessions(gateway, "unfinished", left_ms()));
    const at_ms = now_ms();
    if (open === null || open.length > 0) quiet_since_ms = at_ms;
    const done = at_ms - quiet_since_ms >= quiet_ms;
    if (done || over.aborted || at_ms >= until_ms) return { aborted: aborted.size, left: open?.length ?? null };
    for (const key of open ?? []) {
      if (await unlessBusy(() => abortSession(gateway, key, left_ms()))) aborted.add(key);
    }
    await sleep(AGAIN_MS, over);
  }
}

/** Null where it is to be asked again. */
async function unlessBusy<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof GatewayError && error.not_now) return null;
    throw error;
  }
}
