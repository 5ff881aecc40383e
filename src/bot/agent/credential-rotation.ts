/**
 * Another credential for the agent that has one. Only where a person has asked for it: a stolen credential alone does not
 * lock its owner out.
 */

import type { AgentCaller } from "../../records/caller.ts";
import type { CredentialAnswer, CredentialRequest } from "../../wire/agent.ts";
import { constantTimeEqual } from "../../wire/tokens.ts";
import { concludeCommands, rotationAsked } from "../calls/commands.ts";
import { isOfNewerRelease } from "../model/newer-release.ts";
import type { Runtime } from "../reconcile/decision.ts";
import { type Answer, ok, refuse } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import { authenticateOn } from "./authenticate.ts";
import { awaitRelease } from "./newer-release.ts";

/** The new one counts, the old one is revoked and the command is done: in one commit. */
export function rotateCredential(
  shell: BotShell,
  caller: AgentCaller,
  { credential_sha256, droplet_id }: Omit<CredentialRequest, "credential">,
): Answer<CredentialAnswer> {
  const known = authenticateOn(shell, caller, droplet_id);
  if (!known.ok) return known;
  const { bot, rt } = known.live;
  // Its answer was lost, and the agent asks whether it came to pass.
  if (constantTimeEqual(bot.agent?.credential_sha256 ?? "", credential_sha256)) return ok({ status: "rotated" });
  if (bot.revoked_credentials.some((hash) => constantTimeEqual(hash, credential_sha256))) {
    return refuse("credential_conflict", "This credential has already been revoked. Generate another one.");
  }
  if (isOfNewerRelease(bot)) return awaitRelease();
  const asked = rotationAsked(shell);
  if (asked === null) return refuse("rotation_not_asked");
  const { events, concluded } = concludeCommands(shell, [{ id: asked.id, ok: true }], asked.id);
  shell.commit({
    events: [{ kind: "credential_rotated", data: { credential_sha256 } }, ...events],
    actor: "agent",
    commands: concluded,
    rt: heardWithoutChannel(rt, shell.platform.now()),
  });
  shell.log({ event: "credential_rotated" });
  return ok({ status: "rotated" });
}

/** Whatever held the channel came with the old credential, and is cut off by the commit. */
function heardWithoutChannel(rt: Runtime, now: number): Runtime {
  const heard = { ...rt, last_seen_at: now };
  return rt.channel === null ? heard : { ...heard, channel: null, channel_closed_at: now };
}
