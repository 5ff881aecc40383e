/** How a bot's config stands: what is desired, what its agent says of it, and what was learnt on the way. */
import { z } from "zod";
import { ROLLOUT_STATES } from "./enums.ts";
import { Timestamp, Uuid } from "./primitives.ts";

const VersionRef = z.object({ id: Uuid, version: z.int().positive() });

const Rollout = z
  .object({
    state: z.enum(ROLLOUT_STATES),
    version: z.int().positive().meta({ description: "The desired version, which this is about" }),
    since: Timestamp,
    deadline: Timestamp.nullable().meta({
      description: "Until when the agent must acknowledge it; null: not delivered, acknowledged, or not to be run now",
    }),
    reason: z.string().nullable().meta({ description: "Why it failed, or why the version before it was rolled back" }),
  })
  .meta({ id: "Rollout" });

export const ConfigStanding = z
  .object({
    desired: VersionRef,
    applied: VersionRef.nullable().meta({ description: "Acknowledged by the agent of the present generation" }),
    effective: VersionRef.nullable().meta({ description: "What runs, as far as the agent has said" }),
    last_good: VersionRef.nullable().meta({
      description: "The last one with which the workload passed its health gate",
    }),
    rollout: Rollout,
    drift: z.boolean().meta({ description: "What runs is not what is desired" }),
  })
  .meta({ id: "ConfigStanding" });
export type ConfigStanding = z.infer<typeof ConfigStanding>;
