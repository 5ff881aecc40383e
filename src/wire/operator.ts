/** What an operator reads of the fleet's upkeep. */
import * as z from "zod";
import { BOT_STATUSES, OPERATION_KINDS } from "./enums.ts";
import { DropletId, Timestamp, Uuid } from "./primitives.ts";
import { redactText } from "./redact.ts";

const Orphan = z
  .object({
    droplet_id: DropletId,
    name: z.string(),
    bot_id: Uuid.nullable(),
    state: z.enum(["found", "stale", "quarantined", "deleted"]).meta({
      description:
        "`found`: reported only; `stale`: its bot deletes it; `quarantined`: will be deleted; `deleted`: was deleted",
    }),
    why: z.string(),
    since: Timestamp,
  })
  .meta({ id: "Orphan" });

const SweepReport = z
  .object({
    began_at: Timestamp,
    ended_at: Timestamp,
    dry_run: z.boolean(),
    held: z.string().nullable().meta({ description: "Why the sweep was aborted, or deleted nothing" }),
    droplets: z.int(),
    ours: z.int(),
    asked: z.int(),
    unanswered: z.int().meta({ description: "Bots that could not be reached. Their droplets are not deleted." }),
    stale: z.int(),
    quarantined: z.int(),
    deleted: z.array(DropletId),
  })
  .meta({ id: "SweepReport" });

export const OrphanReport = z
  .object({
    data: z.array(Orphan),
    last_sweep: SweepReport.nullable(),
    under_way: z.boolean().meta({ description: "Whether a sweep is queued or running" }),
  })
  .meta({ id: "OrphanReport" });

export const SweepRequest = z.strictObject({ dry_run: z.boolean().default(false) }).meta({ id: "SweepRequest" });

export const RebuildRequest = z
  .strictObject({ cursor: z.string().max(64).nullable().default(null) })
  .meta({ id: "RebuildRequest" });

export const RebuildAnswer = z
  .object({
    restored: z.int(),
    absent: z.int().meta({ description: "Ids for which no bot is stored" }),
    account_unknown: z.int().meta({ description: "Bots that were skipped because their account is not in the index" }),
    failed: z.int().meta({ description: "Bots that could not be read or written. Repeat this page." }),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "RebuildAnswer" });

const Reason = z
  .string()
  .trim()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
  .regex(/^[^\u0000-\u001f\u007f]+$/, "must not contain control characters")
  .transform((text) => redactText(text));

export const SuspendRequest = z
  .strictObject({
    reason: Reason.meta({
      description: "Shown with the bot while it is suspended",
      example: "payment_failed",
    }),
  })
  .meta({ id: "SuspendRequest" });

export const AcknowledgeRequest = z
  .strictObject({
    reason: Reason.meta({
      description: "Why the flags are cleared. Stored in the history.",
      example: "our own test from a copied droplet",
    }),
  })
  .meta({ id: "AcknowledgeRequest" });

export const ReleaseRequest = z
  .strictObject({
    reason: Reason.meta({
      description: "Why the bot may run again. Stored in the history.",
      example: "looked at the trades; the market has calmed down",
    }),
  })
  .meta({ id: "ReleaseRequest" });

export const RunningOperation = z
  .object({
    bot_id: Uuid,
    account_id: Uuid,
    status: z.enum(BOT_STATUSES),
    kind: z.enum(OPERATION_KINDS),
    reason: z.string().nullable(),
    started_at: Timestamp,
    progress_at: Timestamp.meta({ description: "When the operation last made progress" }),
    stuck: z.boolean().meta({ description: "Whether there was no progress for 15 minutes" }),
  })
  .meta({ id: "RunningOperation" });

export const GateStatus = z
  .object({
    left: z.object({
      this_minute: z.int(),
      this_hour: z.int(),
      background_this_minute: z.int(),
      creates: z.int(),
    }),
    waiting: z.record(z.string(), z.int()).meta({ description: "Number of waiting bots by kind of request" }),
    circuit: z
      .object({ reason: z.string(), since: Timestamp })
      .nullable()
      .meta({ description: "Why no request is granted. null: requests are granted." }),
    paused_until: Timestamp.nullable(),
    team_uuid: z.string().nullable(),
    verified_at: Timestamp.nullable(),
    fleet_id: z.string().nullable(),
    fleet_hold_since: Timestamp.nullable(),
    live_bots: z.int(),
  })
  .meta({ id: "GateStatus" });
