/** A DigitalOcean without delays: the simulator's model behind a bare HTTP face. Nothing of it is kept on disk. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readBody, sendResponse } from "../../simulator/machine/http.ts";
import { INSTANT_KNOBS } from "../../simulator/model/knobs.ts";
import { Simulator } from "../../simulator/model/simulator.ts";

export interface BenchCloud {
  url: string;
  token: string;
  /** The droplet of a bot, with its user-data, as soon as it is active. */
  dropletOf(botId: string): Promise<{ id: number; user_data: string }>;
  close(): Promise<void>;
}

const KNOBS = { ...INSTANT_KNOBS, per_minute: 1e9, per_hour: 1e9, max_concurrent_creates: 1e9, requests_kept: 0 };

export async function startCloud(): Promise<BenchCloud> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const simulator = new Simulator({
    now: Date.now,
    random: Math.random,
    base_url: url,
    droplet_limit: 1e6,
    knobs: KNOBS,
  });
  const active = new Map<string, PromiseWithResolvers<{ id: number; user_data: string }>>();
  const slot = (botId: string) => {
    const known = active.get(botId) ?? Promise.withResolvers<{ id: number; user_data: string }>();
    active.set(botId, known);
    return known;
  };
  simulator.onTransition(({ kind, droplet: { id, tags, user_data } }) => {
    const botId = tags.find((tag) => tag.startsWith("bot-"))?.slice("bot-".length);
    if (kind === "active" && botId !== undefined && user_data !== null) slot(botId).resolve({ id, user_data });
  });
  server.on("request", async (request, response) => {
    const body = await readBody(request);
    const answer = await simulator.fetch(new URL(request.url ?? "/", url), {
      method: request.method ?? "GET",
      headers: { authorization: request.headers.authorization ?? "" },
      ...(body === "" ? {} : { body }),
    });
    await sendResponse(response, answer);
    // What was asked for has happened by the time that it is read.
    simulator.advance();
  });
  return {
    url,
    token: simulator.token,
    dropletOf: (botId) => slot(botId).promise,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
