/** Who is signed in, from where, and ending it. */
import { createRoute, z } from "@hono/zod-openapi";
import { deleteCookie } from "hono/cookie";
import { openDb } from "../db/client.ts";
import { SESSION_COOKIE } from "../people/session.ts";
import { describePerson, endOtherSessions, endSession, listSessions } from "../people/sessions.ts";
import { Me, SessionView } from "../wire/person.ts";
import { pageOf, Uuid } from "../wire/primitives.ts";
import { auditOf } from "./audit-record.ts";
import { personOf, signedIn } from "./auth.ts";
import { createApp } from "./context.ts";
import { problem } from "./problem.ts";
import { json, problems } from "./responses.ts";

const tags = ["People"];

export const sessionRoutes = createApp();

sessionRoutes.openapi(
  createRoute({
    method: "get",
    path: "/auth/session",
    operationId: "getSession",
    summary: "Who is signed in, and which accounts they belong to",
    tags,
    ...signedIn(),
    responses: { 200: json(Me, "The person"), ...problems() },
  }),
  async (c) => c.json(await describePerson(openDb(c.env.DB), personOf(c), Date.now()), 200),
);

sessionRoutes.openapi(
  createRoute({
    method: "post",
    path: "/auth/sign-out",
    operationId: "signOut",
    summary: "End the present session",
    tags,
    ...signedIn(),
    responses: { 204: { description: "Ended" }, ...problems() },
  }),
  async (c) => {
    const person = personOf(c);
    await endSession(
      openDb(c.env.DB),
      person,
      person.session_id,
      auditOf(c, "signOut", { account_id: person.user_id }),
    );
    deleteCookie(c, SESSION_COOKIE, { path: "/", secure: true });
    return c.body(null, 204);
  },
);

sessionRoutes.openapi(
  createRoute({
    method: "get",
    path: "/auth/sessions",
    operationId: "listSessions",
    summary: "List one's sessions, newest first",
    tags,
    ...signedIn(),
    responses: { 200: json(pageOf(SessionView, "SessionPage"), "All of them"), ...problems() },
  }),
  async (c) => {
    const data = await listSessions(openDb(c.env.DB), personOf(c), Date.now());
    return c.json({ data, next_cursor: null }, 200);
  },
);

sessionRoutes.openapi(
  createRoute({
    method: "delete",
    path: "/auth/sessions",
    operationId: "endOtherSessions",
    summary: "End all of one's sessions but the present one",
    tags,
    ...signedIn(),
    responses: { 204: { description: "Ended" }, ...problems() },
  }),
  async (c) => {
    const person = personOf(c);
    await endOtherSessions(openDb(c.env.DB), person, auditOf(c, "endOtherSessions", { account_id: person.user_id }));
    return c.body(null, 204);
  },
);

sessionRoutes.openapi(
  createRoute({
    method: "delete",
    path: "/auth/sessions/{id}",
    operationId: "endSession",
    summary: "End one of one's sessions, at once",
    tags,
    ...signedIn(),
    request: { params: z.object({ id: Uuid }) },
    responses: { 204: { description: "Ended" }, ...problems(400, 404) },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    const person = personOf(c);
    const audit = auditOf(c, "endSession", { account_id: person.user_id, target: id });
    const ended = await endSession(openDb(c.env.DB), person, id, audit);
    return ended ? c.body(null, 204) : problem(c, "session_not_found", "There is no such session.");
  },
);
