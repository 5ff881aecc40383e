/** An entry of the audit log for what tests do without a request. */
import type { AuditRecord } from "../../src/records/rows.ts";

function testAudit(): AuditRecord {
  return {
    key: crypto.randomUUID(),
    at: Date.now(),
    account_id: null,
    bot_id: null,
    actor: "operator:test",
    credential_id: null,
    action: "test",
    target: null,
    before: null,
    after: null,
    reason: null,
    request_id: null,
  };
}

/** What a create brings besides the bot. */
export function testWish() {
  return { key: null, audit: testAudit(), fleet_id: "aaaaaaaa", creates_per_hour: 1_000_000 };
}
