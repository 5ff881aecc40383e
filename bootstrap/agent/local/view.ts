/** What the machine says of its bots, over its API and its status socket. No secret. */
import type { BotRow } from "../base/bot-table.ts";
import type { KeptConfig } from "../base/kept-config.ts";
import type { Store } from "../base/store.ts";
import type { Session } from "../plane/session.ts";
import type { Runner } from "../workload/runner.ts";
import type { Supervisor } from "../workload/supervisor.ts";

export interface BotView {
  id: string;
  /** It is the one that this agent runs. */
  enabled: boolean;
  state: string;
  reason: string | null;
  order: string | null;
  ban: string | null;
  stopped_by_person: boolean;
  applied_config_id: string | null;
  /** What of the applied config is no secret. */
  config: KeptConfig | null;
  restarts: number;
  version: string | null;
  channel_up: boolean;
  started_at: string | null;
  last_heartbeat_at: string | null;
  /** As the machine's table has it. */
  runtime: { state: string; started_at: string | null; last_heartbeat: string | null; error: string | null } | null;
}

export interface ViewedParts {
  store: Store;
  session: Session;
  supervisor: Supervisor;
  runner: Runner;
}

/** The own one first, whatever its row is like. */
export function viewBots(own: string, parts: ViewedParts): BotView[] {
  const rows = parts.store.bots.list();
  const row = rows.find(({ id }) => id === own) ?? null;
  return [viewOwn(own, row, parts), ...rows.filter(({ id }) => id !== own).map(viewOther)];
}

function viewOwn(id: string, row: BotRow | null, { store, session, supervisor, runner }: ViewedParts): BotView {
  const { state, reason, restarts } = supervisor.snapshot();
  const { order, ban } = session.permission;
  const applied = store.get("applied");
  return {
    ...{ id, enabled: true, state, reason, order, ban },
    stopped_by_person: store.get("stopped_here") ?? false,
    applied_config_id: applied,
    config: applied === null ? null : store.config(applied),
    restarts,
    version: runner.version,
    channel_up: session.channel_up,
    ...viewRuntime(row),
  };
}

function viewOther(row: BotRow): BotView {
  return {
    ...{ id: row.id, enabled: false, state: "stopped", reason: "this machine runs another bot" },
    ...{ order: null, ban: null, stopped_by_person: false, applied_config_id: null, config: row.config },
    ...{ restarts: 0, version: null, channel_up: false },
    ...viewRuntime(row),
  };
}

function viewRuntime(row: BotRow | null): Pick<BotView, "started_at" | "last_heartbeat_at" | "runtime"> {
  if (row === null) return { started_at: null, last_heartbeat_at: null, runtime: null };
  const { state, error } = row.runtime;
  const started_at = time(row.runtime.started_at);
  const last_heartbeat = time(row.runtime.last_heartbeat);
  return { started_at, last_heartbeat_at: last_heartbeat, runtime: { state, started_at, last_heartbeat, error } };
}

function time(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
