import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { afterAll, describe, expect, it } from "vitest";
import { Store } from "../../../bootstrap/agent/base/store.ts";
import { answer } from "../../../bootstrap/agent/local/api.ts";
import type { BotView } from "../../../bootstrap/agent/local/view.ts";
import { pendingStages } from "../../../bootstrap/agent/plane/stages.ts";
import { memoryInUse } from "../../../bootstrap/agent/plane/telemetry.ts";
import { parseSettings } from "../../../bootstrap/agent/settings.ts";
import { LogFile } from "../../../bootstrap/agent/workload/log-file.ts";
import { openclawConfig, rulesFile, workloadEnvironment } from "../../../bootstrap/agent/workload/openclaw.ts";
import { AgentConfig } from "../../../src/wire/config.ts";
import { keyVariable } from "../../../src/wire/models.ts";
import { redactText as redact } from "../../../src/wire/redact.ts";
import { formatToken } from "../../../src/wire/tokens.ts";
import { RulesFile } from "../../../src/wire/trading-report.ts";
import { agentConfig, configId } from "./fixtures/control-plane.ts";

const directory = mkdtempSync(join(tmpdir(), "spawnpoint-parts-"));
afterAll(() => rmSync(directory, { recursive: true }));
const BOT = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
const CONFIG = AgentConfig.parse(agentConfig(BOT, 1, "sk-very-secret-key"));

describe("redaction", () => {
  it.each([
    "sk-ant-api03-abcdefgh",
    "ghp_abcdefghijklmnop1234",
    "github_pat_abcdefghijklmnop",
    "xoxb-1234567890-abc",
    "xapp-none",
    `dop_v1_${"0".repeat(64)}`,
    formatToken("agt", BOT, new Uint8Array(32)),
    "Bearer abcdefgh.ijkl",
  ])("takes out %s", (secret) => {
    const kept = secret === "xapp-none";
    expect(redact(`before ${secret} after`).includes(secret)).toBe(kept);
    expect(redact(`before ${secret} after`)).toMatch(/^before .* after$/);
  });

  it("takes out a known secret of any shape", () => {
    expect(redact("the key is hunter2hunter2!", ["hunter2hunter2"])).toBe("the key is [redacted]!");
  });
});

