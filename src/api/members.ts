/** Who belongs to an account, and who is asked to. */
import { z } from "@hono/zod-openapi";
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
import { json } from "./responses.ts";
import { route } from "./route.ts";

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
  return there ? null : problem(c, "account_not_found");
}

memberRoutes.openapi(
  route({
    method: "get",
    path: "/accounts/{id}/members",
    operationId: "listMembers",
    summary: "List members",
    description: "Returns all members of the account, the earliest first.",
    tags,
    ...access("account:read"),
    request: { params: AccountPath },
    refuses: ["account_not_found"],
    responses: { 200: json(pageOf(Member, "MemberPage"), "All members") },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    return (await unknown(c, id)) ?? c.json({ data: await listMembers(openDb(c.env.DB), id), next_cursor: null }, 200);
  },
);

memberRoutes.openapi(
  route({
    method: "patch",
    path: "/accounts/{id}/members/{user_id}",
    operationId: "changeMember",
    summary: "Change a member's role",
    description: "Applies from the member's next request on. An account keeps at least one owner.",
    tags,
    ...access("members:write", ...jsonBody),
    request: {
      params: MemberPath,
      body: { required: true, content: { "application/json": { schema: RoleRequest } } },
    },
    refuses: ["account_not_found", "member_not_found", "last_owner"],
    responses: { 204: { description: "Changed" } },
  }),
  (c) => change(c, "changeMember", c.req.valid("param"), c.req.valid("json").role),
);

memberRoutes.openapi(
  route({
    method: "delete",
    path: "/accounts/{id}/members/{user_id}",
    operationId: "removeMember",
    summary: "Remove a member",
    description: "Applies from the member's next request on. An account keeps at least one owner.",
    tags,
    ...access("members:write"),
    request: { params: MemberPath },
    refuses: ["account_not_found", "member_not_found", "last_owner"],
    responses: { 204: { description: "Removed" } },
  }),
  (c) => change(c, "removeMember", c.req.valid("param"), null),
);

async function change(c: Context<AppEnv>, action: string, path: z.output<typeof MemberPath>, role: Role | null) {
  const { id, user_id } = path;
  const audit = auditOf(c, action, { account_id: id, target: user_id, after: { role } });
  const changed = (await unknown(c, id)) ?? (await changeMember(openDb(c.env.DB), id, user_id, role, audit));
  if (changed === "unknown") return problem(c, "member_not_found");
  if (changed === "last_owner") return problem(c, "last_owner");
  return changed === "changed" ? c.body(null, 204) : changed;
}

memberRoutes.openapi(
  route({
    method: "post",
    path: "/accounts/{id}/invitations",
    operationId: "invite",
    summary: "Invite a member",
    description:
      "Sends a message to the address. The invitation is valid for one week; the invited person signs in with that address and accepts it. An address that is already invited gets a new invitation in place of the old one.",
    tags,
    ...access("members:write", ...jsonBody),
    request: {
      params: AccountPath,
      body: { required: true, content: { "application/json": { schema: InviteRequest } } },
    },
    refuses: ["account_not_found", "too_many_invitations"],
    responses: { 201: json(Invitation, "The invitation") },
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
    if (made === null) return problem(c, "too_many_invitations");
    sendInBackground(c, invitationMessage(email, id, c.get("settings").PUBLIC_URL));
    return c.json(made, 201);
  },
);

memberRoutes.openapi(
  route({
    method: "get",
    path: "/accounts/{id}/invitations",
    operationId: "listInvitations",
    summary: "List open invitations",
    description: "Returns all open invitations to the account, newest first.",
    tags,
    ...access("members:write"),
    request: { params: AccountPath },
    refuses: ["account_not_found"],
    responses: { 200: json(pageOf(Invitation, "InvitationPage"), "All open invitations") },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    const foreign = await unknown(c, id);
    if (foreign) return foreign;
    return c.json({ data: await listInvitations(openDb(c.env.DB), id, Date.now()), next_cursor: null }, 200);
  },
);

memberRoutes.openapi(
  route({
    method: "delete",
    path: "/accounts/{id}/invitations/{invitation_id}",
    operationId: "withdrawInvitation",
    summary: "Withdraw an invitation",
    description: "The invitation can no longer be accepted.",
    tags,
    ...access("members:write"),
    request: { params: AccountPath.extend({ invitation_id: Uuid }) },
    refuses: ["account_not_found", "invitation_not_found"],
    responses: { 204: { description: "Withdrawn" } },
  }),
  async (c) => {
    const { id, invitation_id } = c.req.valid("param");
    const audit = auditOf(c, "withdrawInvitation", { account_id: id, target: invitation_id });
    const foreign = await unknown(c, id);
    if (foreign) return foreign;
    const gone = await withdrawInvitation(openDb(c.env.DB), id, invitation_id, audit);
    return gone ? c.body(null, 204) : problem(c, "invitation_not_found");
  },
);

memberRoutes.openapi(
  route({
    method: "post",
    path: "/invitations/{id}/accept",
    operationId: "acceptInvitation",
    summary: "Accept an invitation",
    description:
      "Adds the signed-in user to the account, if the invitation was sent to their address. A member keeps the role that they have.",
    tags,
    ...signedIn(),
    request: { params: AccountPath },
    refuses: ["invitation_not_found"],
    responses: { 200: json(z.object({ account_id: Uuid }), "Joined") },
  }),
  async (c) => {
    const { id } = c.req.valid("param");
    const audit = auditOf(c, "acceptInvitation", { target: id });
    const account_id = await acceptInvitation(openDb(c.env.DB), personOf(c), id, audit, Date.now());
    return account_id === null ? problem(c, "invitation_not_found") : c.json({ account_id }, 200);
  },
);
