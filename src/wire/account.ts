/** Accounts on the wire. */
import * as z from "zod";
import { TIERS } from "./enums.ts";
import { Timestamp, Uuid } from "./primitives.ts";

const ExternalId = z
  .string()
  .min(1)
  .max(255)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
  .regex(/^[^\u0000-\u001f\u007f]+$/, "must not contain control characters")
  .meta({ description: "The account's id in the operator's own system. Unique." });

export const CreateAccountRequest = z
  .strictObject({
    external_id: ExternalId,
    tier: z.enum(TIERS),
  })
  .meta({ id: "CreateAccountRequest" });

export const PatchAccountRequest = z
  .strictObject({ tier: z.enum(TIERS), external_id: ExternalId })
  .partial()
  .refine((change) => Object.keys(change).length > 0, "must change at least one field")
  .meta({ id: "PatchAccountRequest" });

export const Account = z
  .object({
    id: Uuid,
    external_id: z.string(),
    subscription_tier: z.enum(TIERS),
    max_bots: z.int().min(0).meta({ description: "Number of bots that the tier allows" }),
    bot_count: z.int().min(0).meta({ description: "Number of bots that are not destroyed" }),
    over_limit: z.boolean().meta({
      description: "True if the account has more bots than its tier allows. They are kept, but no more can be created.",
    }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Account" });
export type Account = z.infer<typeof Account>;
