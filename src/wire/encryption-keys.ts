/** The rotation of the encryption keys, as an operator asks for it and follows it. Keys are named, never shown. */
import { z } from "zod";
import { ROTATION_PHASES, ROTATION_STATES, SECRET_STORES } from "./enums.ts";
import { Timestamp, Uuid } from "./primitives.ts";

const KeyId = z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, "must be a key's id: 1 to 32 letters, digits, _ or -");

export const RotateRequest = z
  .strictObject({
    target: KeyId.optional().meta({
      description:
        "The key that must be the first of ENCRYPTION_KEYS; needed only to go back to one that was rotated away from",
      example: "k2",
    }),
  })
  .meta({ id: "RotateRequest" });

const KeyUse = z
  .object({
    id: z.string(),
    in_ring: z.boolean().meta({ description: "Whether ENCRYPTION_KEYS has it" }),
    retired: z.boolean().meta({ description: "It was rotated away from: nothing is sealed with it any more" }),
    envelopes: z.int().meta({ description: "Secrets in the database that are sealed with it" }),
    bots: z.int().meta({ description: "Bots that may still use it; one that was not asked yet may use any old key" }),
    removable: z.boolean().meta({ description: "It is needed for nothing any more" }),
  })
  .meta({ id: "KeyUse" });

const RotationError = z
  .object({
    bot_id: Uuid,
    store: z.enum(SECRET_STORES).meta({ description: "`bot`: the bot's own store; `index`: its rows in the database" }),
    reason: z.string(),
    final: z.boolean().meta({ description: "It was left as it is; where false, it is tried again in the next round" }),
    at: Timestamp,
  })
  .meta({ id: "RotationError" });

export const RotationStatus = z
  .object({
    state: z.enum([...ROTATION_STATES, "none"]).meta({ description: "`none`: no rotation was ever asked for" }),
    target_key_id: z.string().nullable(),
    current_key_id: z.string().meta({ description: "The first key of ENCRYPTION_KEYS" }),
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
    progress: z.object({
      phase: z.enum(ROTATION_PHASES).nullable(),
      round: z.int().meta({ description: "What failed in one round is tried again in the next" }),
      bots: z.object({ done: z.int(), total: z.int() }),
      envelopes: z.object({ done: z.int(), total: z.int() }).meta({ description: "In the database" }),
    }),
    keys: z.array(KeyUse),
    errors: z.array(RotationError).meta({ description: "The last 100" }),
    error_count: z.int(),
  })
  .meta({ id: "RotationStatus" });
export type RotationStatus = z.infer<typeof RotationStatus>;
