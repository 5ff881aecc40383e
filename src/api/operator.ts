/** The fleet's upkeep, for the operator: what the sweep found, what does not get on, what the budget has left. */
import { createRoute, z } from "@hono/zod-openapi";
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
import { BooleanQuery } from "./paging.ts";
import { problem } from "./problem.ts";
import { BODY_PROBLEMS, json, problems } from "./responses.ts";

const tags = ["Operator"];
const MAX_OPERATIONS = 1_000;

export const operatorRoutes = createApp();

operatorRoutes.openapi(
  createRoute({
    method: "get",
    path: "/operator/orphans",
    operationId: "listOrphans",
    summary: "Droplets that no bot accounts for, and what was done with them",
    tags,
    ...access("operator:read"),
    responses: { 200: json(OrphanReport, "The last sweep and what it found"), ...problems() },
  }),
  async (c) => c.json(viewOrphans(await gateStub(c.env).orphans()), 200),
);

operatorRoutes.openapi(
  createRoute({
    method: "post",
    path: "/operator/sweep",
    operationId: "sweep",
    summary: "Ask for a pass of the sweep",
    description: "It runs in the background; read what it found with GET /operator/orphans. A dry run only reports.",
    tags,
    ...access("operator:write", ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: SweepRequest } } } },
    responses: {
      202: json(OrphanReport, "The pass is asked for; what the last one found"),
      ...problems(...BODY_PROBLEMS),
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
  createRoute({
    method: "post",
    path: "/operator/index/rebuild",
    operationId: "rebuildIndex",
    summary: "Put the index right, from the bots themselves",
    description: "A page at a time: send `next_cursor` until it is null. May be repeated, and done at any time.",
    tags,
    ...access("operator:write", ...jsonBody),
    request: { body: { required: true, content: { "application/json": { schema: RebuildRequest } } } },
    responses: { 200: json(RebuildAnswer, "What this page came to"), ...problems(...BODY_PROBLEMS) },
  }),
  async (c) => {
    const { cursor } = c.req.valid("json");
    const place = parsePlace(cursor);
    if (place === null) return problem(c, "malformed_request", "The cursor is not one that this route gave out.");
    await appendAudit(openDb(c.env.DB), auditOf(c, "rebuildIndex", { after: { cursor } }));
    const rebuilt = await rebuildPage(rebuildPlatform(c.env), place);
    if (rebuilt.ok) return c.json(rebuilt.page, 200);
    const { reason, retry_after_s } = rebuilt;
    return problem(c, "unavailable", `DigitalOcean's list cannot be read just now: ${reason}.`, { retry_after_s });
  },
);

operatorRoutes.openapi(
  createRoute({
    method: "get",
    path: "/operator/operations",
    operationId: "listRunningOperations",
    summary: "Operations under way, the longest without progress first",
    description: "From the index, which may lag behind the bots; at most 1000.",
    tags,
    ...access("operator:read"),
    request: {
      query: z.object({
        stuck: BooleanQuery.optional().meta({
          type: "string",
          enum: ["true", "false"],
          description: "Only those without progress for 15 minutes",
        }),
      }),
    },
    responses: { 200: json(pageOf(RunningOperation, "RunningOperationPage"), "Operations"), ...problems(400) },
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
  createRoute({
    method: "get",
    path: "/operator/gate",
    operationId: "getGate",
    summary: "What is left of DigitalOcean's budget, who waits, and what holds the fleet back",
    tags,
    ...access("operator:read"),
    responses: { 200: json(GateStatus, "The gate"), ...problems() },
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
