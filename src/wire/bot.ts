/** Bots, their operations and their history on the wire. */
import * as z from "zod";
import { flatConfigFields } from "./config.ts";
import {
  AGENT_HEALTHS,
  BOT_ACTIONS,
  BOT_STATUSES,
  CHANNEL_STATES,
  DROPLET_STATUSES,
  HEALING_POLICIES,
  HOLD_OWNERS,
  OPERATION_KINDS,
  OPERATION_STATES,
  PERSONAS,
  START_POLICIES,
} from "./enums.ts";
import { Environment } from "./environment.ts";
import { keyVariable, whyNotModel } from "./models.ts";
import { DropletId, pageOf, Timestamp, Uuid } from "./primitives.ts";
import { redactText } from "./redact.ts";
import { ConfigStanding } from "./rollout.ts";
import { LIMITS, TradingReportView } from "./trading-report.ts";

/** A name as it is kept: other characters than letters, digits, space, `_` and `-` become `_`; trimmed, at most 64. */
export function sanitizeName(name: string): string {
  return Array.from(name, (char) => (/[A-Za-z0-9 _-]/.test(char) ? char : "_"))
    .join("")
    .trim()
    .slice(0, 64)
    .trim();
}

const BotName = z
  .string()
  .max(256)
  // Whoever pastes a key into the wrong field does not find it in every list.
  .transform((name) => sanitizeName(redactText(name)))
  .refine((name) => name.length > 0, "must contain at least one letter, digit, _ or -")
  .meta({
    type: "string",
    minLength: 1,
    maxLength: 256,
    description:
      "Stored in normalized form: characters other than A-Z, a-z, 0-9, space, `_` and `-` become `_`; " +
      "leading and trailing spaces are removed; the rest is cut to 64 characters. Text that looks like a secret is redacted.",
    example: "Night Owl",
  });

const NEWER_RELEASE_REASON =
  "Machine-readable reason for the status. `newer_release`: a newer release of Spawnpoint changed the bot before it was rolled " +
  "back. Until that release runs again, the bot can only be read or destroyed by force, and a status that only that release " +
  "knows is shown as `error`.";

const { asset_focus, custom_assets, ...otherConfigFields } = flatConfigFields;

export const CreateBotRequest = z
  .strictObject({
    account_id: Uuid,
    name: BotName,
    persona: z.enum(PERSONAS),
    asset_focus,
    custom_assets,
    ...otherConfigFields,
    environment: Environment.optional(),
  })
  .refine(({ llm_provider, environment = {} }) => !Object.hasOwn(environment, keyVariable(llm_provider)), {
    message: "must not contain the variable of the LLM key; use llm_api_key instead",
    path: ["environment"],
  })
  .check(({ value, issues }) => {
    const { llm_provider, llm_model = null, llm_base_url = null } = value;
    const wrong = whyNotModel({ llm_provider, llm_model, llm_base_url });
    if (wrong) issues.push({ code: "custom", input: value[wrong.field], path: [wrong.field], message: wrong.why });
  })
  .refine((bot) => (bot.asset_focus === "custom") === (bot.custom_assets !== undefined), {
    message: 'is required with asset_focus "custom" and not allowed otherwise',
    path: ["custom_assets"],
  })
  .meta({ id: "CreateBotRequest" });
export type CreateBotRequest = z.infer<typeof CreateBotRequest>;

export const Policies = z
  .strictObject({
    healing: z.enum(HEALING_POLICIES).meta({
      description: "How an unresponsive bot may be healed: not at all, by a power cycle, or by a new droplet as well",
    }),
    start: z.enum(START_POLICIES).nullable().meta({
      description:
        "Whether the workload starts by itself after an unexpected reboot. null: `auto` in paper mode, `manual` in live mode.",
    }),
  })
  .meta({ id: "Policies" });
export type Policies = z.infer<typeof Policies>;

export const PatchBotRequest = z
  .strictObject({ name: BotName, persona: z.enum(PERSONAS), policies: Policies.partial() })
  .partial()
  .refine((patch) => Object.keys(patch).length > 0, "must change at least one field")
  .meta({ id: "PatchBotRequest" });
export type PatchBotRequest = z.infer<typeof PatchBotRequest>;

