/** What the audit log is told of a change that somebody asked a Bot for. It travels in the Bot's outbox, so in the change's own commit. */
import type { Caller } from "../../records/caller.ts";
import type { AuditRecord } from "../../records/rows.ts";
import type { EventBody } from "../model/events.ts";
import type { BotState, Instant } from "../model/state.ts";

/** @param events what the caller caused; the bot before and after them. @param note why, where the caller said so */
export function auditOfChange(
  before: BotState,
  after: BotState,
  caller: Caller,
  events: readonly EventBody[],
  note: string | null,
  now: Instant,
): AuditRecord {
  const { id, account_id, status, generation, config } = before;
  return {
    key: `${id}:${after.revision}`,
    at: now,
    account_id,
    bot_id: id,
    actor: caller.actor,
    credential_id: caller.credential_id,
    action: caller.action,
    target: null,
    before: { status, generation, config_version: config.desired.version },
    after: events.map(({ kind, data }) => ({ kind, data })),
    reason: note ?? reasonOf(events),
    request_id: caller.request_id,
  };
}

function reasonOf(events: readonly EventBody[]): string | null {
  for (const event of events) {
    switch (event.kind) {
      case "suspended":
      case "security_acknowledged":
      case "hold_released":
        return event.data.reason;
    }
  }
  return null;
}
