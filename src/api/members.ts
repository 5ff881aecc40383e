/** Who belongs to an account, and who is asked to. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { findAccount } from "../accounts/accounts.ts";
import { openDb } from "../db/client.ts";
import { invitation as invitationMessage } from "../people/mail.ts";
import {
  acceptInvitation,
  changeMember,
  invite,
  listInvitations,
  listMembers,
  withdrawInvitation,
} from "../people/members.ts";
import { inScope } from "../records/caller.ts";
import type { Role } from "../wire/access.ts";
import { Invitation, InviteRequest, Member, RoleRequest } from "../wire/person.ts";
import { pageOf, Uuid } from "../wire/primitives.ts";
import { auditOf } from "./audit-record.ts";
import { access, personOf, signedIn } from "./auth.ts";
import { jsonBody } from "./body.ts";
import { type AppEnv, createApp } from "./context.ts";
import { sendInBackground } from "./people-auth.ts";
import { problem } from "./problem.ts";
import { BODY_PROBLEMS, json, problems } from "./responses.ts";

const tags = ["Members"];
const AccountPath = z.object({ id: Uuid });
const MemberPath = AccountPath.extend({ user_id: Uuid });

export const memberRoutes = createApp();

/** Another account's id answers like an unknown one. A tenant's own account is there; the operator may name any. */
async function unknown(c: Context<AppEnv>, accountId: string) {
  const { scope } = c.get("principal");
  const there =
    inScope(scope, accountId) &&
    (!("every_account" in scope) || (await findAccount(openDb(c.env.DB), scope, accountId)) !== null);
  return there ? null : problem(c, "account_not_found", "There is no such account.");
}

memberRoutes.openapi(
  createRoute({
    method: "get",
    path: "/accounts/{id}/members",
    operationId: "listMembers",
    summary: "List who belongs to the account",
    tags,
    ...access("account:read"),
    request: { params: AccountPath },
    responses: { 200: json(pageOf(Member, "MemberPage"), "All of them"), ...problems(400, 404) },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    return (await unknown(c, id)) ?? c.json({ data: await listMembers(openDb(c.env.DB), id), next_cursor: null }, 200);
  },
);

memberRoutes.openapi(
  createRoute({
    method: "patch",
    path: "/accounts/{id}/members/{user_id}",
    operationId: "changeMember",
    summary: "Give a member another role, at once",
    tags,
    ...access("members:write", ...jsonBody),
    request: {
      params: MemberPath,
      body: { required: true, content: { "application/json": { schema: RoleRequest } } },
    },
    responses: { 204: { description: "Changed" }, ...problems(...BODY_PROBLEMS, 404, 409) },
  }),
  (c) => change(c, "changeMember", c.req.valid("param"), c.req.valid("json").role),
);

memberRoutes.openapi(
  createRoute({
    method: "delete",
    path: "/accounts/{id}/members/{user_id}",
    operationId: "removeMember",
    summary: "End a membership, at once",
    tags,
    ...access("members:write"),
    request: { params: MemberPath },
    responses: { 204: { description: "Ended" }, ...problems(400, 404, 409) },
  }),
  (c) => change(c, "removeMember", c.req.valid("param"), null),
);

async function change(c: Context<AppEnv>, action: string, path: z.output<typeof MemberPath>, role: Role | null) {
  const { id, user_id } = path;
  const audit = auditOf(c, action, { account_id: id, target: user_id, after: { role } });
  const changed = (await unknown(c, id)) ?? (await changeMember(openDb(c.env.DB), id, user_id, role, audit));
  if (changed === "unknown") return problem(c, "member_not_found", "Nobody of that id belongs to the account.");
  if (changed === "last_owner")
    return problem(c, "last_owner", "They are its last owner: make somebody else one first.");
  return changed === "changed" ? c.body(null, 204) : changed;
}

memberRoutes.openapi(
  createRoute({
    method: "post",
    path: "/accounts/{id}/invitations",
    operationId: "invite",
    summary: "Invite somebody by their e-mail address",
    description: "Holds for a week. Who has it in their message accepts it after signing in with that address.",
    tags,
    ...access("members:write", ...jsonBody),
    request: {
      params: AccountPath,
      body: { required: true, content: { "application/json": { schema: InviteRequest } } },
    },
    responses: { 201: json(Invitation, "The invitation"), ...problems(...BODY_PROBLEMS, 404, 409) },
  }),
  async (c) => {
    const account_id = c.req.valid("param").id;
    const foreign = await unknown(c, account_id);
    if (foreign) return foreign;
    const id = crypto.randomUUID();
    const { email, role } = c.req.valid("json");
    const wish = { id, account_id, email, role, invited_by: c.get("principal").actor };
    const audit = auditOf(c, "invite", { account_id, target: id, after: { email, role } });
    const made = await invite(openDb(c.env.DB), wish, audit, Date.now());
    if (made === null) return problem(c, "too_many_invitations", "Withdraw some, or wait until they have ended.");
    sendInBackground(c, invitationMessage(email, id, c.get("settings").PUBLIC_URL));
    return c.json(made, 201);
  },
);

memberRoutes.openapi(
  createRoute({
    method: "get",
    path: "/accounts/{id}/invitations",
    operationId: "listInvitations",
    summary: "List open invitations, newest first",
    tags,
    ...access("members:write"),
    request: { params: AccountPath },
    responses: { 200: json(pageOf(Invitation, "InvitationPage"), "All of them"), ...problems(400, 404) },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    const foreign = await unknown(c, id);
    if (foreign) return foreign;
    return c.json({ data: await listInvitations(openDb(c.env.DB), id, Date.now()), next_cursor: null }, 200);
  },
);

memberRoutes.openapi(
  createRoute({
    method: "delete",
    path: "/accounts/{id}/invitations/{invitation_id}",
    operationId: "withdrawInvitation",
    summary: "Withdraw an invitation",
    tags,
    ...access("members:write"),
    request: { params: AccountPath.extend({ invitation_id: Uuid }) },
    responses: { 204: { description: "Withdrawn" }, ...problems(400, 404) },
  }),
  async (c) => {
    const { id, invitation_id } = c.req.valid("param");
    const audit = auditOf(c, "withdrawInvitation", { account_id: id, target: invitation_id });
    const foreign = await unknown(c, id);
    if (foreign) return foreign;
    const gone = await withdrawInvitation(openDb(c.env.DB), id, invitation_id, audit);
    return gone ? c.body(null, 204) : problem(c, "invitation_not_found", "There is no such invitation.");
  },
);

memberRoutes.openapi(
  createRoute({
    method: "post",
    path: "/invitations/{id}/accept",
    operationId: "acceptInvitation",
    summary: "Join the account that invited one's address",
    tags,
    ...signedIn(),
    request: { params: AccountPath },
    responses: { 200: json(z.object({ account_id: Uuid }), "Joined"), ...problems(400, 404) },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    const audit = auditOf(c, "acceptInvitation", { target: id });
    const account_id = await acceptInvitation(openDb(c.env.DB), personOf(c), id, audit, Date.now());
    return account_id === null
      ? problem(c, "invitation_not_found", "There is no such invitation to your address, or it has ended.")
      : c.json({ account_id }, 200);
  },
);
