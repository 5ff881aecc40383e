/** The audit log: an account's own part of it, and all of it for the operator. No route changes it. */
import { createRoute } from "@hono/zod-openapi";
import { listAudit } from "../accounts/audit.ts";
import { openDb } from "../db/client.ts";
import { AuditEntry, AuditQuery } from "../wire/audit.ts";
import { pageOf, Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { createApp } from "./context.ts";
import { json, problems } from "./responses.ts";

const tags = ["Audit"];
const AuditPage = pageOf(AuditEntry, "AuditPage");

export const auditRoutes = createApp();

auditRoutes.openapi(
  createRoute({
    method: "get",
    path: "/audit",
    operationId: "listAudit",
    summary: "Who did what in the account, newest first",
    tags,
    ...access("audit:read"),
    request: { query: AuditQuery },
    responses: { 200: json(AuditPage, "A page of entries"), ...problems(400) },
  }),
  async (c) => {
    const { limit, cursor, ...filter } = c.req.valid("query");
    const { scope } = c.get("principal");
    return c.json(await listAudit(openDb(c.env.DB), scope, filter, limit, cursor ?? null), 200);
  },
);

auditRoutes.openapi(
  createRoute({
    method: "get",
    path: "/operator/audit",
    operationId: "listAllAudit",
    summary: "Who did what, in every account and to the fleet, newest first",
    tags,
    ...access("operator:read"),
    request: { query: AuditQuery.extend({ account_id: Uuid.optional() }) },
    responses: { 200: json(AuditPage, "A page of entries"), ...problems(400) },
  }),
  async (c) => {
    const { limit, cursor, ...filter } = c.req.valid("query");
    const { scope } = c.get("principal");
    return c.json(await listAudit(openDb(c.env.DB), scope, filter, limit, cursor ?? null), 200);
  },
);
