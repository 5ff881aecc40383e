import { env } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { describe, it } from "vitest";
import { listAccounts } from "../../src/accounts/accounts.ts";
import { findConfig, insertBot, listBots } from "../../src/accounts/bots.ts";
import { openDb } from "../../src/db/client.ts";
import { pushToIndex } from "../../src/db/index-feed.ts";
import { bots, droplets } from "../../src/db/schema.ts";
import type { BotRow, DropletRow } from "../../src/records/rows.ts";
import { configRow } from "../fixtures/bot.ts";
import { testWish } from "./audited.ts";
import { newAccount } from "./cloud.ts";

const db = openDb(env.DB);
const everyAccount = { every_account: true } as const;

/** A bot that only D1 knows. */
async function insertedBot(account_id: string): Promise<string> {
  const id = crypto.randomUUID();
  const config = configRow({ id: crypto.randomUUID(), bot_id: id });
  const bot = { id, account_id, name: "Indexed", persona: "beginner", actor: "operator:test", config } as const;
  const made = await insertBot(db, everyAccount, bot, testWish(), 0);
  if (made.kind !== "created") throw new Error(made.kind);
  return id;
}

function botRow(id: string, revision: number, name: string): BotRow {
  return {
    id,
    name,
    persona: "beginner",
    status: "online",
    since: 0,
    reason: null,
    generation: 1,
    droplet_id: null,
    ip_address: null,
    desired_config_id: "c1",
    desired_config_version: 1,
    applied_config_id: null,
    applied_config_version: null,
    effective_config_version: null,
    last_heartbeat_at: null,
    operation_kind: null,
    operation_since: null,
    next_due_at: null,
    revision,
    updated_at: 0,
  };
}

describe("the index", () => {
  it("takes a bot's newer rows, and nothing that comes late or again", async ({ expect }) => {
    const id = await insertedBot(await newAccount());
    const stored = async () => (await db.select().from(bots).where(eq(bots.id, id)))[0];
    for (const [revision, name] of [
      [5, "five"],
      [3, "late"],
      [5, "again"],
    ] as const) {
      await pushToIndex(db, { kind: "bot", row: botRow(id, revision, name) }, 1);
      expect(await stored()).toMatchObject({ revision: 5, name: "five" });
    }
    await pushToIndex(db, { kind: "bot", row: botRow(id, 6, "six") }, 2);
    expect(await stored()).toMatchObject({ revision: 6, name: "six", observed_at: 2 });
  });

  it("never brings a droplet back that is gone", async ({ expect }) => {
    const bot_id = await insertedBot(await newAccount());
    const row: DropletRow = {
      id: 900_000_001,
      bot_id,
      name: "sp-x-g1",
      generation: 1,
      status: "active",
      ip_address: "203.0.113.9",
      found_at: 0,
      gone_at: null,
      revision: 4,
    };
    for (const [revision, gone_at] of [
      [4, null],
      [9, 77],
      [7, null],
    ] as const) {
      await pushToIndex(db, { kind: "droplet", row: { ...row, revision, gone_at } }, 1);
    }
    const [stored] = await db.select().from(droplets).where(eq(droplets.id, row.id));
    expect(stored).toMatchObject({ revision: 9, gone_at: 77 });
  });

  it("shows an account what is its own, and nothing of another's", async ({ expect }) => {
    const [mine, theirs] = [await newAccount(), await newAccount()];
    const [myBot, theirBot] = [await insertedBot(mine), await insertedBot(theirs)];
    const scope = { account_id: mine };
    expect((await listBots(db, scope, {}, 100, null)).data.map(({ id }) => id)).toEqual([myBot]);
    expect((await listBots(db, scope, { account_id: theirs }, 100, null)).data).toEqual([]);
    expect((await listAccounts(db, scope, 100, null, null)).data.map(({ id }) => id)).toEqual([mine]);
    expect(await findConfig(db, scope, myBot, 1)).toMatchObject({ bot_id: myBot });
    expect(await findConfig(db, scope, theirBot, 1)).toBe(null);
  });
});
