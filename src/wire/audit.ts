/** The audit log on the wire. */
import * as z from "zod";
import { NumberedPageQuery, Timestamp, Uuid } from "./primitives.ts";

export const AuditEntry = z
  .object({
    id: z.int().positive(),
    at: Timestamp,
    account_id: Uuid.nullable(),
    bot_id: Uuid.nullable(),
    actor: z.string().meta({ description: "`user:…`, `key:…` or `operator:…`", example: "user:0d5f6a3e" }),
    credential_id: z.string().nullable().meta({ description: "Id of the session, key or token used" }),
    action: z.string().meta({ description: "`operationId` of the API operation that was called", example: "actOnBot" }),
    target: z.string().nullable(),
    before: z.unknown(),
    after: z.unknown(),
    reason: z.string().nullable(),
    request_id: Uuid.nullable(),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditQuery = NumberedPageQuery.extend({
  bot_id: Uuid.optional(),
  actor: z.string().max(100).optional(),
  action: z.string().max(100).optional(),
});