export const ActionRequest = z
  .strictObject({
    action: z.enum(BOT_ACTIONS),
    force: z
      .boolean()
      .optional()
      .meta({
        description:
          "With `destroy`: marks the bot destroyed at once, without waiting for confirmation that its droplet is gone. With " +
          "`pause` and `redeploy`: does not wait for the workload to stop, also where the operation is already waiting for it.",
      }),
  })
  .refine(({ action, force }) => !force || action !== "resume", {
    message: "is only allowed with pause, redeploy and destroy",
    path: ["force"],
  })
  .meta({ id: "ActionRequest" });

export const Operation = z
  .object({
    id: Uuid,
    kind: z.enum(OPERATION_KINDS),
    state: z.enum(OPERATION_STATES),
    step: z.string(),
    attempt: z.int().min(0),
    next_attempt_at: Timestamp.nullable(),
    deadline: Timestamp.nullable(),
    last_error: z.string().nullable(),
    started_at: Timestamp,
    ended_at: Timestamp.nullable(),
  })
  .meta({ id: "Operation" });
export type Operation = z.infer<typeof Operation>;

const DropletView = z
  .object({
    id: DropletId,
    name: z.string(),
    generation: z.int().positive(),
    status: z.enum(DROPLET_STATUSES),
    ip_address: z.string().nullable(),
    observed_at: Timestamp.meta({ description: "When DigitalOcean last reported this" }),
  })
  .meta({ id: "Droplet" });

const HoldView = z
  .object({
    owner: z.string().meta({ description: `One of ${HOLD_OWNERS.join(", ")}. Later releases may add owners.` }),
    reason: z.string(),
    by: z.string().meta({ description: "Who placed the hold" }),
    since: Timestamp,
  })
  .meta({ id: "Hold" });

const BreachView = z
  .object({
    limit: z.string().meta({ description: `The field of the config: one of ${LIMITS.join(", ")}` }),
    value: z.number().meta({ description: "As reported when the limit was passed" }),
    max: z.number().meta({ description: "The limit that was passed" }),
    since: Timestamp,
  })
  .meta({ id: "Breach" });

const TradingView = z
  .object({
    observed_at: Timestamp.meta({ description: "When this report was received" }),
    report: TradingReportView.nullable(),
    error: z.string().nullable().meta({ description: "Why the workload's report cannot be used" }),
  })
  .meta({ id: "TradingReportView" });

export const BotView = z
  .object({
    id: Uuid,
    account_id: Uuid,
    name: z.string(),
    persona: z.enum(PERSONAS),
    status: z.enum(BOT_STATUSES),
    phase: z.string().nullable().meta({
      description:
        "Current step of the running operation. `starting`: the agent is heard, and its workload has not been ready since its start.",
    }),
    since: Timestamp.meta({ description: "When the bot got its current status" }),
    reason: z.string().nullable().meta({ description: NEWER_RELEASE_REASON }),
    confirmed_by: z
      .string()
      .nullable()
      .meta({ description: "Who confirmed the status: `agent`, `provider` or `spawnpoint`" }),
    next: z
      .object({ what: z.string(), at: Timestamp.nullable() })
      .nullable()
      .meta({ description: "The next automatic step and its time. null: no step is planned." }),
    generation: z.int().positive(),
    droplet_id: DropletId.nullable(),
    droplet: DropletView.nullable(),
    desired_config_version_id: Uuid,
    applied_config_version_id: Uuid.nullable(),
    desired_config_version: z.int().positive(),
    applied_config_version: z.int().positive().nullable(),
    config_drift: z.boolean(),
    config: ConfigStanding,
    config_failure: z.object({ version: z.int().positive(), reason: z.string(), at: Timestamp }).nullable(),
    last_heartbeat_at: Timestamp.nullable(),
    agent: z
      .object({
        version: z.string().nullable(),
        boot_id: z.string(),
        workload: z.object({ state: z.string(), version: z.string().nullable(), restarts: z.int() }).nullable(),
        load: z.number().nullable(),
        mem: z.number().nullable(),
        disk: z.number().nullable(),
      })
      .nullable(),
    health: z
      .object({
        agent: z.enum(AGENT_HEALTHS).meta({
          description:
            "`heard`: reported within its deadline; `silent`: did not; `never`: has not reported since the droplet was created; `refused`: only agents with wrong credentials or droplets have reported",
        }),
        workload: z.string().meta({
          description: "The workload's state as reported by the agent. `unknown` while the agent is not heard.",
        }),
        degraded: z.array(z.string()).meta({
          description:
            "What the workload was ready for and is not any more, as reported by the agent; `llm_auth`: the model provider refuses its API key or model; `restarting` or `failed`: the workload of an online bot has ended; `disk full`: the droplet's disk cannot be written to. Empty while the agent is not heard.",
        }),
        held_by: z.array(z.string()).optional().meta({
          description: "Owners of the holds for which the workload may not run. Empty: nobody holds the bot.",
        }),
        channel: z
          .enum(CHANNEL_STATES)
          .meta({ description: "State of the agent's WebSocket. An agent can also report over HTTP." }),
        channel_since: Timestamp.nullable(),
      })
      .meta({ description: "State of the agent, its workload and its channel" }),
    summary: z.string().meta({ description: "The bot's state in one or two sentences" }),
    flags: z.array(z.string()).meta({
      description: "Incidents that a person should check. Clear them with POST /bots/{id}/security/acknowledge.",
    }),
    policies: Policies,
    suspension: z
      .object({ since: Timestamp, reason: z.string(), by: z.string() })
      .nullable()
      .meta({ description: "Who suspended the bot, and why. `status` becomes `suspended` once the bot is off." }),
    holds: z.array(HoldView).optional().meta({
      description: "Who keeps the bot from running. It runs only while nobody holds it.",
    }),
    trading_report: TradingView.nullable().optional().meta({
      description: "What the workload reports of its trading. null: it reports nothing.",
    }),
    breaches: z.array(BreachView).optional().meta({
      description: "Limits of the applied config that the workload's report has passed",
    }),
    operation: Operation.nullable().meta({ description: "The running operation, or the last one" }),
    revision: z.int().min(0),
    created_at: Timestamp,
    updated_at: Timestamp,
    observed_at: Timestamp,
  })
  .meta({ id: "Bot" });
