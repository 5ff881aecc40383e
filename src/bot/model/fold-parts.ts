/** What the folds of several kinds of events share. Pure. */
import type { EventData, EventKind } from "./events.ts";
import { factsOf } from "./operations.ts";
import type { BotState, Instant, OperationState } from "./state.ts";

const KEEP_REVOKED_CREDENTIALS = 8;

/** What each kind of event changes of the state. */
export type Folds<K extends EventKind> = {
  [Kind in K]: (bot: BotState, data: EventData[Kind], at: Instant, actor: string) => Partial<BotState>;
};

/** @param begun what it has pre-empted had begun to act: what is half done has to be brought to an end */
export function newOperation(
  id: string,
  kind: OperationState["kind"],
  actor: string,
  at: Instant,
  begun = false,
): OperationState {
  const committed = factsOf(kind).cancel === "never" || begun;
  return {
    id,
    kind,
    state: committed ? "running" : "queued",
    actor,
    started_at: at,
    ended_at: null,
    committed,
    failures: 0,
    last_error: null,
    recreating: kind === "create",
    replacing: false,
    power: null,
    wound_down: false,
  };
}

/** From its first intent on an operation runs and can no longer be cancelled. */
export function commit(bot: BotState): OperationState {
  const { operation } = bot;
  return operation.state === "queued" || operation.state === "running"
    ? { ...operation, state: "running", committed: true }
    : operation;
}

/** What went wrong last with the operation under way; one that has ended stays as it ended. */
export function troubled({ operation }: BotState, last_error: string): OperationState {
  return operation.ended_at === null ? { ...operation, last_error } : operation;
}

/** Nobody is accepted any more; the credential is remembered, so that its holder can be told that it was revoked. */
export function withoutAgent(bot: BotState): Partial<BotState> {
  return { agent: null, presence: "never", revoked_credentials: revoked(bot) };
}

/** The credentials that no longer count, the present one among them. */
export function revoked({ agent, revoked_credentials }: BotState): string[] {
  return agent === null
    ? revoked_credentials
    : remember(revoked_credentials, agent.credential_sha256, KEEP_REVOKED_CREDENTIALS);
}

/** The list with the item at its end, once, and no longer than `most`. */
export function remember<T>(list: readonly T[], item: T, most: number): T[] {
  return [...list.filter((other) => other !== item), item].slice(-most);
}
