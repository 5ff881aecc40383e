/** What knowing a caller costs. */
import { afterEach, describe, it } from "vitest";
import { onlineBot } from "./agent.ts";
import { endOfTest, eventually, request, simulateCloud } from "./cloud.ts";
import { countD1, readsOf } from "./counted-d1.ts";
import { newWorld } from "./world.ts";

afterEach(endOfTest);

describe("authentication", () => {
  it("of a management request reads D1 once at most, whoever asks", async ({ expect }) => {
    const { bot, account, owner } = await newWorld(simulateCloud());
    const key = async (body: object) => (await request("POST", "/operator/api-keys", { body })).json.token;
    const accountKey = await key({ name: "k", scopes: ["bots:read"], account_id: account });
    const operatorKey = await key({ name: "k", scopes: ["bots:read"] });
    const statements = countD1();
    const asked = async (options: Parameters<typeof request>[2]) => {
      statements.length = 0;
      expect((await request("GET", `/bots/${bot}`, options)).status).toBe(200);
      return readsOf(statements).length;
    };
    expect(await asked({})).toBe(0);
    expect(await asked({ token: accountKey })).toBe(1);
    expect(await asked({ token: operatorKey })).toBe(1);
    expect(await asked({ token: null, headers: { cookie: owner.cookie } })).toBe(1);
  });

  it("of an agent asks D1 nothing", async ({ expect }) => {
    const { agent } = await onlineBot(simulateCloud());
    const statements = countD1();
    expect((await agent.heartbeat()).status).toBe(200);
    expect((await agent.heartbeat({ droplet_id: 1 })).status).toBe(403);
    // What the bot tells the index of the wrong droplet is its outbox's, not the request's.
    expect(readsOf(statements)).toEqual([]);
  });

  it("notes that a key was used once an hour", async ({ expect }) => {
    const { account } = await newWorld(simulateCloud());
    const body = { name: "k", scopes: ["account:read"], account_id: account };
    const { token, id } = (await request("POST", "/operator/api-keys", { body })).json;
    const statements = countD1();
    const used = () => request("GET", `/accounts/${account}`, { token });
    const listed = async () => {
      const { data } = (await request("GET", `/operator/api-keys?account_id=${account}`)).json;
      return data.find((key: { id: string }) => key.id === id).last_used_at;
    };
    expect(await listed()).toBeNull();
    await used();
    const first = await eventually(async () => {
      const at = await listed();
      expect(at).not.toBeNull();
      return at;
    });
    statements.length = 0;
    await used();
    expect(statements.filter((text) => /^update/i.test(text))).toEqual([]);
    expect(await listed()).toBe(first);
  });
});
