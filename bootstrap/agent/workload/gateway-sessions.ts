/** The sessions of a gateway: which of them have work in flight, and its end. */
import * as z from "zod";
import type { Gateway } from "./gateway-client.ts";

const SESSIONS_MAX = 500;
const Session = z.object({
  key: z.string().min(1).max(1024),
  /** As it is stored: also of a run that died with the gateway before. */
  status: z.string().optional(),
  hasActiveRun: z.boolean().optional(),
});
const Sessions = z.object({ sessions: z.array(Session).max(SESSIONS_MAX) });
const Aborted = z.object({ status: z.string().optional() });

/**
 * @param which `active`: with work in flight. `unfinished`: also those whose work was cut off and may be resumed
 * @throws GatewayError, or where the answer makes no sense
 */
export async function listSessions(
  gateway: Gateway,
  which: "active" | "unfinished",
  timeout_ms?: number,
): Promise<string[]> {
  const asked = { limit: SESSIONS_MAX, includeGlobal: true, ...(which === "active" ? { activeOnly: true } : {}) };
  const { sessions } = Sessions.parse(await gateway.call("sessions.list", asked, timeout_ms));
  const open = which === "active" ? sessions : sessions.filter((one) => one.hasActiveRun || one.status === "running");
  return open.map(({ key }) => key);
}

/** With what waits behind it. @returns whether there was something to abort @throws GatewayError */
export async function abortSession(gateway: Gateway, key: string, timeout_ms?: number): Promise<boolean> {
  const answer = await gateway.call("sessions.abort", { key, clearQueued: true }, timeout_ms);
  return Aborted.safeParse(answer).data?.status === "aborted";
}
