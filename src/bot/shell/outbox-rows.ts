/** What a Bot tells the index in D1, through its outbox: rows that carry a revision, so that late ones change nothing. */
import type { BotRow, DropletRow, OutboxEntry } from "../../records/rows.ts";
import { NEWER_RELEASE } from "../../wire/newer-release.ts";
import { asKnown, isOfNewerRelease } from "../model/newer-release.ts";
import { type BotState, type Droplet, type Instant, isRunning, openIntent } from "../model/state.ts";
import { lastHeardAt, type Runtime } from "../reconcile/decision.ts";
import { wayBack } from "../reconcile/rollout.ts";

/** Every wait of ours that may pass without an event is shorter, or is worth a look after so long. */
const WORK_PATIENCE_MS = 15 * 60_000;

/** One entry a key: a newer row replaces an undelivered older one. */
export function outboxKey(entry: OutboxEntry): string {
  switch (entry.kind) {
    case "bot":
      return "bot";
    case "config":
      return `config:${entry.row.version}`;
    case "droplet":
      return `droplet:${entry.row.id}`;
    case "audit":
      return `audit:${entry.row.key}`;
  }
}

/** What the row of a bot of a newer release says: nothing is done for it, so nothing of it is overdue. */
const LEFT_ALONE = { reason: NEWER_RELEASE, operation_kind: null, operation_since: null, next_due_at: null };

export function botRow(stored: BotState, rt: Runtime): BotRow {
  const bot = asKnown(stored);
  const { desired, applied, effective } = bot.config;
  const droplet = bot.droplets.find(({ id }) => id === bot.adopted);
  return {
    id: bot.id,
    name: bot.name,
    persona: bot.persona,
    status: bot.status,
    since: bot.since,
    reason: bot.reason,
    generation: bot.generation,
    droplet_id: bot.adopted,
    ip_address: droplet?.ip_address ?? null,
    desired_config_id: desired.id,
    desired_config_version: desired.version,
    applied_config_id: applied?.id ?? null,
    applied_config_version: applied?.version ?? null,
    effective_config_version: effective?.version ?? null,
    last_heartbeat_at: lastHeardAt(rt),
    operation_kind: isRunning(bot.operation) ? bot.operation.kind : null,
    operation_since: isRunning(bot.operation) ? bot.operation.started_at : null,
    next_due_at: hasWork(bot) ? bot.updated_at + WORK_PATIENCE_MS : null,
    revision: bot.revision,
    updated_at: bot.updated_at,
    ...(isOfNewerRelease(stored) ? LEFT_ALONE : {}),
  };
}

/**
 * Whether something is to be brought to its end. Counted from events alone, so that a poll costs the index no row; what
 * the outbox still holds the index cannot know, and the hourly audit meets it.
 */
function hasWork(bot: BotState): boolean {
  const { desired, applied, failed } = bot.config;
  if (bot.droplets.some(({ id }) => id !== bot.adopted)) return true;
  if (bot.destroyed_at !== null) return false;
  if (isRunning(bot.operation) || openIntent(bot) !== null || bot.claims.length > 0) return true;
  if (wayBack(bot) !== null) return true;
  return bot.presence === "heard" && applied?.id !== desired.id && failed?.id !== desired.id;
}

/** The rows of droplets that differ between two states; one that left the state is gone. */
export function changedDroplets(earlier: BotState | null, later: BotState): DropletRow[] {
  const [before, after] = [earlier && asKnown(earlier), asKnown(later)];
  const was = new Map(before?.droplets.map((droplet) => [droplet.id, JSON.stringify(droplet)]));
  const changed = after.droplets.filter((droplet) => was.get(droplet.id) !== JSON.stringify(droplet));
  const left = (before?.droplets ?? []).filter(({ id }) => !after.droplets.some((droplet) => droplet.id === id));
  return [
    ...changed.map((droplet) => dropletRow(after, droplet, null)),
    ...left.map((droplet) => dropletRow(after, droplet, after.updated_at)),
  ];
}

function dropletRow(bot: BotState, droplet: Droplet, gone_at: Instant | null): DropletRow {
  const { id, name, generation, status, ip_address, found_at } = droplet;
  return { id, bot_id: bot.id, name, generation, status, ip_address, found_at, gone_at, revision: bot.revision };
}
