import { describe, it } from "vitest";
import { clientWith, droplet, json, NOW, ORDER } from "./client.ts";

const SHOWN = { id: 3164444, name: ORDER.name, status: "active", tags: ORDER.tags, ip_address: "203.0.113.7" };
const PENDING = { id: "unprocessable_entity", message: "Droplet already has a pending event." };
const NOT_FOUND = { id: "not_found", message: "The resource you were accessing could not be found." };

function error(status: number, message: string, headers: Record<string, string> = {}): Response {
  return json(status, { id: "some_slug", message }, headers);
}

function html(status: number): Response {
  return new Response("<!DOCTYPE html><title>Error</title>", { status, headers: { "content-type": "text/html" } });
}

describe("an answer to a create", () => {
  const TABLE: [string, () => Response, outcome: object][] = [
    ["202", () => json(202, { droplet: droplet(), links: { actions: [] } }), { kind: "ok", value: SHOWN }],
    [
      "202 without addresses",
      () => json(202, { droplet: droplet({ networks: { v4: [], v6: [] } }) }),
      { kind: "ok", value: { ...SHOWN, ip_address: null } },
    ],
    [
      "202 with empty networks",
      () => json(202, { droplet: droplet({ networks: {} }) }),
      { kind: "ok", value: { ...SHOWN, ip_address: null } },
    ],
    [
      "202 without networks and tags",
      () => json(202, { droplet: droplet({ networks: undefined, tags: null }) }),
      { kind: "ok", value: { ...SHOWN, tags: [], ip_address: null } },
    ],
    [
      "202 with a private address only",
      () => json(202, { droplet: droplet({ networks: { v4: [{ ip_address: "10.0.0.1", type: "private" }] } }) }),
      { kind: "ok", value: { ...SHOWN, ip_address: null } },
    ],
    ["202 cut short", () => new Response('{"droplet":{"id":31', { status: 202 }), { kind: "unknown" }],
    ["202 without a body", () => new Response("", { status: 202 }), { kind: "unknown" }],
    ["202 of something else", () => json(202, {}), { kind: "unknown" }],
    [
      "202 with a status that nobody knows",
      () => json(202, { droplet: droplet({ status: "melted" }) }),
      { kind: "unknown" },
    ],
    ["202 with an id that is text", () => json(202, { droplet: droplet({ id: "3164444" }) }), { kind: "unknown" }],
    ["400", () => error(400, "error parsing request body"), { kind: "refused", reason: "invalid", status: 400 }],
    [
      "400 in the shape of tags",
      () => json(400, { error: "InvalidArgument", messages: null, root_causes: ["bad tag"] }),
      { kind: "refused", reason: "invalid", status: 400 },
    ],
    ["401", () => error(401, "Unable to authenticate you."), { kind: "unauthorized", status: 401 }],
    [
      "403",
      () => error(403, "You are not authorized to perform this operation"),
      { kind: "unauthorized", status: 403 },
    ],
    [
      "409",
      () => json(409, { id: "Illegal Action", message: "already exists" }),
      { kind: "refused", reason: "conflict" },
    ],
    [
      "422 for a bad name",
      () => error(422, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"),
      { kind: "refused", reason: "invalid" },
    ],
    [
      "422 for a bad image",
      () => error(422, "You specified an invalid image for Droplet creation."),
      { kind: "refused", reason: "invalid" },
    ],
    [
      "422 for the quota",
      () => error(422, "creating this/these droplet(s) will exceed your droplet limit"),
      { kind: "refused", reason: "quota" },
    ],
    [
      "422 for capacity",
      () =>
        error(
          422,
          "The size you selected is temporarily unavailable in this region, please try another region or size.",
        ),
      { kind: "refused", reason: "capacity" },
    ],
    ["422 for a closed region", () => error(422, "Region is not available"), { kind: "refused", reason: "capacity" }],
    [
      "422 please try again",
      () => error(422, "There was a problem creating your Droplet, please try again"),
      { kind: "refused", reason: "try_again" },
    ],
    ["422 in words that nobody knows", () => error(422, "No."), { kind: "refused", reason: "invalid", detail: "No." }],
    ["408", () => error(408, "timeout"), { kind: "unknown" }],
    ["422 in HTML", () => html(422), { kind: "unknown" }],
    ["500", () => error(500, "Unexpected server-side error"), { kind: "unknown" }],
    ["502 in HTML", () => html(502), { kind: "unknown" }],
    ["520 in HTML", () => html(520), { kind: "unknown" }],
    ["503 without a body", () => new Response(null, { status: 503 }), { kind: "unknown" }],
    [
      "a redirect",
      () => new Response(null, { status: 302, headers: { location: "https://elsewhere.test" } }),
      { kind: "unknown" },
    ],
  ];
  for (const [what, answer, outcome] of TABLE) {
    it(`${what}: ${JSON.stringify(outcome).slice(0, 60)}`, async ({ expect }) => {
      const { client, sent } = clientWith(answer);
      expect(await client.createDroplet(ORDER)).toMatchObject(outcome);
      expect(sent).toHaveLength(1);
    });
  }
});

describe("an answer to a read, a delete and an action", () => {
  const calls = ["getDroplet", "deleteDroplet", "dropletAction"] as const;
  const TABLE: [string, () => Response, outcome: object][] = [
    ["404", () => json(404, NOT_FOUND), { kind: "missing" }],
    ["404 in HTML says nothing about the droplet", () => html(404), { kind: "unknown" }],
    ["404 in any other JSON neither", () => json(404, {}), { kind: "unknown" }],
    ["a pending event", () => json(422, PENDING), { kind: "refused", reason: "pending_event", status: 422 }],
    [
      "blocking events",
      () => error(422, "there are currently blocking events processing for one or more of the droplets"),
      { kind: "refused", reason: "pending_event" },
    ],
    ["already off", () => error(422, "Droplet is already powered off"), { kind: "refused", reason: "invalid" }],
    ["503", () => error(503, "down"), { kind: "unknown" }],
    ["401 from whoever", () => html(401), { kind: "unauthorized", status: 401 }],
  ];
  for (const call of calls) {
    for (const [what, answer, outcome] of TABLE) {
      it(`${call}: ${what}`, async ({ expect }) => {
        expect(await clientWith(answer).client[call](7, "shutdown")).toMatchObject(outcome);
      });
    }
  }

  it("204 for a delete", async ({ expect }) => {
    expect(await clientWith(() => new Response(null, { status: 204 })).client.deleteDroplet(7)).toEqual({
      kind: "ok",
      value: null,
    });
  });

  it("201 for an action, and how it stands later", async ({ expect }) => {
    const action = { id: 36804636, status: "in-progress", type: "power_on", completed_at: null };
    const value = { id: 36804636, status: "in-progress", type: "power_on" };
    const { client } = clientWith(() => json(201, { action }));
    expect(await client.dropletAction(7, "power_on")).toEqual({ kind: "ok", value });
    expect(await client.getAction(7, 36804636)).toEqual({ kind: "ok", value });
  });

  it("the account with its team", async ({ expect }) => {
    const account = { uuid: "u", status: "active", droplet_limit: 25, team: { uuid: "t", name: "Acme" }, email: "x" };
    const { email: _, ...value } = account;
    expect(await clientWith(() => json(200, { account })).client.getAccount()).toEqual({ kind: "ok", value });
  });
});

describe("a 429", () => {
  const at = (ms: number) => String(NOW / 1000 + ms / 1000);
  const TABLE: [string, headers: Record<string, string>, wait_s: number][] = [
    ["names its wait", { "retry-after": "30" }, 30],
    ["names its wait beside a reset", { "retry-after": "7", "ratelimit-reset": at(60_000) }, 7],
    ["names a reset", { "ratelimit-reset": at(60_000) }, 60],
    ["names a reset in the past", { "ratelimit-reset": at(-60_000) }, 5],
    ["names nothing", {}, 5],
    ["names no time at all", { "retry-after": "soon" }, 5],
    ["names zero", { "retry-after": "0" }, 5],
    ["names a negative time", { "retry-after": "-9" }, 5],
    ["names an hour", { "retry-after": "3600" }, 300],
    ["names a reset in an hour", { "ratelimit-reset": at(3_600_000) }, 300],
  ];
  for (const [what, headers, wait_s] of TABLE) {
    it(`that ${what} is waited for ${wait_s} s`, async ({ expect }) => {
      const { client } = clientWith(() => error(429, "API rate limit exceeded.", headers));
      expect(await client.getDroplet(7)).toEqual({ kind: "rate_limited", wait_ms: wait_s * 1000 });
    });
  }

  it("in HTML is one all the same", async ({ expect }) => {
    expect(await clientWith(() => html(429)).client.createDroplet(ORDER)).toEqual({
      kind: "rate_limited",
      wait_ms: 5000,
    });
  });
});

describe("no answer", () => {
  const failing = (failure: unknown) => clientWith(() => Promise.reject(failure)).client.createDroplet(ORDER);

  it("is unknown, by the name of what happened", async ({ expect }) => {
    expect(await failing(new TypeError("fetch failed"))).toEqual({
      kind: "unknown",
      detail: "POST /v2/droplets: TypeError: fetch failed",
    });
    expect(await failing(new DOMException("no answer", "TimeoutError"))).toMatchObject({
      kind: "unknown",
      detail: expect.stringContaining("TimeoutError"),
    });
    expect(await failing("thrown text")).toMatchObject({ kind: "unknown" });
  });

  it("is unknown where the body breaks off", async ({ expect }) => {
    const body = new ReadableStream({
      start: (controller) => controller.error(new TypeError("terminated")),
    });
    const { client } = clientWith(() => new Response(body, { status: 202 }));
    expect(await client.createDroplet(ORDER)).toMatchObject({ kind: "unknown" });
  });
});
