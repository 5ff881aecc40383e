import { describe, it } from "vitest";
import { withTimeout } from "../../../src/provider/digitalocean.ts";
import { clientWith, droplet, json, NOW, ORDER, page, TOKEN } from "./client.ts";

describe("a request", () => {
  it("carries the token in its header and nowhere else, and follows no redirect", async ({ expect }) => {
    const { client, sent } = clientWith(() => json(202, { droplet: droplet() }));
    await client.createDroplet(ORDER);
    const [request] = sent;
    expect(request?.headers.get("authorization")).toBe(`Bearer ${TOKEN}`);
    expect(request?.init.redirect).toBe("manual");
    expect(request?.url.href).not.toContain(TOKEN);
    expect(JSON.stringify(request?.body)).not.toContain(TOKEN);
  });

  it("for a droplet asks for monitoring, and for nothing that costs more", async ({ expect }) => {
    const { client, sent } = clientWith(() => json(202, { droplet: droplet() }));
    await client.createDroplet(ORDER);
    expect(sent[0]?.body).toEqual({ ...ORDER, monitoring: true, ipv6: false, backups: false });
    expect(sent[0]?.headers.get("content-type")).toBe("application/json");
  });

  it("is sent once, whatever comes back", async ({ expect }) => {
    for (const status of [202, 408, 429, 500, 503]) {
      const { client, sent } = clientWith(() => json(status, { id: "x", message: "please try again" }));
      await client.createDroplet(ORDER);
      expect(sent).toHaveLength(1);
    }
  });

  it("goes where the settings say", async ({ expect }) => {
    const { client, sent } = clientWith(() => json(200, { droplet: droplet() }), { base_url: "http://127.0.0.1:9090" });
    await client.getDroplet(7);
    expect(sent[0]?.url.href).toBe("http://127.0.0.1:9090/v2/droplets/7");
  });
});

describe("user-data", () => {
  const sizes: [bytes: number, text: string, taken: boolean][] = [
    [65_535, "x".repeat(65_535), true],
    [65_536, "x".repeat(65_536), false],
    [65_535, `${"é".repeat(32_767)}x`, true],
    [65_536, "é".repeat(32_768), false],
  ];
  for (const [bytes, user_data, taken] of sizes) {
    it(`of ${bytes} bytes${user_data.length < bytes ? " in fewer characters" : ""} is ${taken ? "sent" : "refused before anything is sent"}`, async ({
      expect,
    }) => {
      const { client, sent } = clientWith(() => json(202, { droplet: droplet() }));
      const outcome = await client.createDroplet({ ...ORDER, user_data });
      expect(sent).toHaveLength(taken ? 1 : 0);
      expect(outcome).toMatchObject(taken ? { kind: "ok" } : { kind: "refused", reason: "invalid" });
    });
  }
});

describe("what an outcome says", () => {
  const FAILURES: [string, () => Response | Promise<Response>][] = [
    ["the network fails", () => Promise.reject(new TypeError("fetch failed"))],
    [
      "the header is quoted",
      () => Promise.reject(new TypeError(`Headers.append: "Bearer ${TOKEN}" is an invalid header value`)),
    ],
    ["an answer quotes the token", () => json(401, { id: "unauthorized", message: `${TOKEN} is not a token` })],
    ["the answer does not parse", () => json(202, { droplet: { user_data: ORDER.user_data, token: TOKEN } })],
    ["the server fails", () => json(500, { id: "server_error", message: "oops", echo: ORDER.user_data })],
    ["a page comes back", () => new Response(`<pre>${ORDER.user_data}${TOKEN}</pre>`, { status: 502 })],
  ];
  for (const [what, answer] of FAILURES) {
    it(`never shows the token or user-data where ${what}`, async ({ expect }) => {
      const text = JSON.stringify(await clientWith(answer).client.createDroplet(ORDER));
      expect(text).not.toContain(TOKEN);
      expect(text).not.toContain("confidential");
    });
  }

  it("is kept short", async ({ expect }) => {
    const long = await clientWith(() => json(422, { id: "x", message: "m".repeat(5000) })).client.getDroplet(7);
    expect(JSON.stringify(long).length).toBeLessThan(500);
    const thrown = await clientWith(() => Promise.reject(new Error("e".repeat(5000)))).client.getDroplet(7);
    expect(JSON.stringify(thrown).length).toBeLessThan(500);
  });
});

