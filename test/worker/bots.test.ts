import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { botRequest, endOfTest, eventually, newAccount, request, simulateCloud } from "./cloud.ts";

afterEach(endOfTest);

describe("creating a bot", () => {
  it("answers 201 at once with status pending and makes one droplet in the background", async ({ expect }) => {
    const cloud = simulateCloud();
    const account = await newAccount();
    const made = await request("POST", "/bots", { body: botRequest(account) });
    expect(made.status, made.text).toBe(201);
    expect(made.headers.get("location")).toBe(`/bots/${made.json.id}`);
    await eventually(async () => {
      const { json } = await request("GET", `/bots/${made.json.id}`);
      expect(json).toMatchObject({ status: "provisioning", droplet_id: cloud.droplets()[0]?.id });
    });
    await evictDurableObject(env.BOT.getByName(made.json.id));
    expect((await request("GET", `/bots/${made.json.id}`)).json.status).toBe("provisioning");
    expect(cloud.droplets()).toHaveLength(1);
  });
});
