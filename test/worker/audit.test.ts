import { env } from "cloudflare:workers";
import { afterEach, describe, it, vi } from "vitest";
import { onlineBot } from "./agent.ts";
import { act, botRequest, endOfTest, eventually, request, simulateCloud } from "./cloud.ts";
import { as, newPerson } from "./people.ts";

afterEach(endOfTest);

interface Entry {
  id: number;
  action: string;
  actor: string;
}
const actions = (entries: Entry[]) => entries.map(({ action }) => action);

describe("the audit log", () => {
  it("says who did what to an account and its bots, with what came before and after", async ({ expect }) => {
    simulateCloud();
    const ada = await newPerson();
    const tier = await request("PATCH", `/accounts/${ada.user_id}`, { body: { tier: "basic" } });
    const made = await as(ada, "POST", "/bots", botRequest(ada.user_id));
    const patch = { strictness: "high", note: "steadier, sk-ant-0123456789abcdef" };
    await as(ada, "PATCH", `/bots/${made.json.id}/config`, patch);
    const destroyed = await as(ada, "POST", `/bots/${made.json.id}/actions`, { action: "destroy" });
    const data: Entry[] = await eventually(async () => {
      const page = (await as(ada, "GET", "/audit")).json.data;
      if (!actions(page).includes("actOnBot")) throw new Error("not yet");
      return page;
    });
    const of = (action: string) => data.find((entry) => entry.action === action);
    expect(of("signUp")).toMatchObject({ actor: `user:${ada.user_id}`, after: { tier: "free" } });
    expect(of("changeAccount")).toMatchObject({
      actor: expect.stringMatching(/^operator:/),
      before: { tier: "free" },
      after: { tier: "basic" },
      request_id: tier.headers.get("x-request-id"),
    });
    expect(of("createBot")).toMatchObject({ actor: `user:${ada.user_id}`, bot_id: made.json.id });
    expect(of("changeBotConfig")).toMatchObject({
      before: { config_version: 1 },
      after: [{ kind: "config_published", data: { config: { version: 2 } } }],
      reason: "steadier, [redacted]",
    });
    expect(of("actOnBot")).toMatchObject({
      bot_id: made.json.id,
      account_id: ada.user_id,
      request_id: destroyed.headers.get("x-request-id"),
      credential_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(data.map(({ id }) => id)).toEqual(data.map(({ id }) => id).sort((a, b) => b - a));
  });

  it("has one entry for what was asked twice, and none for what was refused", async ({ expect }) => {
    const { bot } = await onlineBot(simulateCloud());
    const again = { "idempotency-key": "once" };
    await act(bot.id, "pause", again);
    await act(bot.id, "pause", again);
    await act(bot.id, "redeploy");
    const entries = await eventually(async () => {
      const { data } = (await request("GET", `/operator/audit?bot_id=${bot.id}&action=actOnBot`)).json;
      if (data.length === 0) throw new Error("not yet");
      return data;
    });
    expect(entries).toHaveLength(1);
    expect(entries[0].after).toMatchObject([{ kind: "operation_requested", data: { kind: "pause" } }]);
  });

  it("is paged, shown to each account as far as it is theirs, and filtered", async ({ expect }) => {
    const [ada, bob] = [await newPerson(), await newPerson()];
    for (const name of ["a", "b", "c"]) await as(ada, "POST", "/keys", { name, scopes: ["bots:read"] });
    await as(bob, "POST", "/keys", { name: "d", scopes: ["bots:read"] });
    const first = (await as(ada, "GET", "/audit?limit=2&action=createKey")).json;
    const second = (await as(ada, "GET", `/audit?limit=2&action=createKey&cursor=${first.next_cursor}`)).json;
    const names = [...first.data, ...second.data].map(({ after }: { after: { name: string } }) => after.name);
    expect([names, second.next_cursor]).toEqual([["c", "b", "a"], null]);
    const all = (await request("GET", `/operator/audit?actor=user:${bob.user_id}&action=createKey`)).json.data;
    expect(all).toHaveLength(1);
    const theirs = (await as(ada, "GET", `/audit?actor=user:${bob.user_id}`)).json.data;
    expect(theirs).toEqual([]);
  });

  it("cannot be changed or cut, not even in the database", async ({ expect }) => {
    await newPerson();
    await expect(env.DB.prepare("UPDATE audit_log SET actor = 'nobody'").run()).rejects.toThrow("append-only");
    await expect(env.DB.prepare("DELETE FROM audit_log").run()).rejects.toThrow("append-only");
  });
});

describe("the logs", () => {
  it("say of each change who asked for it, and of each bot which one it is", async ({ expect }) => {
    const { bot } = await onlineBot(simulateCloud());
    const lines: Record<string, unknown>[] = [];
    const spy = vi.spyOn(console, "log").mockImplementation((line: unknown) => {
      lines.push(JSON.parse(String(line)));
    });
    const body = { strictness: "high" };
    const answer = await request("PATCH", `/bots/${bot.id}/config`, { body });
    await request("GET", `/bots/${bot.id}`);
    spy.mockRestore();
    expect(lines.find(({ event }) => event === "config_published")).toMatchObject({
      bot_id: bot.id,
      generation: 1,
      version: 2,
    });
    expect(lines.filter(({ event }) => event === "request")).toEqual([
      {
        event: "request",
        request_id: answer.headers.get("x-request-id"),
        actor: expect.stringMatching(/^operator:/),
        credential_id: expect.any(String),
        method: "PATCH",
        path: `/bots/${bot.id}/config`,
        status: 200,
        ms: expect.any(Number),
      },
    ]);
  });
});
