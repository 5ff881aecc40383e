/** Who is signed in, from where, and ending it. */
import { z } from "@hono/zod-openapi";
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
import { json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Authentication"];

export const sessionRoutes = createApp();

sessionRoutes.openapi(
  route({
    method: "get",
    path: "/auth/session",
    operationId: "getSession",
    summary: "Get the current session",
    description: "Returns the signed-in user, the accounts they belong to, and their open invitations.",
    tags,
    ...signedIn(),
    responses: { 200: json(Me, "The user") },
  }),
  async (c) => c.json(await describePerson(openDb(c.env.DB), personOf(c), Date.now()), 200),
);

sessionRoutes.openapi(
  route({
    method: "post",
    path: "/auth/sign-out",
    operationId: "signOut",
    summary: "Sign out",
    description: "Ends the current session and deletes its cookie.",
    tags,
    ...signedIn(),
    responses: { 204: { description: "Ended" } },
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
  route({
    method: "get",
    path: "/auth/sessions",
    operationId: "listSessions",
    summary: "List sessions",
    description: "Returns the user's active sessions, newest first.",
    tags,
    ...signedIn(),
    responses: { 200: json(pageOf(SessionView, "SessionPage"), "All active sessions") },
  }),
  async (c) => {
    const data = await listSessions(openDb(c.env.DB), personOf(c), Date.now());
    return c.json({ data, next_cursor: null }, 200);
  },
);

sessionRoutes.openapi(
  route({
    method: "delete",
    path: "/auth/sessions",
    operationId: "endOtherSessions",
    summary: "End all other sessions",
    description: "Ends every session of the user except the current one.",
    tags,
    ...signedIn(),
    responses: { 204: { description: "Ended" } },
  }),
  async (c) => {
    const person = personOf(c);
    await endOtherSessions(openDb(c.env.DB), person, auditOf(c, "endOtherSessions", { account_id: person.user_id }));
    return c.body(null, 204);
  },
);

sessionRoutes.openapi(
  route({
    method: "delete",
    path: "/auth/sessions/{id}",
    operationId: "endSession",
    summary: "End a session",
    description: "Ends one of the user's sessions. It is refused from the next request on.",
    tags,
    ...signedIn(),
    request: { params: z.object({ id: Uuid }) },
    refuses: ["session_not_found"],
    responses: { 204: { description: "Ended" } },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    const person = personOf(c);
    const audit = auditOf(c, "endSession", { account_id: person.user_id, target: id });
    const ended = await endSession(openDb(c.env.DB), person, id, audit);
    return ended ? c.body(null, 204) : problem(c, "session_not_found");
  },
);
