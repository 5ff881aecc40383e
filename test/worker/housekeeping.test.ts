import { env } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { openDb } from "../../src/db/client.ts";
import { forgetEnded } from "../../src/db/housekeeping.ts";
import { botRequest, endOfTest, newAccount, request, simulateCloud } from "./cloud.ts";
import { as, collectMessages, newPerson } from "./people.ts";

afterEach(endOfTest);

const DAY_MS = 24 * 60 * 60 * 1000;
const TABLES = ["idempotency", "sessions", "verifications", "invitations", "sign_in_brakes"];

async function counts(): Promise<number[]> {
  const asked = TABLES.map((table) => env.DB.prepare(`SELECT count(*) AS n FROM ${table}`));
  return (await env.DB.batch<{ n: number }>(asked)).map(({ results }) => results[0]?.n ?? 0);
}

describe("housekeeping", () => {
  it("forgets what has ended, and nothing before", async ({ expect }) => {
    simulateCloud();
    const ada = await newPerson();
    collectMessages();
    const email = "bob@people.test";
    await as(ada, "POST", `/accounts/${ada.user_id}/invitations`, { email, role: "viewer" });
    await request("POST", "/auth/password-reset", { token: null, body: { email: ada.email } });
    await request("POST", "/auth/sign-in", { token: null, body: { email, password: "not the password" } });
    const body = botRequest(await newAccount());
    await request("POST", "/bots", { body, headers: { "idempotency-key": "k" } });
    const before = await counts();
    expect(before.every((count) => count > 0)).toBe(true);
    await forgetEnded(openDb(env.DB), Date.now());
    expect(await counts()).toEqual(before);
    await forgetEnded(openDb(env.DB), Date.now() + 15 * DAY_MS);
    expect(await counts()).toEqual([0, 0, 0, 0, 0]);
    expect((await as(ada, "GET", "/auth/session")).status).toBe(401);
  });
});
