/** People, their sessions and the accounts that they belong to, on the wire. */
import * as z from "zod";
import { ROLES } from "./access.ts";
import { Timestamp, Uuid } from "./primitives.ts";

export const MIN_PASSWORD_LENGTH = 12;
export const MAX_PASSWORD_LENGTH = 128;

const Email = z.email().max(254).toLowerCase().meta({ example: "ada@example.com" });
const NewPassword = z
  .string()
  .min(MIN_PASSWORD_LENGTH)
  .max(MAX_PASSWORD_LENGTH)
  .meta({ writeOnly: true, example: "correct horse battery" });
const Password = z.string().min(1).max(MAX_PASSWORD_LENGTH).meta({ writeOnly: true });

export const SignUpRequest = z
  .strictObject({ email: Email, password: NewPassword, name: z.string().trim().min(1).max(100) })
  .meta({ id: "SignUpRequest" });

export const SignInRequest = z.strictObject({ email: Email, password: Password }).meta({ id: "SignInRequest" });

export const EmailRequest = z.strictObject({ email: Email }).meta({ id: "EmailRequest" });

export const ResetPasswordRequest = z
  .strictObject({ token: z.string().min(1).max(128).meta({ writeOnly: true }), password: NewPassword })
  .meta({ id: "ResetPasswordRequest" });

export const ChangePasswordRequest = z
  .strictObject({ current_password: Password, password: NewPassword })
  .meta({ id: "ChangePasswordRequest" });

/** The same whether the address is known or not. */
export const Accepted = z
  .object({ status: z.literal("accepted"), detail: z.string() })
  .meta({ id: "Accepted", description: "Accepted. The result is sent to the email address." });

export const SignedIn = z
  .object({ status: z.literal("signed_in"), user_id: Uuid, expires_at: Timestamp })
  .meta({ id: "SignedIn" });

export const Invitation = z
  .object({
    id: Uuid,
    account_id: Uuid,
    email: z.string(),
    role: z.enum(ROLES),
    invited_by: z.string(),
    created_at: Timestamp,
    expires_at: Timestamp,
  })
  .meta({ id: "Invitation" });
export type Invitation = z.infer<typeof Invitation>;

/** Who is signed in, and what they belong to. */
export const Me = z
  .object({
    user: z.object({ id: Uuid, email: z.string(), name: z.string() }),
    session_id: Uuid,
    accounts: z.array(z.object({ id: Uuid, role: z.enum(ROLES) })).meta({
      description: "Requests act for the first account, or for the one in the header `Spawnpoint-Account`",
    }),
    invitations: z.array(Invitation),
  })
  .meta({ id: "Me" });
export type Me = z.infer<typeof Me>;

export const SessionView = z
  .object({
    id: Uuid,
    present: z.boolean().meta({ description: "Whether this is the session that sent the request" }),
    ip_address: z.string().nullable(),
    user_agent: z.string().nullable(),
    created_at: Timestamp,
    expires_at: Timestamp,
  })
  .meta({ id: "Session" });
export type SessionView = z.infer<typeof SessionView>;

export const Member = z
  .object({ user_id: Uuid, email: z.string(), name: z.string(), role: z.enum(ROLES), joined_at: Timestamp })
  .meta({ id: "Member" });
export type Member = z.infer<typeof Member>;

export const InviteRequest = z.strictObject({ email: Email, role: z.enum(ROLES) }).meta({ id: "InviteRequest" });
export const RoleRequest = z.strictObject({ role: z.enum(ROLES) }).meta({ id: "RoleRequest" });
