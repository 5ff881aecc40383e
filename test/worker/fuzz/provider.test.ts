/**
 * Answers of DigitalOcean with something wrong in them: the client makes one of its outcomes of each and never throws;
 * a Bot that lives through them keeps its state in order, gets on, and touches nobody else's droplet. Answers may lie
 * here, so that a droplet may be left behind: the sweep is for those.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { afterEach, describe, it, vi } from "vitest";
import { INSTANT_KNOBS } from "../../../simulator/model/knobs.ts";
import { Simulator } from "../../../simulator/model/simulator.ts";
import { DigitalOcean } from "../../../src/provider/digitalocean.ts";
import { tally } from "../../depth.ts";
import { act, dropletsOf, endOfTest, eventually, newBot, request, simulateCloud, untilBot } from "../cloud.ts";
import { History } from "../simulation/history.ts";
import { REQUESTS, SEED } from "./settings.ts";
import { garbage, spoilt } from "./values.ts";

afterEach(endOfTest);

const ANSWERS = Math.ceil(REQUESTS / 4);
const STATUSES = [200, 201, 202, 299, 301, 400, 404, 408, 409, 410, 418, 422, 500, 502, 503, 599];
const WAITS = ["-1", "0", "1e99", "NaN", "soon", "", "Wed, 21 Oct 2026 07:28:00 GMT", "1", "999999999"];

/** Another answer in place of a real one. */
type Mutation = (text: string, status: number) => Response;

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};
const response = (body: BodyInit, status: number, headers: Record<string, string> = {}) =>
  new Response(status === 204 ? null : body, {
    status: status === 204 ? 200 : status,
    headers: { "content-type": "application/json", ...headers },
  });

/** A body that ends in the middle. */
function broken(text: string): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text.slice(0, 20)));
      controller.error(new Error("the connection was lost"));
    },
  });
}

function longList(text: string): string {
  const { droplets = [{}] } = json(text) as { droplets?: unknown[] };
  return JSON.stringify({
    droplets: Array.from({ length: 5_000 }, (_, n) => ({ ...(droplets[0] as object), id: n + 1 })),
  });
}

