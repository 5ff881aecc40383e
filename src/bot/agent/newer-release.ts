/**
 * What the agent of a bot of a newer release is answered. It is heard and told its orders; whatever would change the state
 * waits for the release that knows it.
 */
import type { HeartbeatAnswer, RegisterRequest } from "../../wire/agent.ts";
import { constantTimeEqual } from "../../wire/tokens.ts";
import type { BotState } from "../model/state.ts";
import type { Runtime } from "../reconcile/decision.ts";
import { type Answer, ok, type Refusal, refuse } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import { ordersOf } from "./directives.ts";

const RETRY_S = 60;

/**
 * 503: an agent sends it again, and forgets what was taken or refused for good. An acknowledgement that were lost would
 * later be missed, and its config rolled back.
 */
export function awaitRelease(): Refusal {
  return refuse("awaiting_release", undefined, { retry_after_s: RETRY_S });
}

/** Results of commands are not taken: they are asked for again by the release that knows the bot. */
export function onlyHear(shell: BotShell, heard: Runtime): Answer<HeartbeatAnswer> {
  // What it was refused to say meanwhile is not to be missed as soon as it can be heard again.
  shell.note({ ...heard, deaf_until: shell.platform.now() });
  return ok(ordersOf(shell));
}

/** The agent has this very credential, and its registration is only asked for again. */
export function isBound(
  { agent }: BotState,
  { droplet_id, credential_sha256 }: Pick<RegisterRequest, "droplet_id" | "credential_sha256">,
): boolean {
  return agent?.droplet_id === droplet_id && constantTimeEqual(agent.credential_sha256, credential_sha256);
}