describe("the workload's environment", () => {
  const paths = {
    state_dir: "/s",
    tmp_dir: "/s/tmp",
    config_path: "/s/c.json",
    rules_path: "/s/r.json",
    report_path: "/s/report.json",
    workspace_dir: null,
  };

  it.each([
    ["openai", "OPENAI_API_KEY"],
    ["Anthropic", "ANTHROPIC_API_KEY"],
    ["google", "GEMINI_API_KEY"],
    ["deepseek", "DEEPSEEK_API_KEY"],
    ["my-own_llm", "MY_OWN_LLM_API_KEY"],
  ])("%s is keyed by %s", (provider, variable) => expect(keyVariable(provider)).toBe(variable));

  it("carries the key, and nothing of the enrolment", () => {
    const own = {
      PATH: "/bin",
      REGISTRATION_TOKEN_FILE: "/t",
      CONTROL_PLANE_URL: "x",
      OPENCLAW_DEBUG: "1",
      OPENCLAW_NO_AUTO_UPDATE: "0",
      TMPDIR: "/tmp",
      INVOCATION_ID: "systemd's, of the agent",
    };
    expect(workloadEnvironment(CONFIG, paths, "gateway", own)).toEqual({
      PATH: "/bin",
      OPENCLAW_DEBUG: "1",
      OPENCLAW_SUPERVISOR_MODE: "external",
      OPENCLAW_NO_RESPAWN: "1",
      OPENCLAW_NO_AUTO_UPDATE: "1",
      OPENCLAW_DISABLE_BONJOUR: "1",
      TMPDIR: "/s/tmp",
      NODE_COMPILE_CACHE: "/s/tmp/node-compile-cache",
      OPENAI_API_KEY: "sk-very-secret-key",
      OPENCLAW_STATE_DIR: "/s",
      OPENCLAW_CONFIG_PATH: "/s/c.json",
      OPENCLAW_GATEWAY_TOKEN: "gateway",
      SPAWNPOINT_CONFIG_PATH: "/s/r.json",
      SPAWNPOINT_REPORT_PATH: "/s/report.json",
      SPAWNPOINT_PAPER_MODE: "true",
    });
    expect(rulesFile(CONFIG, "/s/report.json")).not.toContain("sk-very-secret-key");
    expect(RulesFile.parse(JSON.parse(rulesFile(CONFIG, "/s/report.json")))).toMatchObject({
      version: CONFIG.version,
      risk_config: CONFIG.risk_config,
      report_path: "/s/report.json",
    });
  });

  it("carries the bot's further secrets, and none takes the place of what is the agent's own", () => {
    const environment = {
      KRAKEN_KEY: "k",
      RPC_URL: "https://rpc.test",
      USER: "mallory",
      LD_PRELOAD: "/tmp/evil.so",
      OPENCLAW_GATEWAY_TOKEN: "known",
      OPENAI_API_KEY: "theirs",
      MISTRAL_API_KEY: "theirs",
    };
    const config = { ...CONFIG, secrets: { llm_provider: "mistral", llm_api_key: "ours", environment } };
    const given = workloadEnvironment(config, paths, "gateway", { PATH: "/bin" });
    expect(given).toMatchObject({ KRAKEN_KEY: "k", RPC_URL: "https://rpc.test", MISTRAL_API_KEY: "ours" });
    expect(given).toMatchObject({ OPENCLAW_GATEWAY_TOKEN: "gateway", PATH: "/bin" });
    for (const name of ["USER", "LD_PRELOAD", "OPENAI_API_KEY"]) expect(given).not.toHaveProperty(name);
    expect(rulesFile(config, "/s/report.json")).not.toContain("rpc.test");
  });

  it("names the model that the control plane names, and keeps what else is said of models", () => {
    const rendered = (config: Partial<AgentConfig>, present: string | null = null) =>
      JSON.parse(openclawConfig(present, { ...CONFIG, ...config }) ?? "");
    expect(rendered({ llm_model: null })).not.toHaveProperty("agents.defaults.model");
    const llm_model = "anthropic/claude-sonnet-5";
    const present =
      '{"agents":{"defaults":{"model":{"primary":"x/y","fallbacks":["a/b"]},"workspace":"/w"},"list":[]}}';
    expect(rendered({ llm_model }, present).agents).toMatchObject({
      defaults: { model: { primary: llm_model, fallbacks: ["a/b"] }, workspace: "/w" },
      list: [],
    });
    expect(rendered({ llm_model })).not.toHaveProperty("models");
    const secrets = { ...CONFIG.secrets, llm_provider: "my-own" };
    const own = { llm_model: "my-own/meta/llama:70b", llm_base_url: "https://llm.test/v1", secrets };
    const { models, agents } = rendered(own, '{"models":{"providers":{"other":{"baseUrl":"x"}}}}');
    expect(agents.defaults.model).toEqual({ primary: "my-own/meta/llama:70b" });
    expect(models.providers).toEqual({
      other: { baseUrl: "x" },
      "my-own": {
        baseUrl: "https://llm.test/v1",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is OpenClaw's template
        apiKey: "${MY_OWN_API_KEY}",
        api: "openai-completions",
        models: [{ id: "meta/llama:70b", name: "meta/llama:70b (set by Spawnpoint)" }],
      },
    });
    // Once the config has another provider, ours goes, and theirs stays.
    const before = JSON.stringify({ models });
    expect(rendered({ llm_model }, before).models).toEqual({ providers: { other: { baseUrl: "x" } } });
    const elsewhere = rendered({ ...own, llm_base_url: "https://other.test/v1" }, before);
    expect(elsewhere.models.providers["my-own"].baseUrl).toBe("https://other.test/v1");
  });

  it("lets it take turns by itself only where it may, and leaves what a person has set", () => {
    const rendered = (trading: Partial<AgentConfig["trading_config"]>, present: unknown = {}) =>
      JSON.parse(
        openclawConfig(JSON.stringify(present), {
          ...CONFIG,
          trading_config: { ...CONFIG.trading_config, ...trading },
        }) ?? "",
      );
    const off = rendered({});
    expect(off.agents).toEqual({ defaults: { heartbeat: { every: "0m" } } });
    expect(off.plugins).toEqual({ entries: { "memory-core": { config: { dreaming: { enabled: false } } } } });
    expect(rendered({ background_turns: false, paper_mode: false })).toEqual(off);
    for (const on of [{ paper_mode: false }, { background_turns: true }] as const) {
      expect(rendered(on)).toEqual({ gateway: off.gateway });
      expect(rendered(on, off).agents).toEqual({ defaults: { heartbeat: {} } });
      const theirs = { agents: { defaults: { heartbeat: { every: "2h" } } } };
      expect(rendered(on, theirs)).toEqual({ ...theirs, gateway: off.gateway });
      expect(rendered({}, theirs).agents).toEqual(off.agents);
    }
  });

  it("insists on a local gateway and keeps the rest of OpenClaw's config", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is OpenClaw's template
    const auth = { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}" };
    const gateway = { mode: "local", bind: "loopback", auth, terminal: { enabled: false } };
    const live = { ...CONFIG, trading_config: { ...CONFIG.trading_config, paper_mode: false } };
    expect(JSON.parse(openclawConfig(null, live) ?? "")).toEqual({ gateway });
    const present = '{"agents":{"defaults":{"workspace":"/w"}},"gateway":{"mode":"remote","port":1}}';
    expect(JSON.parse(openclawConfig(present, live) ?? "")).toEqual({
      agents: { defaults: { workspace: "/w" } },
      gateway: { ...gateway, port: 1 },
    });
    const theirs = '{"gateway":{"auth":{"token":"their-own","rateLimit":{}},"terminal":{"enabled":true}}}';
    expect(JSON.parse(openclawConfig(theirs, live) ?? "")).toEqual({
      gateway: { ...gateway, auth: { ...auth, rateLimit: {} }, terminal: { enabled: true } },
    });
    for (const nothing of ["", " \n", "\ufeff{}"]) {
      expect(openclawConfig(nothing, CONFIG)).toBe(openclawConfig(null, CONFIG));
    }
    expect(openclawConfig("{ agents: {} } // JSON5", CONFIG)).toBeNull();
  });
});

