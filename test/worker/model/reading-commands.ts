/** What is only read, and what is asked of a bot that does not exist: nothing comes of either. */
import fc from "fast-check";
import { expect } from "vitest";
import type { BotListItem } from "../../../src/wire/bot.ts";
import { BOT_STATUSES } from "../../../src/wire/enums.ts";
import { botRequest } from "../cloud.ts";
import type { KnownBot } from "./known.ts";
import type { News } from "./look.ts";
import { botCommand, type Command, type Model, NOTHING, refused, requestCommand } from "./model.ts";
import type { World } from "./world.ts";

/** The list, whole and page by page, holds what the filter says. */
async function list(model: Model, world: World, query: string, fits: (bot: BotListItem) => boolean): Promise<News> {
  const path = `/bots?account_id=${world.account_id}&limit=1${query}`;
  const items: BotListItem[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { status, json, text } = await world.send("GET", path + (cursor ? `&cursor=${cursor}` : ""));
    expect(status, text).toBe(200);
    items.push(...json.data);
    cursor = json.next_cursor;
  }
  expect(items).toEqual(model.index.filter(fits));
  return NOTHING;
}

async function readEvents(world: World, bot: KnownBot, after: number, limit: number): Promise<News> {
  const { json } = await world.send("GET", `/bots/${bot.id}/events?after=${after}&limit=${limit}`);
  const page = bot.history.filter(({ seq }) => seq > after).slice(0, limit);
  expect(json.data).toEqual(page);
  expect(json.next_cursor).toBe(page.length === limit ? String(page.at(-1)?.seq) : null);
  return NOTHING;
}

async function readConfig(world: World, bot: KnownBot, tag: string): Promise<News> {
  const reply = await world.send("GET", `/bots/${bot.id}/config`, { headers: { "if-none-match": tag } });
  expect([reply.status, reply.headers.get("etag")]).toEqual([tag === bot.etag ? 304 : 200, bot.etag]);
  return NOTHING;
}

const NOBODY = "00000000-0000-4000-8000-0000000000ff";

const ROUTES = [
  ["GET", "", undefined],
  ["PATCH", "", { name: "Early Bird" }],
  ["GET", "/config", undefined],
  ["PATCH", "/config", { strictness: "low" }],
  ["GET", "/configs", undefined],
  ["POST", "/config/rollback", { to_version: 1 }],
  ["POST", "/actions", { action: "destroy" }],
  ["GET", "/operations", undefined],
  ["POST", "/operations/00000000-0000-4000-8000-000000000000/cancel", undefined],
  ["GET", "/events", undefined],
] as const;

async function askNobody(world: World, [method, path, body]: (typeof ROUTES)[number], id: string): Promise<News> {
  const reply = await world.send(method, `/bots/${id}${path}`, { body });
  if (id.length !== 36) return refused(reply, 400, "malformed_request");
  return refused(reply, 404, path === "/config/rollback" ? "config_not_found" : "bot_not_found");
}

async function createWrongly(world: World, changes: Record<string, unknown>, code: string): Promise<News> {
  const reply = await world.send("POST", "/bots", { body: botRequest(world.account_id, changes) });
  return refused(reply, code === "account_not_found" ? 404 : 422, code);
}

const someBot = fc.nat({ max: 3 });

export const readingCommands: fc.Arbitrary<Command>[] = [
  fc.oneof(
    fc
      .constantFrom(...BOT_STATUSES)
      .map((status) =>
        requestCommand(`list(${status})`, (model, world) =>
          list(model, world, `&status=${status}`, (bot) => bot.status === status),
        ),
      ),
    fc
      .boolean()
      .map((drift) =>
        requestCommand(`list(drift ${drift})`, (model, world) =>
          list(model, world, `&drift=${drift}`, (bot) => bot.status !== "destroyed" && bot.config_drift === drift),
        ),
      ),
    fc
      .tuple(someBot, fc.nat({ max: 20 }), fc.integer({ min: 1, max: 5 }))
      .map(([pick, after, limit]) =>
        botCommand(`readEvents(${after}, ${limit})`, pick, (_model, world, bot) =>
          readEvents(world, bot, after, limit),
        ),
      ),
    fc
      .tuple(someBot, fc.boolean())
      .map(([pick, known]) =>
        botCommand(`readConfig(${known ? "known" : "new"})`, pick, (_model, world, bot) =>
          readConfig(world, bot, known ? bot.etag : '"other"'),
        ),
      ),
  ),
  fc.oneof(
    fc
      .tuple(fc.constantFrom(...ROUTES), fc.constantFrom(NOBODY, NOBODY, "bot-1", "00000000"))
      .map(([route, id]) =>
        requestCommand(`askNobody(${route[0]} ${route[1]}, ${id})`, (_model, world) => askNobody(world, route, id)),
      ),
    fc
      .constantFrom<[Record<string, unknown>, string]>(
        [{ account_id: "00000000-0000-4000-8000-000000000000" }, "account_not_found"],
        [{ strictness: "extreme" }, "invalid_request"],
        [{ asset_focus: "custom" }, "invalid_request"],
        [{ llm_api_key: "with a space" }, "invalid_request"],
      )
      .map(([changes, code]) =>
        requestCommand(`createWrongly(${JSON.stringify(changes)})`, (_model, world) =>
          createWrongly(world, changes, code),
        ),
      ),
  ),
];
