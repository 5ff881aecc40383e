/** What is not written of a bot of a newer release: events that this release would fold into what it does not know. */

import type { Caller } from "../../records/caller.ts";
import type { EventBody } from "../model/events.ts";
import { isOfNewerRelease } from "../model/newer-release.ts";
import type { BotState } from "../model/state.ts";

interface Facts {
  events?: readonly EventBody[];
  by?: Caller;
  config?: unknown;
  commands?: unknown;
  erase_secrets?: true;
  ends_bot?: true;
}

/**
 * The change without the facts that it brings: clocks, rows for the index and remembered answers stay. Only what ends
 * the bot is written whole.
 * @throws where a person asked for it, who would be told that it was done: such a call has to refuse
 */
export function withhold<C extends Facts>(bot: BotState, change: C): C {
  if (change.ends_bot || !isOfNewerRelease(bot)) return change;
  if (change.by !== undefined) throw new Error("a person's change has come to a bot of a newer release");
  return { ...change, events: [], config: undefined, commands: [], erase_secrets: undefined };
}
