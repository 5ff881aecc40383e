/** D1's rows may carry what a later release has written: this one was deployed again after it. */
import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { botRequest, endOfTest, newAccount, newBot, request, simulateCloud } from "./cloud.ts";
import { as, newPerson } from "./people.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

function write(table: string, column: string, key: string, id: string) {
  return env.DB.prepare(`UPDATE ${table} SET ${column} = 'of_a_later_release' WHERE ${key} = ?`).bind(id).run();
}

describe("what a later release has written", () => {
  it("as an account's tier is shown, and lets no further bot in", async ({ expect }) => {
    simulateCloud();
    const account = await newAccount();
    await newBot({ account_id: account });
    await write("accounts", "tier", "id", account);
    const shown = await request("GET", `/accounts/${account}`);
    expect(shown.json).toMatchObject({ max_bots: 1, bot_count: 1, over_limit: false });
    const refused = await request("POST", "/bots", { body: botRequest(account) });
    expectProblem(expect, refused, { status: 403, code: "quota_exceeded" });
    expect((await request("PATCH", `/accounts/${account}`, { body: { tier: "pro" } })).json.max_bots).toBe(4);
  });

  it("as a member's role grants nothing, and does not count as an owner", async ({ expect }) => {
    const ada = await newPerson();
    await write("memberships", "role", "user_id", ada.user_id);
    expect((await as(ada, "GET", "/bots")).status).toBe(403);
    expect((await as(ada, "GET", "/auth/session")).status).toBe(200);
  });

  it("as a bot's persona or status is listed", async ({ expect }) => {
    simulateCloud();
    const { id, account_id } = await newBot();
    await write("bots", "persona", "id", id);
    await write("bots", "status", "id", id);
    const { data } = (await request("GET", `/accounts/${account_id}/bots`)).json;
    // In words that this release's document lists.
    expect(data).toMatchObject([{ id, persona: "beginner", status: "error", reason: "newer_release" }]);
  });
});
