import { exports } from "cloudflare:workers";
import { afterEach, describe, it } from "vitest";
import { endOfTest, newBot, request, simulateCloud } from "./cloud.ts";
import { BASE } from "./document.ts";
import { expectProblem } from "./problems.ts";
import { operatorToken } from "./settings.ts";
import { PRODUCTION, workerWith } from "./with-settings.ts";

afterEach(endOfTest);

const preflight = (origin: string) =>
  exports.default.fetch(`${BASE}/bots`, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
  });

describe("every answer", () => {
  it("is kept by nobody in between, framed by nobody, and taken for nothing else", async ({ expect }) => {
    simulateCloud();
    const { id } = await newBot();
    const answers = [
      await request("GET", `/bots/${id}`),
      await request("GET", `/bots/${id}`, { token: null }),
      await request("GET", "/nowhere"),
      await request("POST", "/bots", { body: "{" }),
    ];
    for (const { headers } of answers) {
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

describe("in production", () => {
  it("answers are for TLS alone, and nobody signs up unless that is wanted", async ({ expect }) => {
    const ask = workerWith(PRODUCTION);
    const health = await ask("GET", "/health");
    expect([health.status, health.headers.get("strict-transport-security")]).toEqual([
      200,
      "max-age=31536000; includeSubDomains",
    ]);
    const body = { email: "ada@people.test", password: "correct horse battery", name: "Ada" };
    expect((await ask("POST", "/auth/sign-up", { body })).json).toMatchObject({ status: 403, code: "sign_up_closed" });
    expect((await request("GET", "/health")).headers.get("strict-transport-security")).toBeNull();
  });
});

describe("another origin", () => {
  it("is let in only where the settings name it", async ({ expect }) => {
    const ours = await preflight("http://spawnpoint.test");
    expect(ours.headers.get("access-control-allow-origin")).toBe("http://spawnpoint.test");
    expect(ours.headers.get("access-control-allow-credentials")).toBe("true");
    for (const origin of ["https://evil.test", "http://spawnpoint.test.evil.test", "null"]) {
      const foreign = await preflight(origin);
      expect(foreign.headers.get("access-control-allow-origin"), origin).toBeNull();
      const answer = await request("GET", "/health", { headers: { origin } });
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

describe("a request out of all proportion", () => {
  it("is refused by its address or headers before anything is looked up", async ({ expect }) => {
    const long = await request("GET", `/bots?cursor=${"a".repeat(9_000)}`);
    expectProblem(expect, long, { status: 414, code: "uri_too_long" });
    const heavy = await request("GET", "/bots", { headers: { "x-padding": "a".repeat(40_000) } });
    expectProblem(expect, heavy, { status: 431, code: "headers_too_large" });
    expect(
      (await request("GET", "/bots", { token: operatorToken, headers: { "x-padding": "a".repeat(1_000) } })).status,
    ).toBe(200);
  });
});
