/** The local API over the agent's parts: what it shows, and where it can be found. */
import type { Server } from "node:http";
import { join } from "node:path";
import { writeDurably } from "../base/files.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Store } from "../base/store.ts";
import type { Session } from "../plane/session.ts";
import type { Settings } from "../settings.ts";
import type { Runner } from "../workload/runner.ts";
import type { Supervisor } from "../workload/supervisor.ts";
import { serveApi } from "./api.ts";

export interface Parts {
  store: Store;
  session: Session;
  supervisor: Supervisor;
  runner: Runner;
  setStopped: (stopped: boolean) => void;
}

/** @returns the server, or null where the port is taken: the agent does without. */
export async function startApi(settings: Settings, token: string, parts: Parts, log: Log): Promise<Server | null> {
  const { store, session, supervisor, runner, setStopped } = parts;
  const time = (ms: number | null | undefined) => (ms ? new Date(ms).toISOString() : null);
  try {
    const { server, port } = await serveApi(settings.api_port, {
      bot_id: settings.bot_id,
      token,
      permission: () => session.permission,
      setStopped,
      view: () => {
        const { state, reason, restarts } = supervisor.snapshot();
        const { order, ban } = session.permission;
        const applied = store.get("applied");
        return {
          id: settings.bot_id,
          state,
          reason,
          order,
          ban,
          stopped_by_person: store.get("stopped_here") ?? false,
          applied_config_id: applied,
          config: applied === null ? null : store.config(applied),
          restarts,
          version: runner.version,
          channel_up: session.channel_up,
          started_at: time(store.get("workload")?.started_at_ms),
          last_heartbeat_at: time(store.get("last_heartbeat_ms")),
        };
      },
    });
    try {
      writeDurably(join(settings.state_dir, "api.json"), `${JSON.stringify({ port })}\n`);
    } catch (error) {
      // A full disk. Who knows the port can still stop the workload.
      log("local_api_unlisted", { port, error: describeError(error) });
    }
    return server;
  } catch (error) {
    log("local_api_unavailable", { port: settings.api_port, error: describeError(error) });
    return null;
  }
}
