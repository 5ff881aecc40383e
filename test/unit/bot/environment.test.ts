import { describe, it } from "vitest";
import { acknowledge, agentConfig } from "../../../src/bot/agent/endpoints.ts";
import { runAlarm } from "../../../src/bot/alarm/run.ts";
import { publishConfig } from "../../../src/bot/calls/publish-config.ts";
import { diffConfigs } from "../../../src/bot/config/diff.ts";
import { mergeEnvironment, mergeNames, replacesAll, whyNotEnvironment } from "../../../src/bot/config/environment.ts";
import { openSecrets, sealSecrets } from "../../../src/bot/config/secrets.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import { ConfigRow } from "../../../src/records/rows.ts";
import { sealContext } from "../../../src/secrets/sealed.ts";
import { openVault, type Vault } from "../../../src/secrets/vault.ts";
import type { ConfigPatch } from "../../../src/wire/config.ts";
import { configRow } from "../../fixtures/bot.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { HOUR, Life } from "./life.ts";
import { stored } from "./stored.ts";

const agent = { kind: "agt", token_sha256: "c".repeat(64) } as const;

/** Text as its own envelope, that opens only where it was sealed for. */
const vault: Vault = {
  seal: async (text, context) => `${context}|${text}`,
  open: async (envelope, context) => {
    if (!envelope.startsWith(`${context}|`)) throw new Error("sealed for another place");
    return envelope.slice(context.length + 1);
  },
};

/** Online; what is wanted happens once while a secret is being sealed. */
function online() {
  const during: { seal?: () => unknown } = {};
  const seal: Vault["seal"] = async (text, context) => {
    const happens = during.seal;
    delete during.seal;
    await happens?.();
    return vault.seal(text, context);
  };
  // The first version's key is in plain text.
  const open: Vault["open"] = async (envelope, context) =>
    envelope === "sk-plain" ? envelope : vault.open(envelope, context);
  const life = new Life().online().wait(HOUR).beat();
  return { life, during, shell: stored(life, { vault: { seal, open }, index: { push: async () => undefined } }) };
}

function publish(shell: BotShell, patch: ConfigPatch) {
  const caller = { ...OPERATOR, request_id: crypto.randomUUID() };
  return publishConfig(shell, caller, { patch, if_match: null });
}

function restore(shell: BotShell, version: number) {
  const row = shell.store.config(version);
  if (row === null) throw new Error(`version ${version} is not kept`);
  const caller = { ...OPERATOR, request_id: crypto.randomUUID() };
  const { trading_config, risk_config } = row;
  return publishConfig(shell, caller, { restore: { version, trading_config, risk_config } });
}

async function handed(shell: BotShell) {
  const answer = await agentConfig(shell, agent);
  if (!answer.ok) throw new Error(answer.code);
  return answer.value.secrets;
}

describe("one version's environment upon another's", () => {
  it("takes what is new, leaves the rest, and without what is null", async ({ expect }) => {
    expect(mergeEnvironment({ A: "1", B: "2" }, { B: "3", C: "4", A: null, D: null })).toEqual({ B: "3", C: "4" });
    expect(mergeEnvironment({}, { constructor: "x" } as Record<string, string>)).toEqual({ constructor: "x" });
  });

  it("says of each name when it was set, in the names' order, and always another time", async ({ expect }) => {
    const base = [
      { name: "A", updated_at: 10 },
      { name: "C", updated_at: 20 },
    ];
    expect(mergeNames(base, { B: "x", C: "y" }, 20)).toEqual([
      { name: "A", updated_at: 10 },
      { name: "B", updated_at: 20 },
      { name: "C", updated_at: 21 },
    ]);
    expect(mergeNames(base, { A: null, Z: null }, 30)).toEqual([{ name: "C", updated_at: 20 }]);
  });

  it("need not be opened where every name is given anew or removed", async ({ expect }) => {
    const names = [{ name: "A", updated_at: 1 }];
    expect(replacesAll(names, { A: null, B: "x" })).toBe(true);
    expect(replacesAll(names, { B: "x" })).toBe(false);
    expect(replacesAll([], {})).toBe(true);
  });

  it("never takes the LLM key's variable, whichever of the two came first", async ({ expect }) => {
    const names = [{ name: "BINANCE_API_KEY", updated_at: 1 }];
    expect(whyNotEnvironment(names, "mistral")).toBe(null);
    expect(whyNotEnvironment(names, "binance")).toContain("BINANCE_API_KEY");
    const many = Array.from({ length: 101 }, (_, n) => ({ name: `N${n}`, updated_at: 1 }));
    expect(whyNotEnvironment(many, "mistral")).toContain("101 variables");
    expect(whyNotEnvironment(many.slice(1), "mistral")).toBe(null);
  });
});