describe("settings", () => {
  const env = {
    CONTROL_PLANE_URL: "https://spawnpoint.example/",
    BOT_ID: BOT,
    DROPLET_ID: "42",
    BOOT_ID: "b",
    STATE_DIR: "/state",
  };
  it("have defaults, and count in milliseconds", () => {
    const settings = parseSettings({ ...env, WORKLOAD_READY_WINDOW_S: "0.3", AGENT_API_PORT: "" });
    expect(settings).toMatchObject({
      control_plane_url: "https://spawnpoint.example",
      droplet_id: 42,
      api_port: 18_790,
      registration_token_file: "/state/registration.token",
      workload: { command: "openclaw", port: 18_789, ready_window_ms: 300, apply_deadline_ms: 120_000 },
    });
  });
  it("have a workload of the agent's own unless a launcher is named, and then the report outside of OpenClaw's directory", () => {
    const WORKLOAD = { OPENCLAW_STATE_DIR: "/home/.openclaw", RUNTIME_DIRECTORY: "/run/agent" };
    const own = { launcher: null, report_path: "/home/.openclaw/report.json" };
    expect(parseSettings({ ...env, ...WORKLOAD }).workload).toMatchObject(own);
    expect(parseSettings({ ...env, ...WORKLOAD, WORKLOAD_LAUNCHER: "" }).workload).toMatchObject(own);
    expect(parseSettings({ ...env, ...WORKLOAD, WORKLOAD_LAUNCHER: "/run/launcher.sock" }).workload).toMatchObject({
      launcher: { socket: "/run/launcher.sock", directory: "/run/agent" },
      report_path: "/home/report.json",
    });
    expect(() => parseSettings({ ...env, WORKLOAD_LAUNCHER: "/run/launcher.sock" })).toThrow(/RUNTIME_DIRECTORY/);
  });
  it("say in a sentence what is wrong, without the value", () => {
    const wrong = { ...env, DROPLET_ID: "sk-oops-a-secret", STATE_DIR: undefined };
    expect(() => parseSettings(wrong)).toThrow(/cannot start with this environment: .*DROPLET_ID.*STATE_DIR/);
    expect(() => parseSettings(wrong)).not.toThrow(/oops/);
  });
});

describe("kept state", () => {
  it("survives, without a secret; one bad value costs only itself", () => {
    const path = join(directory, "kept.db");
    const unreadable: string[] = [];
    const store = new Store(path, (key) => unreadable.push(key));
    store.set("applied", configId(1));
    store.set("heartbeat_interval_s", 30);
    store.keepConfig(CONFIG, 1);
    store.close();
    const raw = new DatabaseSync(path);
    raw.exec("UPDATE kept SET value = 'rubbish' WHERE key = 'heartbeat_interval_s'");
    raw.close();
    const again = new Store(path, (key) => unreadable.push(key));
    expect(again.get("applied")).toBe(configId(1));
    expect(again.get("heartbeat_interval_s")).toBeNull();
    expect(unreadable).toEqual(["heartbeat_interval_s"]);
    expect(again.config(configId(1))).toMatchObject({ version: 1, llm_provider: "openai" });
    again.close();
    expect(readFileSync(path, "latin1")).not.toContain("sk-very-secret-key");
  });

  it("keeps an ack that was replaced while the older one was under way", () => {
    const store = new Store(":memory:", () => {});
    store.queueAck({ config_id: configId(1), result: "applied" });
    const sent = store.nextAck();
    store.queueAck({ config_id: configId(1), result: "failed" });
    if (sent !== null) store.ackDelivered(sent);
    expect(store.nextAck()?.body.result).toBe("failed");
    store.close();
  });
});

