/** The audit log: an account's own part of it, and all of it for the operator. No route changes it. */
import { listAudit } from "../accounts/audit.ts";
import { openDb } from "../db/client.ts";
import { AuditEntry, AuditQuery } from "../wire/audit.ts";
import { pageOf, Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { createApp } from "./context.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Audit"];
const AuditPage = pageOf(AuditEntry, "AuditPage");

export const auditRoutes = createApp();

auditRoutes.openapi(
  route({
    method: "get",
    path: "/audit",
    operationId: "listAudit",
    summary: "List the account's audit log",
    description: "Returns who changed what in the account, newest first. Entries cannot be changed or deleted.",
    tags,
    ...access("audit:read"),
    request: { query: AuditQuery },
    responses: { 200: json(AuditPage, "A page of entries") },
  }),
  async (c) => {
    const { limit, cursor, ...filter } = c.req.valid("query");
    const { scope } = c.get("principal");
    return c.json(await listAudit(openDb(c.env.DB), scope, filter, limit, cursor ?? null), 200);
  },
);

auditRoutes.openapi(
  route({
    method: "get",
    path: "/operator/audit",
    operationId: "listAllAudit",
    summary: "List the whole audit log",
    description: "Returns who changed what in every account and in the fleet, newest first.",
    tags,
    ...access("operator:read"),
    request: { query: AuditQuery.extend({ account_id: Uuid.optional() }) },
    responses: { 200: json(AuditPage, "A page of entries") },
  }),
  async (c) => {
    const { limit, cursor, ...filter } = c.req.valid("query");
    const { scope } = c.get("principal");
    return c.json(await listAudit(openDb(c.env.DB), scope, filter, limit, cursor ?? null), 200);
  },
);