describe("sealed secrets", () => {
  const keys = openVault([{ id: "k", bytes: crypto.getRandomValues(new Uint8Array(32)) }], (count) =>
    crypto.getRandomValues(new Uint8Array(count)),
  );

  it("are one envelope for all names, bound to bot, version and field; none where there are none", async ({
    expect,
  }) => {
    const secrets = { llm_api_key: "sk", environment: { A: "\u0001".repeat(32_000), B: "" } };
    const sealed = await sealSecrets(keys, "bot-a", 3, secrets);
    expect(await openSecrets(keys, { bot_id: "bot-a", version: 3, ...sealed })).toEqual(secrets);
    expect(sealContext("bot-a", 3, "environment")).toBe("bot-a|3|environment");
    const swapped = { llm_api_key: String(sealed.environment), environment: sealed.llm_api_key };
    for (const elsewhere of [
      { bot_id: "bot-b", version: 3, ...sealed },
      { bot_id: "bot-a", version: 4, ...sealed },
      { bot_id: "bot-a", version: 3, ...swapped },
      {
        bot_id: "bot-a",
        version: 4,
        ...sealed,
        llm_api_key: (await sealSecrets(keys, "bot-a", 4, secrets)).llm_api_key,
      },
    ])
      await expect(openSecrets(keys, elsewhere)).rejects.toThrow();
    expect((await sealSecrets(keys, "bot-a", 3, { llm_api_key: "sk", environment: {} })).environment).toBe(null);
  });

  it("are none in a row that was written before there were any", async ({ expect }) => {
    const { environment: _, environment_names: __, ...old } = configRow({ id: "c", bot_id: "b" });
    const none = { environment: null, environment_names: [] };
    expect(ConfigRow.parse(old)).toMatchObject(none);
    expect(ConfigRow.parse({ ...old, environment: null, environment_names: null })).toMatchObject(none);
  });
});

