import type { Policy } from "../model/policy.ts";
import type { BotState, Instant } from "../model/state.ts";
import type { Runtime } from "./decision.ts";

/** Everything that a decision looks at. */
export interface Situation {
  bot: BotState;
  rt: Runtime;
  now: Instant;
  policy: Policy;
}
