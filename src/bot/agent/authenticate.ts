/**
 * Who of a Bot's agents is believed. Credential, generation and droplet are judged here; whoever is not the accepted one
 * learns why, and leaves a flag where a person should know of it.
 */

import type { AgentCaller } from "../../records/caller.ts";
import { constantTimeEqual } from "../../wire/tokens.ts";
import { type BotState, type Intent, KEEP_REFUSED_DROPLETS } from "../model/state.ts";
import { type Refusal, refuse } from "../shell/answer.ts";
import type { BotShell, Live } from "../shell/shell.ts";

/** Droplets whose names are being checked at a time. */
export const MAX_CLAIMS = 4;

/** The accepted agent of the present generation, or why not. */
export function authenticate(shell: BotShell, caller: AgentCaller): { ok: true; live: Live } | Refusal {
  const live = shell.live();
  if (live === null) return nobody(shell);
  if (caller.kind !== "agt") return invalidCredential();
  const { agent, revoked_credentials } = live.bot;
  if (agent && constantTimeEqual(agent.credential_sha256, caller.token_sha256)) return { ok: true, live };
  if (revoked_credentials.some((hash) => constantTimeEqual(hash, caller.token_sha256))) {
    return refuse("credential_revoked");
  }
  return invalidCredential();
}

/**
 * As `authenticate`, of who says where it is. A revoked credential belongs on a droplet that we know, for as long as that
 * is being taken away: whoever has it elsewhere has taken it from there.
 */
export function authenticateOn(
  shell: BotShell,
  caller: AgentCaller,
  droplet_id: number,
): { ok: true; live: Live } | Refusal {
  const known = authenticate(shell, caller);
  if (known.ok) {
    const here = known.live.bot.agent?.droplet_id === droplet_id;
    return here ? known : wrongDroplet(shell, known.live, droplet_id, null);
  }
  const live = shell.live();
  if (known.code === "credential_revoked" && live && !live.bot.droplets.some(({ id }) => id === droplet_id)) {
    raise(shell, live, "revoked_credential_used", droplet_id);
  }
  return known;
}

/** As `authenticate`, or the holder of a registration token of the present generation. */
export function recognise(shell: BotShell, live: Live, caller: AgentCaller): { ok: true } | Refusal {
  if (caller.kind === "agt") return authenticate(shell, caller);
  return intentOf(live.bot, caller, shell.platform.now()) === null ? invalidCredential() : { ok: true };
}

/** The intent of the present generation that the registration token was minted for; expired ones count for nothing. */
export function intentOf(bot: BotState, caller: AgentCaller, now: number): Intent | null {
  if (caller.kind !== "reg" || bot.destroyed_at !== null) return null;
  const found = bot.intents.find((intent) => constantTimeEqual(intent.enrolment.token_hash, caller.token_sha256));
  if (!found || found.generation !== bot.generation || found.enrolment.state === "killed") return null;
  return now < found.enrolment.expires_at ? found : null;
}

export function wrongDroplet(shell: BotShell, live: Live, dropletId: number, intent: Intent | null): Refusal {
  const { bot } = live;
  const fresh = isFresh(bot, dropletId);
  raise(shell, live, "wrong_droplet", dropletId);
  // It may be a second droplet of ours that nobody knew of: its name will tell, and it is then deleted.
  const unknown = !bot.droplets.some(({ id }) => id === dropletId);
  if (fresh && unknown && intent !== null && bot.claims.length < MAX_CLAIMS) {
    shell.commit({
      events: [{ kind: "registration_claimed", data: { intent_id: intent.id, droplet_id: dropletId } }],
      actor: "agent",
    });
  }
  return refuse("wrong_droplet");
}

/** A security event, once for each droplet: an agent that keeps trying must not fill the history. */
export function raise(shell: BotShell, { bot }: Live, code: string, droplet_id: number): void {
  if (!isFresh(bot, droplet_id) && bot.flags.includes(code)) return;
  shell.commit({ events: [{ kind: "agent_refused", data: { code, droplet_id } }], actor: "agent" });
  shell.log({ level: "warn", event: "agent_refused", code, droplet_id });
}

/** Nor may one that calls itself another each time. */
function isFresh({ refused_droplets }: BotState, droplet_id: number): boolean {
  return !refused_droplets.includes(droplet_id) && refused_droplets.length < KEEP_REFUSED_DROPLETS;
}

export function invalidCredential(): Refusal {
  return refuse("invalid_credential");
}

/** No such bot. One whose state cannot be read must not look like a bad credential: that would stop its workload. */
export function nobody(shell: BotShell): Refusal {
  if (shell.load().kind !== "broken") return invalidCredential();
  return refuse("bot_unreadable");
}
