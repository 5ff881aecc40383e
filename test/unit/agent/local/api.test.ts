import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ServeDeps, serveApi } from "../../../../bootstrap/agent/local/api.ts";
import type { BotView } from "../../../../bootstrap/agent/local/view.ts";
import { NO_PERMISSION, type Permission } from "../../../../bootstrap/agent/workload/permission.ts";
import { configId } from "../fixtures/control-plane.ts";

const OWN = configId(1);
const OTHER = configId(2);

let permission: Permission;
let did: string[];
let failing: boolean;
let served: Awaited<ReturnType<typeof serveApi>>;

beforeEach(async () => {
  permission = { ...NO_PERMISSION, order: "run" };
  did = [];
  failing = false;
  const view = (id: string, enabled: boolean) => ({ id, enabled, reason: "said hunter2" }) as BotView;
  const deps: ServeDeps = {
    token: "t",
    bots: () => {
      if (failing) throw new Error("the disk is gone");
      return [view(OWN, true), view(OTHER, false)];
    },
    permission: () => permission,
    setStopped: (stopped) => void did.push(stopped ? "stop" : "start"),
    forget: (id) => void did.push(`forget ${id}`),
    redact: (body) => JSON.parse(JSON.stringify(body).replaceAll("hunter2", "[redacted]")),
    onError: (error) => void did.push(String(error)),
  };
  served = await serveApi(0, deps);
});

afterEach(async () => {
  served.server.closeAllConnections();
  await new Promise((closed) => served.server.close(closed));
});

async function ask(method: string, path: string, body?: string, token = "t") {
  const url = `http://127.0.0.1:${served.port}${path}`;
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const type = response.headers.get("content-type");
  return { status: response.status, type, text, code: text === "" ? null : JSON.parse(text).code };
}

describe("the local API", () => {
  it("lists the bots of the machine, its own first, and shows each", async () => {
    const { status, text } = await ask("GET", "/api/bots");
    expect(status).toBe(200);
    expect(JSON.parse(text).data.map(({ id }: BotView) => id)).toEqual([OWN, OTHER]);
    expect(JSON.parse((await ask("GET", `/api/bots/${OTHER}`)).text)).toMatchObject({ id: OTHER, enabled: false });
  });

  it("answers nobody without its token, and listens on loopback only", async () => {
    for (const [method, path] of [
      ["GET", "/api/bots"],
      ["PUT", `/api/bots/${OWN}/stop`],
      ["GET", "/nowhere"],
    ] as const) {
      expect(await ask(method, path, undefined, "u")).toMatchObject({ status: 401, code: "unauthorized" });
    }
    expect(did).toEqual([]);
    expect(served.server.address()).toMatchObject({ address: "127.0.0.1" });
  });

  it("lets a person stop the bot whatever the control plane says", async () => {
    for (const order of ["run", "hold", "stop", null] as const) {
      permission = { ...NO_PERMISSION, order };
      expect(await ask("PUT", `/api/bots/${OWN}/stop`)).toMatchObject({ status: 202 });
    }
    expect(did).toEqual(["stop", "stop", "stop", "stop"]);
  });

  it("starts nothing that the control plane does not allow", async () => {
    for (const order of ["hold", "stop", null] as const) {
      permission = { ...NO_PERMISSION, order };
      expect(await ask("PUT", `/api/bots/${OWN}/start`)).toMatchObject({ status: 409, code: "not_permitted" });
    }
    permission = { ...NO_PERMISSION, order: "run", ban: "credential_revoked" };
    expect(await ask("PUT", `/api/bots/${OWN}/start`)).toMatchObject({ status: 409, code: "not_permitted" });
    expect(did).toEqual([]);
    permission = { ...NO_PERMISSION, order: "run" };
    expect(await ask("PUT", `/api/bots/${OWN}/start`)).toMatchObject({ status: 202 });
    expect(did).toEqual(["start"]);
  });

  it.each([
    ["POST", "/api/bots", JSON.stringify({ id: configId(3) }), 409, "managed"],
    ["POST", "/api/bots", JSON.stringify({ id: OWN }), 409, "bot_exists"],
    ["POST", "/api/bots", JSON.stringify({ id: "mine" }), 400, "invalid_body"],
    ["POST", "/api/bots", "half a bo", 400, "invalid_body"],
    ["DELETE", `/api/bots/${OWN}`, undefined, 409, "managed"],
    ["PUT", `/api/bots/${OTHER}/start`, undefined, 409, "not_run_here"],
    ["PUT", `/api/bots/${OTHER}/stop`, undefined, 409, "not_run_here"],
    ["GET", `/api/bots/${configId(3)}`, undefined, 404, "not_found"],
    ["PUT", `/api/bots/${configId(3)}/stop`, undefined, 404, "not_found"],
    ["GET", `/api/bots/${OWN}/stop`, undefined, 404, "not_found"],
    ["PATCH", `/api/bots/${OWN}`, "{}", 404, "not_found"],
    ["GET", "/api/bots/", undefined, 404, "not_found"],
  ])("refuses %s %s of %s with %i %s, as a problem", async (method, path, body, status, code) => {
    expect(await ask(method, path, body)).toMatchObject({ status, code, type: "application/problem+json" });
    expect(did).toEqual([]);
  });

  it("takes a bot that nobody runs here out of the table", async () => {
    expect(await ask("DELETE", `/api/bots/${OTHER}`)).toMatchObject({ status: 204, text: "" });
    expect(did).toEqual([`forget ${OTHER}`]);
  });

  it("refuses a body that is too large, and answers all the same", async () => {
    const most = JSON.stringify({ id: OWN }).padEnd(16 * 1024);
    expect(await ask("POST", "/api/bots", most)).toMatchObject({ status: 409, code: "bot_exists" });
    expect(await ask("POST", "/api/bots", `${most} `)).toMatchObject({ status: 413, code: "too_large" });
    expect(await ask("POST", "/api/bots", "x".repeat(1_000_000))).toMatchObject({ status: 413, code: "too_large" });
  });

  it("answers without a secret", async () => {
    for (const path of ["/api/bots", `/api/bots/${OWN}`]) {
      const { text } = await ask("GET", path);
      expect(text).toContain("[redacted]");
      expect(text).not.toContain("hunter2");
    }
  });

  it("says that it could not answer, and goes on", async () => {
    failing = true;
    expect(await ask("GET", "/api/bots")).toMatchObject({ status: 500, code: "internal" });
    failing = false;
    expect(await ask("GET", "/api/bots")).toMatchObject({ status: 200 });
    expect(did).toEqual(["Error: the disk is gone"]);
  });

  it("outlives a request that is broken off", async () => {
    const broken = request({ port: served.port, host: "127.0.0.1", method: "POST", path: "/api/bots" });
    const ended = new Promise((done) => broken.on("error", done));
    broken.setHeader("content-length", "100");
    broken.write("{");
    broken.destroy();
    await ended;
    expect(await ask("GET", "/api/bots")).toMatchObject({ status: 200 });
  });
});
