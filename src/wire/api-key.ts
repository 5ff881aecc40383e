/** API keys on the wire. A key's secret is in the answer that makes it and nowhere else. */
import * as z from "zod";
import { KEY_SCOPES, OPERATOR_KEY_SCOPES } from "./access.ts";
import { Timestamp, Uuid } from "./primitives.ts";

const common = {
  name: z.string().trim().min(1).max(100).meta({ description: "What the key is used for", example: "back office" }),
  expires_at: Timestamp.optional().meta({
    description: "When the key expires. Without it the key is valid until it is revoked.",
  }),
};

function scopesOf<const T extends readonly [string, ...string[]]>(names: T) {
  return z
    .array(z.enum(names))
    .min(1)
    .refine((scopes) => new Set(scopes).size === scopes.length, "must not contain a scope twice");
}

export const CreateKeyRequest = z
  .strictObject({ ...common, scopes: scopesOf(KEY_SCOPES) })
  .meta({ id: "CreateKeyRequest" });

export const CreateOperatorKeyRequest = z
  .strictObject({
    ...common,
    account_id: Uuid.optional().meta({ description: "Creates a key of this account instead of an operator key" }),
    scopes: scopesOf(OPERATOR_KEY_SCOPES),
  })
  .refine(
    (key) =>
      key.account_id === undefined || key.scopes.every((scope) => (KEY_SCOPES as readonly string[]).includes(scope)),
    { message: `may only contain ${KEY_SCOPES.join(", ")} for an account's key`, path: ["scopes"] },
  )
  .meta({ id: "CreateOperatorKeyRequest" });

/** As they are stored. */
export const KeyScopes = z.array(z.enum(OPERATOR_KEY_SCOPES));

export const ApiKey = z
  .object({
    id: Uuid,
    account_id: Uuid.nullable().meta({ description: "null: an operator key" }),
    name: z.string(),
    scopes: KeyScopes,
    created_by: z.string(),
    created_at: Timestamp,
    expires_at: Timestamp.nullable(),
    last_used_at: Timestamp.nullable().meta({ description: "Accurate to the hour" }),
    revoked_at: Timestamp.nullable(),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof ApiKey>;

export const CreatedApiKey = ApiKey.extend({
  token: z
    .string()
    .meta({ description: "The key's secret. Returned only once; only its SHA-256 is stored.", example: "sp_key_…" }),
}).meta({ id: "CreatedApiKey" });