describe("files", () => {
  it("bounds the workload's log and redacts it", () => {
    const path = join(directory, "logs", "workload.log");
    const log = new LogFile(path, 1000, redact);
    for (let i = 0; i < 100; i++) log.write(`line ${i} with sk-abcdefghijkl`);
    const both = readFileSync(path, "utf8") + readFileSync(`${path}.1`, "utf8");
    expect(both.length).toBeLessThanOrEqual(2000);
    expect(both).toContain("line 99 with [redacted]");
    expect(both).not.toContain("sk-abc");
  });

  it("cuts a line that is too long once it is clean, however its pieces come", async () => {
    const secret = "0123456789abcdef".repeat(1000);
    const before = "x".repeat(16_000);
    for (const pieces of [[`${before}${secret}\n`], [before, secret.slice(0, 700), secret.slice(700), "\n"]]) {
      const path = join(directory, "logs", `cut-${pieces.length}.log`);
      const log = new LogFile(path, 1_000_000, (line) => redact(line, [secret]));
      const stream = new PassThrough();
      log.follow(stream, () => {});
      for (const piece of pieces) stream.write(piece);
      stream.end("the next line\n");
      await finished(stream);
      expect(readFileSync(path, "utf8")).toBe(`${before}[redacted]\nthe next line\n`);
    }
  });

  it("knows the last words of a workload whose log cannot be written, and says once that it is lost", async () => {
    const path = join(directory, "in-the-way", "workload.log");
    writeFileSync(join(directory, "in-the-way"), "a file where the log's directory is to be");
    const lost: unknown[] = [];
    const stream = new PassThrough();
    const lastWords = new LogFile(path, 1000, redact).follow(stream, (error) => lost.push(error));
    stream.end("first\nwhy it ended: sk-abcdefghijkl\n");
    await finished(stream);
    expect([lastWords(), lost.length]).toEqual(["why it ended: [redacted]", 1]);
  });

  it("reads the bootstrap's stages in order, after the last one told, and skips what makes no sense", () => {
    const note = (name: string, text: string) => writeFileSync(join(directory, name), text);
    note("000001.json", '{"stage":"started","detail":""}');
    note("000003.json", '{"stage":"pnpm","detail":"x"}');
    note("000002.json", "half a fi");
    note("000004.json", '{"stage":"of another release"}');
    expect(pendingStages(directory, null).map(({ report }) => report)).toEqual([
      { stage: "started" },
      { stage: "pnpm", detail: "x" },
    ]);
    expect(pendingStages(directory, "000001.json")).toHaveLength(1);
    expect(pendingStages(join(directory, "nowhere"), null)).toEqual([]);
  });

  it("reads memory in use", () => {
    expect(memoryInUse("MemTotal: 1000 kB\nMemAvailable: 250 kB\n")).toBe(0.75);
    expect(memoryInUse("")).toBeNull();
  });
});

describe("local API", () => {
  const ask = (method: string, path: string, order: "run" | "hold" | null, authorization = "Bearer t") => {
    const permission = () => ({ order, ban: null, revoked_since_ms: null, heard_ms: null });
    const bots = () => [{ id: BOT, enabled: true } as BotView];
    const deps = { token: "t", bots, permission, setStopped: () => {}, forget: () => {} };
    return answer({ method, path, authorization, body: "" }, deps);
  };
  it.each([
    ["GET", "/bots", "run", 200],
    ["GET", `/bots/${BOT}`, null, 200],
    ["POST", `/bots/${BOT}/stop`, null, 202],
    ["POST", `/bots/${BOT}/start`, "run", 202],
    ["POST", `/bots/${BOT}/start`, "hold", 409],
    ["POST", `/bots/${BOT}/start`, null, 409],
    ["GET", `/bots/${configId(1)}`, "run", 404],
    ["DELETE", "/bots", "run", 404],
  ] as const)("%s %s under %s → %i", (method, path, order, status) => {
    expect(ask(method, path, order).status).toBe(status);
    expect(ask(method, path, order, "Bearer x").status).toBe(401);
  });
});
