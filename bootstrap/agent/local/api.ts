/**
 * The machine's own face, on loopback only: which bots are here, how they are, start and stop. It can take the permission
 * to run away, never grant it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import * as z from "zod";
import { Uuid } from "../../../src/wire/primitives.ts";
import { constantTimeEqual } from "../../../src/wire/tokens.ts";
import type { Permission } from "../workload/permission.ts";
import type { BotView } from "./view.ts";

/** Of a request. */
const MAX_BODY_BYTES = 16 * 1024;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 32;

export interface ApiDeps {
  token: string;
  /** All that are in the machine's table, the own one first. */
  bots: () => readonly BotView[];
  permission: () => Permission;
  /** Durable, and obeyed at once. */
  setStopped: (stopped: boolean) => void;
  /** Takes a bot that nobody runs here out of the table. */
  forget: (bot_id: string) => void;
}

export interface ApiRequest {
  method: string;
  path: string;
  authorization: string;
  body: string;
}

export interface ApiAnswer {
  status: number;
  /** Undefined: none. */
  body: unknown;
}

/** Below `/api` as documented; without it, as before. */
const ROUTE = /^(?:\/api)?\/bots(?:\/([^/]+)(?:\/(start|stop))?)?$/;
const NewBot = z.object({ id: Uuid });

export function answer(request: ApiRequest, deps: ApiDeps): ApiAnswer {
  if (!constantTimeEqual(request.authorization, `Bearer ${deps.token}`)) {
    return refusal(401, "unauthorized", "The bearer token is the text of `api.token` in the agent's state directory.");
  }
  const [path, id, verb] = ROUTE.exec(request.path) ?? [];
  if (path === undefined) return NO_ROUTE;
  if (id === undefined) {
    if (request.method === "GET") return { status: 200, body: { data: deps.bots(), next_cursor: null } };
    return request.method === "POST" ? create(request.body, deps) : NO_ROUTE;
  }
  const bot = deps.bots().find((each) => each.id === id);
  if (bot === undefined) return refusal(404, "not_found", "No such bot. GET /api/bots lists those of this machine.");
  switch (verb === undefined ? request.method : `${request.method} ${verb}`) {
    case "GET":
      return { status: 200, body: bot };
    case "DELETE":
      return remove(bot, deps);
    // POST is what they had before PUT.
    case "PUT start":
    case "POST start":
      return bot.enabled ? setStopped(false, deps) : NOT_RUN_HERE;
    case "PUT stop":
    case "POST stop":
      return bot.enabled ? setStopped(true, deps) : NOT_RUN_HERE;
    default:
      return NO_ROUTE;
  }
}

/** A stop holds until somebody starts it, here or by the control plane; a start overrides nobody but that stop. */
function setStopped(stopped: boolean, deps: ApiDeps): ApiAnswer {
  if (!stopped) {
    const { order, ban } = deps.permission();
    if (ban !== null || order !== "run") {
      const said = ban ?? order ?? "nothing yet";
      return refusal(409, "not_permitted", `Only the control plane may allow a start. Its last order: ${said}.`);
    }
  }
  deps.setStopped(stopped);
  return { status: 202, body: { status: "ok" } };
}

/** What a bot is to run comes from the control plane, with the secrets that it needs: there is nothing to make one of. */
function create(body: string, deps: ApiDeps): ApiAnswer {
  const asked = NewBot.safeParse(jsonOf(body));
  if (!asked.success) return refusal(400, "invalid_body", "The body must be a JSON object with `id`, the bot's UUID.");
  const { id } = asked.data;
  if (deps.bots().some((each) => each.id === id)) return refusal(409, "bot_exists", `The bot ${id} is here already.`);
  return refusal(409, "managed", "The control plane makes the bots of this machine. Create it there.");
}

function remove(bot: BotView, deps: ApiDeps): ApiAnswer {
  if (bot.enabled) {
    return refusal(
      409,
      "managed",
      "The control plane deletes this bot, with its droplet. Stop it here, or delete it there.",
    );
  }
  deps.forget(bot.id);
  return { status: 204, body: undefined };
}

function refusal(status: number, code: string, detail: string): ApiAnswer {
  return { status, body: { type: "about:blank", status, code, detail } };
}

const NO_ROUTE = refusal(404, "not_found", "No such route. GET /api/bots lists the bots of this machine.");
const NOT_RUN_HERE = refusal(
  409,
  "not_run_here",
  "This machine has been given another bot, and does not run this one.",
);
const TOO_LARGE = refusal(413, "too_large", `A body may have ${MAX_BODY_BYTES} bytes.`);
const FAILED = refusal(500, "internal", "The agent could not answer. Its log says why.");

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface ServeDeps extends ApiDeps {
  /** Takes out whatever secret an answer might hold. */
  redact: (body: unknown) => unknown;
  onError: (error: unknown) => void;
}

/** @returns the server and the port that it got; rejects when the port is taken. */
export function serveApi(port: number, deps: ServeDeps): Promise<{ server: Server; port: number }> {
  const limits = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS };
  const server = createServer(limits, (request, response) => {
    respond(request, deps).then(
      (given) => send(response, given, deps),
      (error) => {
        deps.onError(error);
        send(response, FAILED, deps);
      },
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1" }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve({ server, port: address !== null && typeof address === "object" ? address.port : port });
    });
  });
}

async function respond(request: IncomingMessage, deps: ServeDeps): Promise<ApiAnswer> {
  const body = await bodyOf(request);
  if (body === null) return TOO_LARGE;
  const { method = "", url = "", headers } = request;
  return answer({ method, path: url.split("?")[0] ?? "", authorization: headers.authorization ?? "", body }, deps);
}

/** Null where it is too large. All of it is taken off the connection, so that the answer arrives. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString() : null;
}

function send(response: ServerResponse, { status, body }: ApiAnswer, { redact }: ServeDeps): void {
  const type = status < 400 ? "application/json" : "application/problem+json";
  response.setHeader("cache-control", "no-store");
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { "content-type": type }).end(`${JSON.stringify(redact(body))}\n`);
}
