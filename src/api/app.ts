/** The HTTP face: what every request meets first and last, and the resources in between. */
import { z } from "@hono/zod-openapi";
import { sql } from "drizzle-orm";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import packageJson from "../../package.json" with { type: "json" };
import type { Principal } from "../accounts/principal.ts";
import { isUnavailable } from "../cloudflare/failures.ts";
import { log } from "../cloudflare/log.ts";
import { openDb, withRetry } from "../db/client.ts";
import { readSettings } from "../env.ts";
import { SESSION_COOKIE } from "../people/session.ts";
import { accountRoutes } from "./accounts.ts";
import { agentRoutes } from "./agents.ts";
import { apiKeyRoutes } from "./api-keys.ts";
import { auditRoutes } from "./audit.ts";
import { open } from "./auth.ts";
import { botRoutes } from "./bots.ts";
import { commandRoutes } from "./commands.ts";
import { configRoutes } from "./configs.ts";
import { type AppEnv, createApp } from "./context.ts";
import { credentialRoutes } from "./credentials.ts";
import { encryptionKeyRoutes } from "./encryption-keys.ts";
import { historyRoutes } from "./history.ts";
import { holdRoutes } from "./holds.ts";
import { answerHeaders, crossOrigin, sizeLimits } from "./hygiene.ts";
import { memberRoutes } from "./members.ts";
import { methodsFor } from "./methods.ts";
import { operationRoutes } from "./operations.ts";
import { operatorRoutes } from "./operator.ts";
import { peopleRoutes } from "./people.ts";
import { fromError, problem } from "./problem.ts";
import { addressBrake } from "./rate-limit.ts";
import { json, registerComponents } from "./responses.ts";
import { route } from "./route.ts";
import { securityRoutes } from "./security.ts";
import { sessionRoutes } from "./sessions.ts";
import { suspensionRoutes } from "./suspensions.ts";
import { TAGS } from "./tags.ts";

export const app = createApp();

app.use(async (c, next) => {
  const request_id = crypto.randomUUID();
  c.set("request_id", request_id);
  c.set("settings", readSettings(c.env));
  const began = Date.now();
  await next();
  c.header("x-request-id", request_id);
  noteRequest(c, Date.now() - began);
});

/** What people and programs change, or fail to change, is worth a line each; what agents say is in their bots' histories. */
function noteRequest(c: Context<AppEnv>, ms: number): void {
  const principal: Principal | undefined = c.get("principal");
  if (principal === undefined || c.req.method === "GET") return;
  const { actor, credential_id } = principal;
  const { method, path } = c.req;
  log({
    event: "request",
    request_id: c.get("request_id"),
    actor,
    credential_id,
    method,
    path,
    status: c.res.status,
    ms,
  });
}

app.use(answerHeaders);
app.use(sizeLimits);
app.use(async (c, next) => (c.req.header("origin") === undefined ? next() : crossOrigin(c, next)));

app.openapi(
  route({
    method: "get",
    path: "/health",
    operationId: "health",
    ...open(addressBrake),
    summary: "Check the service",
    description: "Reports whether the service and its database respond.",
    tags: ["Health"],
    responses: {
      200: json(z.object({ status: z.literal("healthy"), version: z.string() }), "Healthy"),
      503: json(z.object({ status: z.literal("unhealthy"), error: z.string() }), "Unhealthy"),
    },
  }),
  async (c) => {
    try {
      await withRetry(() => openDb(c.env.DB).run(sql`SELECT 1`));
      return c.json({ status: "healthy" as const, version: packageJson.version }, 200);
    } catch {
      return c.json({ status: "unhealthy" as const, error: "The database does not respond." }, 503);
    }
  },
);

app.route("/", peopleRoutes);
app.route("/", sessionRoutes);
app.route("/", memberRoutes);
app.route("/", apiKeyRoutes);
app.route("/", auditRoutes);
app.route("/", accountRoutes);
// Before the routes of one bot: "agent" is not a bot's id.
app.route("/", agentRoutes);
app.route("/", credentialRoutes);
app.route("/", botRoutes);
app.route("/", configRoutes);
app.route("/", commandRoutes);
app.route("/", operationRoutes);
app.route("/", historyRoutes);
app.route("/", operatorRoutes);
app.route("/", suspensionRoutes);
app.route("/", securityRoutes);
app.route("/", holdRoutes);
app.route("/", encryptionKeyRoutes);

registerComponents(app);
app.openAPIRegistry.registerComponent("securitySchemes", "operator", {
  type: "http",
  scheme: "bearer",
  description: "The operator token or an operator key, `sp_op_…`. Reaches every account.",
});
app.openAPIRegistry.registerComponent("securitySchemes", "api_key", {
  type: "http",
  scheme: "bearer",
  description: "An API key of an account, `sp_key_…`. Reaches that account, within the key's scopes.",
});
app.openAPIRegistry.registerComponent("securitySchemes", "session", {
  type: "apiKey",
  in: "cookie",
  name: SESSION_COOKIE,
  description:
    "A session cookie. Acts for the user's own account, or for the account in the header `Spawnpoint-Account`.",
});
app.openAPIRegistry.registerComponent("securitySchemes", "agent", {
  type: "http",
  scheme: "bearer",
  description: "A droplet's registration token, `sp_reg_…`, or its agent's credential, `sp_agt_…`.",
});

app.doc31("/openapi.json", {
  openapi: "3.1.0",
  info: {
    title: "Spawnpoint",
    version: packageJson.version,
    description: packageJson.description,
    contact: { name: "Spawnpoint", url: "https://spawnpoint.dev" },
    license: { name: "MIT", url: "https://spdx.org/licenses/MIT.html" },
  },
  servers: [{ url: "/", description: "This deployment" }],
  tags: TAGS,
});

app.notFound((c) => {
  const methods = methodsFor(app, c.req.path);
  if (methods.length === 0) return problem(c, "route_not_found");
  c.header("allow", methods.join(", "));
  return problem(c, "method_not_allowed", `This route supports ${methods.join(", ")}.`);
});

app.onError((error, c) => {
  // What a client sent wrongly is the client's to know, not an alert.
  if (error instanceof HTTPException) return fromError(c, error);
  const level = isUnavailable(error) ? "warn" : "error";
  log({
    level,
    event: "request_failed",
    request_id: c.get("request_id"),
    path: c.req.path,
    detail: error.message,
    stack: error.stack,
  });
  return fromError(c, error);
});