export type BotView = z.infer<typeof BotView>;

/** A bot as the index in D1 shows it: may lag behind `GET /bots/:id`; `observed_at` says how old it is. */
export const BotListItem = BotView.pick({
  id: true,
  account_id: true,
  name: true,
  persona: true,
  status: true,
  since: true,
  reason: true,
  generation: true,
  droplet_id: true,
  desired_config_version_id: true,
  applied_config_version_id: true,
  desired_config_version: true,
  applied_config_version: true,
  config_drift: true,
  last_heartbeat_at: true,
  revision: true,
  created_at: true,
  updated_at: true,
  observed_at: true,
})
  .extend({ ip_address: z.string().nullable() })
  .meta({ id: "BotListItem" });
export type BotListItem = z.infer<typeof BotListItem>;

export const ActionAnswer = z
  .object({
    status: z.literal("ok"),
    operation: Operation,
    left: z
      .object({ droplet_ids: z.array(DropletId), open_intents: z.array(z.string()) })
      .optional()
      .meta({ description: "After a forced destroy: resources that may still exist. They are deleted later." }),
  })
  .meta({ id: "ActionAnswer" });

const Standing = z.object({ status: z.enum(BOT_STATUSES), generation: z.int().positive() });

export const EventView = z
  .object({
    seq: z.int().positive().meta({ description: "Number of the event. Consecutive, without gaps." }),
    at: Timestamp,
    kind: z.string(),
    actor: z.string(),
    before: Standing.nullable().meta({
      description: "Status and generation before the event. null for the first event.",
    }),
    after: Standing.nullable(),
    reason: z.string().nullable().meta({ description: "Machine-readable reason for the status after the event" }),
    sentence: z.string().meta({ description: "What happened, in one sentence" }),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "BotEvent" });
export type EventView = z.infer<typeof EventView>;

export const EventPage = pageOf(EventView, "EventPage")
  .extend({
    first_seq: z.int().positive().nullable().meta({ description: "Number of the oldest event that is still stored" }),
  })
  .meta({ id: "EventPage" });

/** What the stream of a bot's history sends. */
export const EventFrame = EventView.extend({ type: z.literal("event") }).meta({
  id: "EventFrame",
  description: "A message of GET /bots/{id}/events/stream",
});
export type EventFrame = z.infer<typeof EventFrame>;

export const WaitAnswer = z
  .object({
    reached: z.boolean().meta({
      description: "Whether the bot has the status. false: the timeout ended first, or the bot is destroyed.",
    }),
    bot: BotView,
  })
  .meta({ id: "WaitAnswer" });
export type WaitAnswer = z.infer<typeof WaitAnswer>;
