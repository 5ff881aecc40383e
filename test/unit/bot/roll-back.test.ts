import { describe, it } from "vitest";
import { acknowledge, agentConfig } from "../../../src/bot/agent/endpoints.ts";
import { runAlarm } from "../../../src/bot/alarm/run.ts";
import { act } from "../../../src/bot/calls/management.ts";
import { publishConfig } from "../../../src/bot/calls/publish-config.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import type { Vault } from "../../../src/secrets/vault.ts";
import type { ConfigPatch } from "../../../src/wire/config.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { HOUR, Life, MINUTE, SECOND } from "./life.ts";
import { stored } from "./stored.ts";

const agent = { kind: "agt", token_sha256: "c".repeat(64) } as const;
const change: ConfigPatch = { strictness: "high" };

function publish(shell: BotShell, patch: ConfigPatch) {
  const caller = { ...OPERATOR, request_id: crypto.randomUUID() };
  return publishConfig(shell, caller, { patch, if_match: null });
}

function destroy(shell: BotShell) {
  act(shell, { ...OPERATOR, request_id: crypto.randomUUID() }, "destroy");
}

/** The agent says of the desired version that it does not run. */
function refuse(shell: BotShell) {
  const config_id = shell.present().bot.config.desired.id;
  acknowledge(shell, agent, { config_id, result: "failed", reason: "exit 78", workload: "starting" });
}

/** Online, and where `meanwhile` is set it happens once, while a secret is being sealed. */
function online(life = new Life().online().wait(HOUR).beat()) {
  const during: { seal?: () => unknown; open?: () => unknown } = {};
  const once = async (at: "seal" | "open") => {
    const happens = during[at];
    delete during[at];
    await happens?.();
  };
  const vault: Vault = {
    open: async (envelope) => {
      await once("open");
      return envelope;
    },
    seal: async (text) => {
      await once("seal");
      return text;
    },
  };
  return { life, during, shell: stored(life, { vault, index: { push: async () => undefined } }) };
}

function rollbacks(shell: BotShell) {
  return shell.store.history.events(0, 1000).filter(({ kind }) => kind === "rolled_back");
}

describe("putting back what was good", () => {
  it("makes one version of the whole of it, by nobody's hand, and says why", async ({ expect }) => {
    const { shell } = online();
    await publish(shell, { strictness: "high", llm_provider: "openai", llm_api_key: "sk-another-long-key" });
    refuse(shell);
    await runAlarm(shell);
    const { bot } = shell.present();
    expect(shell.store.config(3)).toMatchObject({
      restored_from: 1,
      trading_config: { strictness: "low" },
      llm_provider: "anthropic",
      llm_api_key: "sk-plain",
      author: "spawnpoint",
      note: "Version 2 failed: exit 78",
    });
    const back = { failed_version: 2, reason: "exit 78", restored_from: 1, version: 3 };
    const events = shell.store.history.events(0, 1000);
    expect(events.slice(-2)).toMatchObject([
      { kind: "config_published", data: { config: bot.config.desired, restored_from: 1 }, actor: "spawnpoint" },
      { kind: "rolled_back", data: back },
    ]);
    expect(bot).toMatchObject({ status: "online", config: { desired: { version: 3 }, last_good: { version: 1 } } });
    await runAlarm(shell);
    expect(rollbacks(shell)).toHaveLength(1);
  });

  it("is not done once a person has changed the config: the change goes on from what they saw", async ({ expect }) => {
    const { shell, during } = online();
    await publish(shell, change);
    refuse(shell);
    during.seal = () => publish(shell, { algorithm: "breakout" });
    await runAlarm(shell);
    expect(shell.store.config(3)).toMatchObject({
      restored_from: null,
      trading_config: { strictness: "high", algorithm: "breakout" },
    });
    expect([shell.present().bot.config.desired.version, rollbacks(shell)]).toEqual([3, []]);
    refuse(shell);
    await runAlarm(shell);
    expect(rollbacks(shell)).toMatchObject([{ data: { failed_version: 3, restored_from: 1, version: 4 } }]);
  });

  it("is not done once the agent has said that the version runs after all", async ({ expect }) => {
    const { shell, during } = online();
    await publish(shell, change);
    refuse(shell);
    const config_id = shell.present().bot.config.desired.id;
    during.seal = () => acknowledge(shell, agent, { config_id, result: "applied", workload: "running" });
    await runAlarm(shell);
    expect(shell.present().bot.config).toMatchObject({ desired: { version: 2 }, last_good: { version: 2 } });
    expect(rollbacks(shell)).toEqual([]);
  });

  it("is not done for a bot that is to be destroyed", async ({ expect }) => {
    const { shell, during } = online();
    await publish(shell, change);
    refuse(shell);
    during.open = () => destroy(shell);
    await runAlarm(shell);
    expect([shell.present().bot.config.desired.version, rollbacks(shell)]).toEqual([2, []]);
  });

  it("is tried again after a while where the secret does not open, and meanwhile the bot is looked after", async ({
    expect,
  }) => {
    const unhealed = new Life({ policies: { healing: "off", start: null } }).online().wait(HOUR).beat();
    const { shell, during, life } = online(unhealed);
    await publish(shell, change);
    refuse(shell);
    during.open = () => Promise.reject(new Error("the keys are gone"));
    await runAlarm(shell);
    const retry = life.now + 5 * MINUTE;
    expect(shell.present().bot.config.desired.version).toBe(2);
    life.now += 155 * SECOND;
    await runAlarm(shell);
    expect(shell.present().bot).toMatchObject({ status: "unresponsive", config: { desired: { version: 2 } } });
    life.now = retry - 1;
    await runAlarm(shell);
    expect(rollbacks(shell)).toEqual([]);
    life.now = retry;
    await runAlarm(shell);
    expect(rollbacks(shell)).toHaveLength(1);
  });
});

describe("handing the desired version over", () => {
  it("is recorded once for each version and droplet", async ({ expect }) => {
    const { shell } = online();
    await publish(shell, change);
    expect(shell.present().bot.config.delivered).toBe(false);
    for (let times = 0; times < 3; times++) await agentConfig(shell, agent);
    const deliveries = shell.store.history.events(0, 1000).filter(({ kind }) => kind === "config_delivered");
    expect(deliveries).toMatchObject([{ data: { config: { version: 2 } } }]);
  });

  it("hands over what is desired by then, not what was when it was asked for", async ({ expect }) => {
    const { shell, during } = online();
    during.open = () => publish(shell, change);
    expect(await agentConfig(shell, agent)).toMatchObject({ ok: true, value: { version: 2 } });
    const deliveries = shell.store.history.events(0, 1000).filter(({ kind }) => kind === "config_delivered");
    expect(deliveries).toMatchObject([{ data: { config: { version: 2 } } }]);
  });

  it("hands nothing over to a bot that is being stopped by then", async ({ expect }) => {
    const { shell, during } = online();
    during.open = () => destroy(shell);
    expect(await agentConfig(shell, agent)).toMatchObject({ ok: false, code: "config_fenced" });
    expect(shell.present().bot.config.delivered).toBe(false);
  });
});