describe("a bot's environment", () => {
  it("is merged from version to version and sealed anew for each", async ({ expect }) => {
    const { shell } = online();
    await publish(shell, { environment: { A: "one", B: "two" } });
    await publish(shell, { strictness: "high" });
    await publish(shell, { environment: { B: null, C: "three" } });
    expect(await handed(shell)).toEqual({
      llm_provider: "anthropic",
      llm_api_key: "sk-plain",
      environment: { A: "one", C: "three" },
    });
    const { bot_id, environment } = shell.store.config(4) ?? {};
    expect(environment).toBe(`${bot_id}|4|environment|{"A":"one","C":"three"}`);
    await publish(shell, { environment: { A: null, C: null } });
    expect(shell.store.config(5)).toMatchObject({ environment: null, environment_names: [] });
    expect((await handed(shell)).environment).toEqual({});
  });

  it("keeps what another writer commits while it is being sealed", async ({ expect }) => {
    const { shell, during } = online();
    await publish(shell, { environment: { A: "one" } });
    during.seal = () => publish(shell, { environment: { A: null, B: "two" } });
    expect(await publish(shell, { environment: { C: "three" } })).toMatchObject({ ok: true, value: { version: 4 } });
    expect((await handed(shell)).environment).toEqual({ B: "two", C: "three" });
  });

  it("stays as it is where a person brings an older version back", async ({ expect }) => {
    const { shell } = online();
    await publish(shell, { environment: { A: "new" }, strictness: "high" });
    expect(await restore(shell, 1)).toMatchObject({ ok: true, value: { version: 3, restored_from: 1 } });
    expect(shell.store.config(3)?.trading_config.strictness).toBe("low");
    expect((await handed(shell)).environment).toEqual({ A: "new" });
  });

  it("comes back with the rest where its version failed", async ({ expect }) => {
    const { shell } = online();
    await publish(shell, { environment: { A: "good" } });
    const good = shell.present().bot.config.desired.id;
    acknowledge(shell, agent, { config_id: good, result: "applied", workload: "running" });
    await publish(shell, { environment: { A: "bad", B: "worse" } });
    const config_id = shell.present().bot.config.desired.id;
    acknowledge(shell, agent, { config_id, result: "failed", reason: "exit 1", workload: "starting" });
    await runAlarm(shell);
    expect(shell.store.config(4)).toMatchObject({ restored_from: 2, author: "spawnpoint" });
    expect(shell.store.config(4)?.environment_names).toEqual(shell.store.config(2)?.environment_names);
    expect((await handed(shell)).environment).toEqual({ A: "good" });
  });

  it("refuses what together would be too much, and what would hide the LLM key", async ({ expect }) => {
    const { shell } = online();
    await publish(shell, { environment: { A: "x".repeat(30_000), TOGETHER_API_KEY: "k" } });
    const refused = { ok: false, code: "config_environment" };
    expect(await publish(shell, { environment: { B: "x".repeat(3000) } })).toMatchObject(refused);
    expect(await publish(shell, { llm_provider: "together" })).toMatchObject(refused);
    const names = Object.fromEntries(Array.from({ length: 99 }, (_, n) => [`N${n}`, ""]));
    expect(await publish(shell, { environment: names })).toMatchObject(refused);
    expect(shell.present().bot.config.desired.version).toBe(2);
    expect(await publish(shell, { environment: { ...names, A: null } })).toMatchObject({ ok: true });
  });

  it("that does not open is mended by giving every name anew, and holds up everything else", async ({ expect }) => {
    const { shell } = online();
    await publish(shell, { environment: { A: "one", B: "two" } });
    shell.platform.sql.exec("UPDATE config SET value = json_set(value, '$.environment', 'x') WHERE version = 2");
    for (const patch of [{ strictness: "high" }, { environment: { A: "new" } }] as const)
      expect(await publish(shell, patch)).toMatchObject({ ok: false, code: "secret_unreadable" });
    expect(await agentConfig(shell, agent)).toMatchObject({ ok: false, code: "secret_unreadable" });
    expect(await publish(shell, { environment: { A: "new", B: null } })).toMatchObject({ ok: true });
    expect((await handed(shell)).environment).toEqual({ A: "new" });
  });

  it("is compared by name, and its values are in no difference", async ({ expect }) => {
    const row = (environment_names: ConfigRow["environment_names"]) =>
      configRow({ id: "c", bot_id: "b", environment: "sealed", environment_names });
    const before = row([
      { name: "GONE", updated_at: 1 },
      { name: "SAME", updated_at: 1 },
      { name: "SET", updated_at: 1 },
    ]);
    const after = row([
      { name: "NEW", updated_at: 2 },
      { name: "SAME", updated_at: 1 },
      { name: "SET", updated_at: 2 },
    ]);
    expect(diffConfigs(before, after)).toEqual(
      ["GONE", "NEW", "SET"].map((name) => ({ path: `/secrets/environment/${name}`, changed: true })),
    );
    expect(diffConfigs(after, after)).toEqual([]);
  });
});
