import type { Runtime } from "./decision.ts";
import type { Policy } from "./policy.ts";
import type { BotState, Instant } from "./state.ts";

/** Everything that a decision looks at. */
export interface Situation {
  bot: BotState;
  rt: Runtime;
  now: Instant;
  policy: Policy;
}
