/** The machine's own face over the agent's parts: the local API and the status socket, and where they can be found. */
import { join } from "node:path";
import { redact } from "../../../src/wire/redact.ts";
import { writeDurably } from "../base/files.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Settings } from "../settings.ts";
import { serveApi } from "./api.ts";
import { serveStatus } from "./status-socket.ts";
import { type ViewedParts, viewBots } from "./view.ts";

interface LocalDeps extends ViewedParts {
  settings: Settings;
  token: string;
  setStopped: (stopped: boolean) => void;
  /** Secrets in use. */
  known: () => readonly string[];
  log: Log;
}

export interface LocalFace {
  /** Something has changed. */
  tell: () => void;
  close: () => void;
}

/** Either may be unavailable (a port that is taken, a path that is too long): the agent does without. */
export async function startLocal(deps: LocalDeps): Promise<LocalFace> {
  const api = await startApi(deps);
  const status = await startStatus(deps);
  return {
    tell: () => status?.tell(),
    close: () => {
      api?.close();
      api?.closeAllConnections();
      status?.close();
    },
  };
}

async function startApi({ settings, token, setStopped, known, log, ...parts }: LocalDeps) {
  const { bot_id, state_dir, api_port } = settings;
  try {
    const { server, port } = await serveApi(api_port, {
      token,
      setStopped,
      bots: () => viewBots(bot_id, parts),
      permission: () => parts.session.permission,
      forget: (id) => {
        parts.store.bots.remove(id);
        log("bot_forgotten", { bot_id: id });
      },
      redact: (body) => redact(body, known()),
      onError: (error) => log("local_api_failed", { error: describeError(error) }),
    });
    try {
      writeDurably(join(state_dir, "api.json"), `${JSON.stringify({ port })}\n`);
    } catch (error) {
      // A full disk. Who knows the port can still stop the workload.
      log("local_api_unlisted", { port, error: describeError(error) });
    }
    return server;
  } catch (error) {
    log("local_api_unavailable", { port: api_port, error: describeError(error) });
    return null;
  }
}

async function startStatus({ settings, known, log, ...parts }: LocalDeps) {
  const path = join(settings.runtime_dir, "status.sock");
  try {
    return await serveStatus(path, () => JSON.stringify(redact({ data: viewBots(settings.bot_id, parts) }, known())));
  } catch (error) {
    log("status_socket_unavailable", { path, error: describeError(error) });
    return null;
  }
}