const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.nat().map(
      (dice): Mutation =>
        (text, status) => {
          const [changed] = fc.sample(spoilt(fc.constant(json(text))), { seed: dice, numRuns: 1 });
          return response(JSON.stringify(changed) ?? "", status);
        },
    ),
  },
  {
    weight: 2,
    arbitrary: garbage.map(
      (value): Mutation =>
        (_, status) =>
          response(JSON.stringify(value) ?? "", status),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Mutation>(
      (text, status) => response(text.slice(0, text.length / 2), status),
      (_, status) => response("", status),
      (_, status) => response("<html><body>502 Bad Gateway</body></html>", status, { "content-type": "text/html" }),
      (text, status) => response(`\ufeff${text}`, status),
      (text, status) => response(new Uint8Array([...new TextEncoder().encode(text.slice(0, 30)), 0xff, 0xfe]), status),
      (text, status) => response(broken(text), status),
      (text, status) => response(longList(text), status),
      (_, status) => response("[".repeat(10_000), status),
      (_, status) => response(`{"droplets":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, status),
      () => {
        throw new TypeError("fetch failed");
      },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...STATUSES).map(
      (status): Mutation =>
        (text) =>
          response(text, status),
    ),
  },
);

const limited: fc.Arbitrary<Mutation> = fc.tuple(fc.constantFrom(401, 403, 429), fc.constantFrom(...WAITS)).map(
  ([status, wait]): Mutation =>
    (text) =>
      response(text, status, { "retry-after": wait, "ratelimit-reset": wait }),
);

async function real(cloud: Simulator, input: unknown, init: unknown) {
  const answer = await cloud.fetch(input as Request, init as RequestInit);
  return { text: await answer.text(), status: answer.status };
}

describe("the client", () => {
  const OUTCOMES = ["ok", "refused", "rate_limited", "unauthorized", "missing", "unknown"];

  it(`makes an outcome of every answer, and never throws (seed ${SEED})`, async (test) => {
    const { expect } = test;
    const cloud = new Simulator({
      now: () => Date.now(),
      random: Math.random,
      knobs: { ...INSTANT_KNOBS, per_minute: 1e9, per_hour: 1e9 },
    });
    const { id } = cloud.addForeignDroplet({ name: "somebody-elses", tags: ["web"] });
    let mutation: Mutation = (text, status) => response(text, status);
    const client = new DigitalOcean({
      base_url: "https://api.digitalocean.com",
      token: "dop_v1_simulator",
      timeout_ms: 1_000,
      now: () => Date.now(),
      fetch: async (input, init) => {
        const { text, status } = await real(cloud, input, init);
        return mutation(text, status);
      },
    });
    const order = {
      name: "x",
      region: "nyc3",
      size: "s-1vcpu-2gb",
      image: "ubuntu-22-04-x64",
      ssh_keys: [],
      tags: [],
      user_data: "secret",
    };
    const calls = [
      () => client.getAccount(),
      () => client.createDroplet(order),
      () => client.getDroplet(id),
      () => client.listDroplets({ all: true }),
      () => client.listPage(1),
      () => client.dropletAction(id, "power_cycle"),
      () => client.deleteDroplet(999),
    ];
    const counts: Record<string, number> = {};
    const sampled = fc.sample(fc.oneof({ weight: 9, arbitrary: mutations }, { weight: 1, arbitrary: limited }), {
      seed: SEED,
      numRuns: ANSWERS,
    });
    for (const [index, wrong] of sampled.entries()) {
      mutation = wrong;
      const outcome = await calls[index % calls.length]?.();
      expect(OUTCOMES).toContain(outcome?.kind);
      counts[outcome?.kind ?? ""] = (counts[outcome?.kind ?? ""] ?? 0) + 1;
      if (outcome && "detail" in outcome) expect(outcome.detail.length).toBeLessThanOrEqual(400);
      if (outcome?.kind === "rate_limited") expect(outcome.wait_ms).toBeGreaterThanOrEqual(5_000);
      if (outcome?.kind === "rate_limited") expect(outcome.wait_ms).toBeLessThanOrEqual(300_000);
    }
    tally(test, { answers: sampled.length });
    console.log(`FUZZ_SEED=${SEED} outcomes: ${JSON.stringify(counts)}`);
  });
});

describe("bots", () => {
  const BOTS = 9;
  /** So many answers to each bot are wrong; then DigitalOcean is well again. */
  const WRONG = 12;

  it(`keep their state in order, get on, and touch nothing of others (seed ${SEED})`, async ({ expect }) => {
    const logs = (["log", "warn", "error"] as const).map((level) =>
      vi.spyOn(console, level).mockReturnValue(undefined),
    );
    const cloud = simulateCloud();
    const foreign = cloud.addForeignDroplet({ name: "somebody-elses", tags: ["web"] });
    const wrong = fc.sample(mutations, { seed: SEED, numRuns: BOTS * WRONG }).values();
    vi.mocked(globalThis.fetch).mockImplementation(async (input, init) => {
      const { text, status } = await real(cloud, input, init);
      // Whose token it is must be known first; the gate has its own tests.
      const next = String(input).endsWith("/account") ? undefined : wrong.next().value;
      return next === undefined ? response(text, status) : next(text, status);
    });
    const ids = await Promise.all(Array.from({ length: BOTS }, async () => (await newBot()).id as string));
    const history = new History();
    const look = async () => {
      for (const id of ids) {
        const sight = await runInDurableObject(env.BOT.getByName(id), (_bot, { storage }) => history.see(id, storage));
        history.judge(id, sight);
      }
    };
    for (const id of ids) {
      await eventually(async () => {
        await look();
        const { text, json: bot } = await request("GET", `/bots/${id}`);
        if (bot.phase !== "waiting_for_agent" && bot.status !== "error") throw new Error(text);
      });
    }
    const left = [...wrong].length;
    await Promise.all(ids.map((id) => act(id, "destroy")));
    for (const id of ids) await untilBot(id, { status: "destroyed" });
    await look();
    for (const spy of logs) spy.mockRestore();
    expect(history.complaint).toBe(null);
    expect(left).toBeLessThan(BOTS * WRONG - BOTS);
    expect(cloud.droplet(foreign.id)).toEqual(foreign);
    const ours = ids.flatMap((id) => dropletsOf(cloud, id)).length;
    expect(cloud.droplets()).toHaveLength(ours + 1);
  });
});
