/** How a bot's config stands: what is desired, what its agent says of it, and what was learnt on the way. */
import * as z from "zod";
import { ROLLOUT_STATES } from "./enums.ts";
import { Timestamp, Uuid } from "./primitives.ts";

const VersionRef = z.object({ id: Uuid, version: z.int().positive() });

const Rollout = z
  .object({
    state: z.enum(ROLLOUT_STATES),
    version: z.int().positive().meta({ description: "Number of the desired version" }),
    since: Timestamp,
    deadline: Timestamp.nullable().meta({
      description:
        "When the agent must have acknowledged the version. null: not delivered, already acknowledged, or not to be run now.",
    }),
    reason: z
      .string()
      .nullable()
      .meta({ description: "Why the version failed, or why the previous version was rolled back" }),
  })
  .meta({ id: "Rollout" });

export const ConfigStanding = z
  .object({
    desired: VersionRef,
    applied: VersionRef.nullable().meta({
      description: "The last version that the current generation's agent has acknowledged",
    }),
    effective: VersionRef.nullable().meta({ description: "The version that runs, as reported by the agent" }),
    last_good: VersionRef.nullable().meta({
      description: "The last version with which the workload passed its health check",
    }),
    rollout: Rollout,
    drift: z.boolean().meta({ description: "Whether the running version differs from the desired one" }),
  })
  .meta({ id: "ConfigStanding" });
export type ConfigStanding = z.infer<typeof ConfigStanding>;
