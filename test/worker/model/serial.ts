/**
 * What two requests may be answered that come at the same time: what they would be answered one after the other, in one
 * order or the other, with as much of the alarm's work in between as there was time for.
 */
import { BOT_ACTIONS, type BotAction } from "../../../src/wire/enums.ts";
import { judge, type Shown } from "./judge.ts";

/** Everything that can be raced; a `create` is a twin of the request that made the bot. */
export const RACED = [
  ...BOT_ACTIONS,
  "create",
  "cancel",
  "patch config",
  "patch bot",
  "roll back",
  "heartbeat",
  "acknowledge",
  "register",
] as const;
export type Raced = (typeof RACED)[number];

/** A bot as far as the answers depend on it. */
export interface Serial {
  shown: Shown;
  /** The present operation by its place in the race: 0 was there before. */
  operation: number;
  state: "queued" | "running" | "cancelled" | "over";
  agent: "accepted" | "revoked";
  /** The desired config version, and the one that both racers know of. */
  version: number;
  known_version: number;
}

/** What a request is answered, and what the bot is then. */
function answer(raced: Raced, bot: Serial): [says: string, then: Serial] {
  switch (raced) {
    case "pause":
    case "resume":
    case "redeploy":
    case "destroy":
      return act(raced, bot);
    case "create":
      return ["201 replayed", bot];
    case "cancel":
      return cancel(bot);
    case "patch config":
      if (isDestroyed(bot)) return ["409 bot_destroyed", bot];
      return bot.version === bot.known_version ? publish(bot) : ["412 config_version_conflict", bot];
    case "roll back":
      return isDestroyed(bot) ? ["409 bot_destroyed", bot] : publish(bot);
    case "patch bot":
      return [isDestroyed(bot) ? "409 bot_destroyed" : "200", bot];
    case "heartbeat":
      return [bot.agent === "accepted" ? `200 ${orderOf(bot)}` : "401 credential_revoked", bot];
    case "acknowledge":
      return [bot.agent === "accepted" ? `200 desired ${bot.version}` : "401 credential_revoked", bot];
    case "register":
      return [bot.agent === "accepted" ? "200" : "401 invalid_credential", bot];
  }
}

function isDestroyed({ shown }: Serial): boolean {
  return shown.status === "destroyed";
}

function act(action: BotAction, bot: Serial): [string, Serial] {
  switch (judge(bot.shown, action)) {
    case "refused":
      return [isDestroyed(bot) ? "409 bot_destroyed" : "409 action_not_allowed", bot];
    case "is so":
      return [`202 operation ${bot.operation}`, bot];
    case "begins": {
      const operation = bot.operation + 1;
      const status = action === "redeploy" ? "provisioning" : bot.shown.status;
      const shown: Shown = { ...bot.shown, status, operation: { kind: action, ended_at: null } };
      // What has begun to act is taken over by what comes instead.
      const state = bot.state === "running" ? "running" : "queued";
      return [`202 operation ${operation}`, { ...bot, shown, operation, state }];
    }
  }
}

/** Of the operation that was there before the race. */
function cancel(bot: Serial): [string, Serial] {
  if (bot.operation > 0 || bot.state === "running" || bot.state === "over") return ["409 operation_committed", bot];
  return ["202 operation 0", { ...bot, state: "cancelled", shown: ended(bot.shown) }];
}

function publish(bot: Serial): [string, Serial] {
  const version = bot.version + 1;
  return [`200 version ${version}`, { ...bot, version }];
}

function ended(shown: Shown): Shown {
  return { ...shown, operation: { ...shown.operation, ended_at: "now" } };
}

function orderOf({ shown, agent }: Serial): "run" | "stop" {
  const { kind, ended_at } = shown.operation;
  const stopping = ended_at === null && (kind === "pause" || kind === "destroy" || kind === "redeploy");
  return agent === "accepted" && (stopping || shown.status === "paused") ? "stop" : "run";
}

/** The bot as it is, and as its alarm may have made it meanwhile. Nothing here waits for an agent that does its part. */
function onwards(bot: Serial): Serial[] {
  const { kind, ended_at } = bot.shown.operation;
  if (ended_at !== null) return [bot];
  const running: Serial = { ...bot, state: "running" };
  switch (kind) {
    case "pause":
      return [bot, running, { ...bot, state: "over", shown: { ...ended(bot.shown), status: "paused" } }];
    case "redeploy":
      return [bot, { ...running, agent: "revoked" }];
    case "destroy": {
      const destroyed: Shown = { ...ended(bot.shown), status: "destroyed", droplet: null };
      return [bot, { ...running, agent: "revoked" }, { ...bot, agent: "revoked", state: "over", shown: destroyed }];
    }
    default:
      return [bot, running];
  }
}

/** Every pair of answers that some order explains. */
export function explained(first: Raced, second: Raced, before: Serial): string[] {
  const forwards = inOrder(first, second, before).map(([a, b]) => sayBoth(a, b));
  const backwards = inOrder(second, first, before).map(([b, a]) => sayBoth(a, b));
  return [...new Set([...forwards, ...backwards])];
}

export function sayBoth(first: string, second: string): string {
  return `${first} | ${second}`;
}

function inOrder(first: Raced, second: Raced, before: Serial): [string, string][] {
  return onwards(before).flatMap((now) => {
    const [said, then] = answer(first, now);
    return onwards(then).map((later): [string, string] => [said, answer(second, later)[0]]);
  });
}
