/** What a bot's history tells a client who reads every event of it: the rules of the fold said once more, for the tests. */
import type { EventView, Operation } from "../../../src/wire/bot.ts";
import type { WorkloadState } from "../../../src/wire/enums.ts";

/** Versions of the config by number. */
interface Config {
  desired: number;
  delivered: boolean;
  applied: number | null;
  effective: number | null;
  last_good: number | null;
  failed: number | null;
  /** The version that was put back by itself. */
  put_back: number | null;
}

export interface Told {
  running: Operation["kind"] | null;
  /** The operation under way has given the droplet up, and makes the next one. */
  replacing: boolean;
  recreating: boolean;
  adopted: number | null;
  is_off: boolean;
  generation: number;
  presence: "never" | "heard" | "silent";
  off_by_us: boolean;
  start_held: boolean;
  suspended: boolean;
  /** A person had paused the bot, or was about to, when it was suspended. */
  wanted_off: boolean;
  config: Config;
}

export const AT_FIRST: Told = {
  running: "create",
  replacing: false,
  recreating: true,
  adopted: null,
  is_off: false,
  generation: 1,
  presence: "never",
  off_by_us: false,
  start_held: false,
  suspended: false,
  wanted_off: false,
  config: {
    desired: 1,
    delivered: false,
    applied: null,
    effective: null,
    last_good: null,
    failed: null,
    put_back: null,
  },
};

export function tell(told: Told, { kind, data, before }: EventView): Told {
  const wanted_off = told.running === null ? before?.status === "paused" : told.running === "pause";
  return {
    ...told,
    ...(kind === "suspended" ? { wanted_off } : {}),
    ...tellOfOperation(told, kind, data),
    ...tellOfDroplet(told, kind, data),
    ...tellOfAgent(told, kind, data),
    config: { ...told.config, ...tellOfConfig(told.config, kind, data) },
  };
}

type Data = EventView["data"];

function tellOfOperation(told: Told, kind: string, data: Data): Partial<Told> {
  switch (kind) {
    case "operation_requested": {
      const running = data.kind as Operation["kind"];
      const looked = running === "resume" && data.why !== "unsuspended";
      const held = looked ? false : told.start_held;
      return { running, replacing: false, recreating: running === "create", start_held: held };
    }
    case "operation_succeeded": {
      const stopped = told.running === "pause" || told.running === "suspend";
      return { running: null, ...(stopped ? { off_by_us: true, presence: "never" } : {}) };
    }
    case "operation_failed":
    case "operation_cancelled":
      return { running: null };
    case "destroyed":
      return { running: null, adopted: null, suspended: false };
    case "suspended":
    case "unsuspended":
      return { suspended: kind === "suspended" };
    case "replacement_begun":
      return { replacing: true };
    case "generation_started":
      return {
        generation: Number(data.generation),
        recreating: true,
        adopted: null,
        presence: "never",
        off_by_us: false,
        start_held: false,
      };
    case "changed":
      return (data.policies as { start?: string } | undefined)?.start === "auto" ? { start_held: false } : {};
    default:
      return {};
  }
}

function tellOfDroplet(told: Told, kind: string, data: Data): Partial<Told> {
  const droplet = data.droplet as { id: number; generation: number; status: string } | undefined;
  switch (kind) {
    case "intent_adopted": {
      const mine = told.adopted === null && droplet?.generation === told.generation;
      return mine ? { adopted: droplet.id, is_off: droplet.status === "off" } : {};
    }
    case "droplet_gone":
      if (told.adopted !== data.droplet_id) return {};
      return { adopted: null, presence: told.presence === "never" ? "never" : "silent" };
    case "droplet_observed": {
      if (droplet?.id !== told.adopted) return {};
      const is_off = droplet?.status === "off";
      const on_again = told.off_by_us && droplet?.status === "active";
      // Whoever paused a bot has not asked for it to trade when its droplet is on again.
      const by_hand = on_again && told.running === null && !told.suspended;
      const gone_off = is_off && !told.is_off && told.presence === "heard";
      return {
        is_off,
        ...(on_again ? { off_by_us: false, start_held: told.start_held || by_hand } : {}),
        ...(gone_off ? { presence: "silent" } : {}),
      };
    }
    default:
      return {};
  }
}

function tellOfAgent(told: Told, kind: string, data: Data): Partial<Told> {
  switch (kind) {
    case "agent_registered":
    case "agent_heard":
      return { presence: "heard" };
    case "agent_silent":
      return { presence: "silent" };
    case "credential_revoked":
    case "attempt_failed":
      return { presence: "never" };
    case "agent_booted":
      return { start_held: told.start_held || data.expected !== true };
    default:
      return {};
  }
}

const DOWN: readonly unknown[] = ["stopped", "failed", "crashed"] satisfies WorkloadState[];

function tellOfConfig(config: Config, kind: string, data: Data): Partial<Config> {
  const version = (data.config as { version: number } | undefined)?.version ?? null;
  switch (kind) {
    case "config_published":
      return { desired: Number(version), delivered: false };
    case "rolled_back":
      return { put_back: Number(data.version) };
    case "config_delivered":
      return { delivered: true };
    case "config_applied": {
      const passed = data.workload === undefined || data.workload === "running";
      const last_good = passed ? version : config.last_good;
      return { applied: version, effective: version, last_good, failed: null };
    }
    case "config_effective":
      return { effective: version };
    case "config_failed":
      return { failed: version, effective: DOWN.includes(data.workload) ? null : config.effective };
    case "generation_started":
      return { delivered: false, applied: null, effective: null, failed: null };
    default:
      return {};
  }
}

/** How far the desired version has come, as the API must show it. */
export function rolloutOf({ desired, delivered, applied, failed, put_back }: Config): string {
  if (failed === desired) return "failed";
  if (applied === desired) return put_back === desired ? "rolled_back" : "settled";
  return delivered ? "delivered" : "pending_delivery";
}

/** The version that comes back by itself where the desired one has failed; null: none does. */
export function wayBack({ desired, failed, last_good, put_back }: Config): number | null {
  const hopeless = last_good === null || last_good === desired || put_back === desired;
  return failed === desired && !hopeless ? last_good : null;
}
