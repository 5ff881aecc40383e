/** The fleet's upkeep, for the operator: what the sweep found, what does not get on, what the budget has left. */
import { z } from "@hono/zod-openapi";
import { appendAudit } from "../accounts/audit.ts";
import { openDb } from "../db/client.ts";
import { findOperations } from "../db/fleet.ts";
import { rebuildPlatform } from "../fleet/platform.ts";
import { parsePlace, rebuildPage } from "../fleet/rebuild.ts";
import type { ProviderGate } from "../provider/gate/object.ts";
import { gateStub } from "../provider/gate/stub.ts";
import { knownStanding } from "../wire/newer-release.ts";
import {
  GateStatus,
  OrphanReport,
  RebuildAnswer,
  RebuildRequest,
  RunningOperation,
  SweepRequest,
} from "../wire/operator.ts";
import { pageOf } from "../wire/primitives.ts";
import { auditOf } from "./audit-record.ts";
import { access } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { createApp } from "./context.ts";
import { BooleanQuery, INVALID_CURSOR } from "./paging.ts";
import { problem } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Operator"];
const MAX_OPERATIONS = 1_000;

export const operatorRoutes = createApp();

operatorRoutes.openapi(
  route({
    method: "get",
    path: "/operator/orphans",
    operationId: "listOrphans",
    summary: "List orphaned droplets",
    description: "Returns the droplets that no bot accounts for, what was done with them, and the last sweep's report.",
    tags,
    ...access("operator:read"),
    responses: { 200: json(OrphanReport, "The orphaned droplets and the last sweep") },
  }),
  async (c) => c.json(viewOrphans(await gateStub(c.env).orphans()), 200),
);

operatorRoutes.openapi(
  route({
    method: "post",
    path: "/operator/sweep",
    operationId: "sweep",
    summary: "Start a sweep",
    description:
      "Starts a sweep for orphaned droplets in the background. Get its report with GET /operator/orphans. A dry run reports without deleting.",
    tags,
    ...access("operator:write", ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: SweepRequest } } } },
    responses: {
      202: json(OrphanReport, "The sweep is queued; the last report"),
    },
  }),
  async (c) => {
    const { dry_run } = c.req.valid("json");
    await appendAudit(openDb(c.env.DB), auditOf(c, "sweep", { after: { dry_run } }));
    return c.json(viewOrphans(await gateStub(c.env).sweep({ dry_run })), 202);
  },
);

function viewOrphans({ orphans, last, under_way }: Awaited<ReturnType<ProviderGate["orphans"]>>) {
  return {
    data: orphans.map(({ droplet_id, name, bot_id, state, why, since }) => {
      return { droplet_id, name, bot_id, state, why, since: iso(since) };
    }),
    last_sweep: last && { ...last, began_at: iso(last.began_at), ended_at: iso(last.ended_at) },
    under_way,
  };
}

operatorRoutes.openapi(
  route({
    method: "post",
    path: "/operator/index/rebuild",
    operationId: "rebuildIndex",
    summary: "Rebuild the index",
    description:
      "Rebuilds one page of the index from the bots' own storage. Repeat with `next_cursor` until it is null. Safe to run at any time and to repeat.",
    tags,
    ...access("operator:write", ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: RebuildRequest } } } },
    responses: { 200: json(RebuildAnswer, "The result for this page") },
  }),
  async (c) => {
    const { cursor } = c.req.valid("json");
    const place = parsePlace(cursor);
    if (place === null) return problem(c, "malformed_request", INVALID_CURSOR);
    await appendAudit(openDb(c.env.DB), auditOf(c, "rebuildIndex", { after: { cursor } }));
    const rebuilt = await rebuildPage(rebuildPlatform(c.env), place);
    if (rebuilt.ok) return c.json(rebuilt.page, 200);
    const { reason, retry_after_s } = rebuilt;
    return problem(c, "unavailable", `DigitalOcean's list of droplets cannot be read: ${reason}. Try again.`, {
      retry_after_s,
    });
  },
);

operatorRoutes.openapi(
  route({
    method: "get",
    path: "/operator/operations",
    operationId: "listRunningOperations",
    summary: "List running operations",
    description:
      "Returns up to 1000 running operations from the index, those without progress for longest first. The index can lag behind the bots.",
    tags,
    ...access("operator:read"),
    request: {
      query: z.object({
        stuck: BooleanQuery.optional().meta({
          type: "string",
          enum: ["true", "false"],
          description: "`true`: only operations without progress for 15 minutes",
        }),
      }),
    },
    responses: { 200: json(pageOf(RunningOperation, "RunningOperationPage"), "Operations") },
  }),
  async (c) => {
    const now = Date.now();
    const { stuck } = c.req.valid("query");
    const rows = await findOperations(openDb(c.env.DB), stuck ? now : null, MAX_OPERATIONS);
    const data = rows.flatMap(({ id, account_id, operation_kind: kind, ...row }) => {
      const { status, reason } = knownStanding(row);
      const { operation_since, updated_at, next_due_at } = row;
      if (kind === null) return [];
      const overdue = next_due_at !== null && next_due_at <= now;
      const started_at = iso(operation_since ?? updated_at);
      return [
        { bot_id: id, account_id, status, kind, reason, started_at, progress_at: iso(updated_at), stuck: overdue },
      ];
    });
    return c.json({ data, next_cursor: null }, 200);
  },
);

operatorRoutes.openapi(
  route({
    method: "get",
    path: "/operator/gate",
    operationId: "getGate",
    summary: "Get the DigitalOcean request budget",
    description: "Returns what is left of DigitalOcean's rate limits, how many bots wait, and what blocks the fleet.",
    tags,
    ...access("operator:read"),
    responses: { 200: json(GateStatus, "The request budget") },
  }),
  async (c) => {
    const { circuit, paused_until, verified_at, fleet_hold_since, ...rest } = await gateStub(c.env).status();
    return c.json(
      {
        ...rest,
        circuit: circuit && { ...circuit, since: iso(circuit.since) },
        paused_until: isoOrNull(paused_until),
        verified_at: isoOrNull(verified_at),
        fleet_hold_since: isoOrNull(fleet_hold_since),
      },
      200,
    );
  },
);

function iso(at: number): string {
  return new Date(at).toISOString();
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at);
}
