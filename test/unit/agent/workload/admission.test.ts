/** The admission of a workload by what its gateway answers, and what is kept of it. */
import { afterEach, beforeEach, describe, it } from "vitest";
import { Store } from "../../../../bootstrap/agent/base/store.ts";
import { type AdmissionDeps, admit } from "../../../../bootstrap/agent/workload/admission.ts";
import { type Gateway, GatewayError } from "../../../../bootstrap/agent/workload/gateway-client.ts";
import { digestOf } from "../../../../bootstrap/agent/workload/model-check-rules.ts";
import { AgentConfig } from "../../../../src/wire/config.ts";
import { agentConfig } from "../fixtures/control-plane.ts";

const BOT = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
const config = AgentConfig.parse(agentConfig(BOT, 2, "sk-good-one-key"));
const digest = digestOf(config);
const KEY_IS_THERE = { providers: [{ provider: "openai", status: "static" }] };
const ADMITTED = { refusal: null, degraded: [], aborted_runs: 0 };

let store: Store;
let calls: string[];
beforeEach(() => {
  store = new Store(":memory:", () => {});
  calls = [];
});
afterEach(() => store.close());

/** @param answers by method; an Error refuses */
function admitted(answers: Record<string, unknown>, changes: Partial<AdmissionDeps> = {}) {
  const gateway: Gateway = {
    call: async (method) => {
      calls.push(method);
      const answer = { "models.authStatus": KEY_IS_THERE, ...answers }[method];
      if (answer instanceof Error) throw answer;
      return answer;
    },
    close: () => calls.push("close"),
  };
  return admit({
    config,
    interrupted: false,
    gateway: async () => gateway,
    store,
    log: () => {},
    now_ms: () => performance.now(),
    over: new AbortController().signal,
    ...changes,
  });
}

const keyIs = (...statuses: string[]) => {
  const [provider, ...aliases] = statuses;
  const listed = provider === undefined ? [] : [{ provider: "openai", status: provider }];
  const others = aliases.map((status) => ({ provider: "x", authProvider: "openai", status }));
  return { "models.authStatus": { providers: [...listed, ...others] } };
};
const probed = (status: string) => ({ "models.probe": { status } });

describe("a workload that answers", () => {
  it("is asked once for a key that is good", async ({ expect }) => {
    expect(await admitted(probed("ok"))).toEqual(ADMITTED);
    expect(calls).toEqual(["models.authStatus", "models.probe", "close"]);
    expect(await admitted(probed("auth"))).toEqual(ADMITTED);
    expect(calls).toHaveLength(3);
    expect(store.get("model_asked")).toEqual({ digest, answer: "ok" });
  });

  it("is refused for a key that its config has changed, and for every other one that is refused then", async ({
    expect,
  }) => {
    store.set("model_good", "another");
    const refused = { ...ADMITTED, refusal: "openai refused the API key" };
    expect(await admitted(probed("auth"))).toEqual(refused);
    expect(store.get("model_good")).toBe("another");
  });

  it("is refused for a first key, and so is the next one", async ({ expect }) => {
    store.set("generation", 1);
    const first = AgentConfig.parse(agentConfig(BOT, 1, "sk-bad-one-key"));
    const refused = { ...ADMITTED, refusal: "openai refused the API key" };
    expect(await admitted(probed("auth"), { config: first })).toEqual(refused);
    expect(await admitted(probed("auth"))).toEqual(refused);
  });

  it("is degraded where its key was good before, and stays so while nobody can be asked", async ({ expect }) => {
    store.set("model_good", digest);
    const degraded = { ...ADMITTED, degraded: ["llm_auth"] };
    expect(await admitted(probed("auth"))).toEqual(degraded);
    expect(await admitted(probed("timeout"))).toEqual(degraded);
    expect(await admitted(probed("ok"))).toEqual(ADMITTED);
  });

  it("remembers the key of a config that has run as a good one", async ({ expect }) => {
    store.set("proven", config.id);
    expect(await admitted(probed("auth"))).toEqual({ ...ADMITTED, degraded: ["llm_auth"] });
    expect(store.get("model_good")).toBe(digest);
  });

  it.for<[string, Record<string, unknown>, string | null]>([
    ["has no key", keyIs("missing"), "OpenClaw finds no API key for openai"],
    ["has one of two keys", { ...keyIs("missing", "static"), ...probed("ok") }, null],
    ["lists no provider at all", { ...keyIs(), ...probed("ok") }, null],
    ["knows no model", probed("no_model"), "OpenClaw knows no model of openai"],
    ["wants money", probed("billing"), null],
    ["is asked too often", probed("rate_limit"), null],
    ["does not know", probed("unknown"), null],
    ["says something else", probed("constipated"), null],
    ["refuses to be asked", { "models.authStatus": new GatewayError("unknown method", false) }, null],
    ["makes no sense", { "models.authStatus": "<html>" }, null],
  ])("that %s", async ([, answers, refusal], { expect }) => {
    store.set("model_good", "another");
    expect(await admitted(answers)).toEqual({ ...ADMITTED, refusal });
    expect(calls.at(-1)).toBe("close");
  });

  it("is tried again while it starts, and let pass where it never answers", async ({ expect }) => {
    const tries = [new GatewayError("UNAVAILABLE", true), new GatewayError("UNAVAILABLE", true)];
    const gateway: Gateway = { call: async () => ({ ...KEY_IS_THERE, status: "ok" }), close: () => {} };
    const starting = async () => {
      const error = tries.shift();
      if (error) throw error;
      return gateway;
    };
    expect(await admitted({}, { gateway: starting })).toEqual(ADMITTED);
    expect(store.get("model_asked")).toEqual({ digest, answer: "ok" });
    store.set("model_asked", null);
    const never = () => Promise.reject(new GatewayError("closed with 1006", false));
    expect(await admitted({}, { gateway: never })).toEqual(ADMITTED);
    expect(store.get("model_asked")).toBeNull();
  });

  it("has what was interrupted aborted first, though its key is known to be good", async ({ expect }) => {
    store.set("model_asked", { digest, answer: "ok" });
    let running = true;
    const gateway: Gateway = {
      call: async (method) => {
        calls.push(method);
        if (method === "sessions.abort") running = false;
        const sessions = [{ key: "a", status: running ? "running" : "killed" }];
        return { sessions, status: "aborted" };
      },
      close: () => calls.push("close"),
    };
    let now_ms = 0;
    const deps = { gateway: async () => gateway, interrupted: true, now_ms: () => (now_ms += 1000) };
    expect(await admitted({}, deps)).toEqual({ ...ADMITTED, aborted_runs: 1 });
    expect(calls.slice(0, 3)).toEqual(["sessions.list", "sessions.abort", "sessions.list"]);
    expect(calls).not.toContain("models.probe");
  });
});
