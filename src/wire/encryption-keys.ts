/** The rotation of the encryption keys, as an operator asks for it and follows it. Keys are named, never shown. */
import * as z from "zod";
import { ROTATION_PHASES, ROTATION_STATES, SECRET_STORES } from "./enums.ts";
import { Timestamp, Uuid } from "./primitives.ts";

const KeyId = z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, "must be a key id: 1 to 32 letters, digits, _ or -");

export const RotateRequest = z
  .strictObject({
    target: KeyId.optional().meta({
      description:
        "Id of the key to rotate to. Must be the first of ENCRYPTION_KEYS. Required only to return to a retired key.",
      example: "k2",
    }),
  })
  .meta({ id: "RotateRequest" });

const KeyUse = z
  .object({
    id: z.string(),
    in_ring: z.boolean().meta({ description: "Whether ENCRYPTION_KEYS contains the key" }),
    retired: z.boolean().meta({ description: "Whether the key is retired: no secret is encrypted with it any more" }),
    envelopes: z.int().meta({ description: "Number of secrets in the database that are encrypted with the key" }),
    bots: z.int().meta({
      description: "Number of bots that may still use the key. A bot that was not checked yet may use any old key.",
    }),
    removable: z.boolean().meta({ description: "Whether the key is no longer needed and can be removed" }),
  })
  .meta({ id: "KeyUse" });

const RotationError = z
  .object({
    bot_id: Uuid,
    store: z
      .enum(SECRET_STORES)
      .meta({ description: "`bot`: the bot's own storage; `index`: its rows in the database" }),
    reason: z.string(),
    final: z.boolean().meta({ description: "true: not tried again; false: tried again in the next round" }),
    at: Timestamp,
  })
  .meta({ id: "RotationError" });

export const RotationStatus = z
  .object({
    state: z.enum([...ROTATION_STATES, "none"]).meta({ description: "`none`: no rotation was ever requested" }),
    target_key_id: z.string().nullable(),
    current_key_id: z.string().meta({ description: "The first key of ENCRYPTION_KEYS" }),
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
    progress: z.object({
      phase: z.enum(ROTATION_PHASES).nullable(),
      round: z.int().meta({ description: "Number of the current round. Failures are tried again in the next round." }),
      bots: z.object({ done: z.int(), total: z.int() }),
      envelopes: z.object({ done: z.int(), total: z.int() }).meta({ description: "Secrets in the database" }),
    }),
    keys: z.array(KeyUse),
    errors: z.array(RotationError).meta({ description: "The last 100 errors" }),
    error_count: z.int(),
  })
  .meta({ id: "RotationStatus" });
export type RotationStatus = z.infer<typeof RotationStatus>;