describe("a listing", () => {
  const FILTERS: [filter: { name: string } | { tag: string } | { all: true }, query: Record<string, string>][] = [
    [{ name: "a-g1" }, { per_page: "200", page: "1", name: "a-g1" }],
    [{ tag: "bot-1" }, { per_page: "200", page: "1", tag_name: "bot-1" }],
    [{ all: true }, { per_page: "200", page: "1" }],
  ];
  for (const [filter, query] of FILTERS) {
    it(`by ${Object.keys(filter)} asks for ${new URLSearchParams(query)}`, async ({ expect }) => {
      const { client, sent } = clientWith(() => page([]));
      await client.listDroplets(filter);
      expect(Object.fromEntries(sent[0]?.url.searchParams ?? [])).toEqual(query);
    });
  }

  const many = (from: number, count: number) => Array.from({ length: count }, (_, n) => droplet({ id: from + n }));

  it("reads every page and counts a row that moved between them once", async ({ expect }) => {
    const pages = [page(many(1, 200), "page=2"), page(many(200, 200), "page=3"), page(many(400, 5))];
    const { client, sent } = clientWith(() => pages.shift() ?? page([]));
    const outcome = await client.listDroplets({ all: true });
    if (outcome.kind !== "ok") throw new Error(outcome.kind);
    expect(outcome.value.droplets.map(({ id }) => id)).toEqual(Array.from({ length: 404 }, (_, n) => n + 1));
    expect(sent.map(({ url }) => url.searchParams.get("page"))).toEqual(["1", "2", "3"]);
  });

  it("dates from before its first page", async ({ expect }) => {
    let now = NOW;
    const { client } = clientWith(
      () => {
        now += 5000;
        return page([], now < NOW + 15_000 ? "more" : undefined);
      },
      { now: () => now },
    );
    expect(await client.listDroplets({ all: true })).toMatchObject({ kind: "ok", value: { began_at: NOW } });
  });

  const FAILURES: [string, () => Response, outcome: object][] = [
    ["a server error", () => json(500, { id: "server_error", message: "oops" }), { kind: "unknown" }],
    ["a rate limit", () => json(429, { id: "too_many_requests", message: "slow" }), { kind: "rate_limited" }],
    ["a 404", () => json(404, { id: "not_found", message: "no" }), { kind: "unknown" }],
    ["a row that does not parse", () => page([droplet(), { id: 5 }]), { kind: "unknown" }],
  ];
  for (const [what, second, outcome] of FAILURES) {
    it(`with ${what} on its second page is none at all`, async ({ expect }) => {
      const pages = [page(many(1, 200), "page=2"), second()];
      const { client } = clientWith(() => pages.shift() ?? page([]));
      expect(await client.listDroplets({ all: true })).toMatchObject(outcome);
    });
  }

  const LAST: [string, unknown][] = [
    ["no links", undefined],
    ["empty links", {}],
    ["null links", null],
    ["links without pages", { pages: {} }],
    ["links that lead back only", { pages: { first: "x", prev: "y" } }],
  ];
  for (const [what, links] of LAST) {
    it(`ends at a page with ${what}`, async ({ expect }) => {
      const { client, sent } = clientWith(() => json(200, { droplets: [droplet()], links, meta: { total: 1 } }));
      expect(await client.listDroplets({ all: true })).toMatchObject({ kind: "ok" });
      expect(sent).toHaveLength(1);
    });
  }

  it("that never ends is given up", async ({ expect }) => {
    const { client } = clientWith(() => page([], "more"));
    expect(await client.listDroplets({ all: true })).toMatchObject({ kind: "unknown" });
  });
});

describe("patience", () => {
  it("is that of the settings for every call, and its signal is handed to the network", async ({ expect }) => {
    const asked: number[] = [];
    const { signal } = new AbortController();
    const { client, sent } = clientWith(() => json(200, { droplet: droplet() }), {
      timeout_ms: 1234,
      withTimeout: (ms, run) => {
        asked.push(ms);
        return run(signal);
      },
    });
    await client.getDroplet(7);
    await client.deleteDroplet(7);
    expect(asked).toEqual([1234, 1234]);
    expect(sent.map(({ init }) => init.signal)).toEqual([signal, signal]);
  });

  it("ends in an abort, which is an outcome that we do not know", async ({ expect }) => {
    const { client } = clientWith(
      ({ init }) =>
        new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason))),
      { timeout_ms: 1, withTimeout },
    );
    expect(await client.createDroplet(ORDER)).toEqual({
      kind: "unknown",
      detail: "POST /v2/droplets: TimeoutError: no answer within 1 ms",
    });
  });
});
