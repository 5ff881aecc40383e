/**
 * What a newer release has written and this one reads, after a deploy was rolled back. Enumerations grow from release to
 * release; nobody is shown a member that this release's document does not list.
 */
import { BOT_STATUSES, type BotStatus } from "./enums.ts";

/** The `reason` of such a bot's status, and the code with which changes to it are refused. */
export const NEWER_RELEASE = "newer_release";

export function isKnown<T extends string>(known: readonly T[], value: string): value is T {
  return (known as readonly string[]).includes(value);
}

interface Standing {
  status: BotStatus;
  reason: string | null;
}

/** A bot's status as a row of the index has it: one that only a newer release knows is shown as `error`, with the reason. */
export function knownStanding({ status, reason }: Standing): Standing {
  return isKnown(BOT_STATUSES, status) ? { status, reason } : { status: "error", reason: NEWER_RELEASE };
}
