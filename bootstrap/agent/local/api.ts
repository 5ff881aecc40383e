/**
 * The machine's own face, on loopback only: which bot is here, how it is, start and stop. It can take the permission to
 * run away, never grant it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { constantTimeEqual } from "../../../src/wire/tokens.ts";
import type { KeptConfig } from "../base/store.ts";
import type { Permission } from "../workload/permission.ts";

interface BotView {
  id: string;
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
}

export interface ApiDeps {
  bot_id: string;
  token: string;
  view: () => BotView;
  permission: () => Permission;
  setStopped: (stopped: boolean) => void;
}

export interface ApiRequest {
  method: string;
  path: string;
  authorization: string;
}

export interface ApiAnswer {
  status: number;
  body: unknown;
}

export function answer(request: ApiRequest, deps: ApiDeps): ApiAnswer {
  if (!constantTimeEqual(request.authorization, `Bearer ${deps.token}`)) {
    return refusal(401, "unauthorized", "The bearer token is the text of `api.token` in the agent's state directory.");
  }
  const own = `/bots/${deps.bot_id}`;
  switch (`${request.method} ${request.path}`) {
    case "GET /bots":
      return { status: 200, body: { data: [deps.view()], next_cursor: null } };
    case `GET ${own}`:
      return { status: 200, body: deps.view() };
    case `POST ${own}/stop`:
      deps.setStopped(true);
      return { status: 202, body: { status: "ok" } };
    case `POST ${own}/start`: {
      const { order, ban } = deps.permission();
      if (ban !== null || order !== "run") {
        const said = ban ?? order ?? "nothing yet";
        return refusal(409, "not_permitted", `Only the control plane may allow a start. Its last order: ${said}.`);
      }
      deps.setStopped(false);
      return { status: 202, body: { status: "ok" } };
    }
    default:
      return refusal(404, "not_found", "No such bot. GET /bots lists the only one.");
  }
}

function refusal(status: number, code: string, detail: string): ApiAnswer {
  return { status, body: { status, code, detail } };
}

/** @returns the server and the port that it got; rejects when the port is taken. */
export function serveApi(port: number, deps: ApiDeps): Promise<{ server: Server; port: number }> {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    request.resume();
    const { status, body } = answer(
      {
        method: request.method ?? "",
        path: (request.url ?? "").split("?")[0] ?? "",
        authorization: request.headers.authorization ?? "",
      },
      deps,
    );
    const type = status < 400 ? "application/json" : "application/problem+json";
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
    response.end(`${JSON.stringify(body)}\n`);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1" }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve({ server, port: address !== null && typeof address === "object" ? address.port : port });
    });
  });
}
