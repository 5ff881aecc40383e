import { describe, it } from "vitest";
import { acknowledge, agentConfig } from "../../../src/bot/agent/endpoints.ts";
import { runAlarm } from "../../../src/bot/alarm/run.ts";
import { desiredConfig } from "../../../src/bot/calls/management.ts";
import { publishConfig } from "../../../src/bot/calls/publish-config.ts";
import { eraseSecrets, rekey } from "../../../src/bot/calls/rekey.ts";
import { Waiters } from "../../../src/bot/calls/wait.ts";
import { openShell } from "../../../src/bot/followers.ts";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import type { SecretText } from "../../../src/bot/shell/store.ts";
import { sealedFields } from "../../../src/secrets/sealed.ts";
import { keyIdOf, type Vault } from "../../../src/secrets/vault.ts";
import type { ConfigPatch } from "../../../src/wire/config.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { SqliteStorage } from "../../simulation/sqlite-storage.ts";
import { HOUR, Life } from "./life.ts";
import { stored } from "./stored.ts";

const agent = { kind: "agt", token_sha256: "c".repeat(64) } as const;
const everybody = { every_account: true } as const;
const ROTATION = { rotation: 7, target: "new", retired: ["old"] } as const;
const DAY = 24 * HOUR;

/** Seals with the first of its keys; what it seals shows what it is. */
function vaultOf(keys: string[], during: { open?: () => unknown; seal?: () => unknown }): Vault {
  const once = async (at: "open" | "seal") => {
    const happens = during[at];
    delete during[at];
    await happens?.();
  };
  return {
    async open(envelope, context) {
      await once("open");
      const [, key, bound, plain] = envelope.split(".");
      if (!keys.includes(key ?? "") || bound !== context) throw new Error(`it does not open: ${envelope}`);
      return plain ?? "";
    },
    async seal(plain, context) {
      await once("seal");
      return `v1.${keys[0]}.${context}.${plain}`;
    },
  };
}

/** A bot whose secret the old key has sealed, as an isolate with these keys finds it. */
function bot(keys: string[] = ["new", "old"], life = new Life().online().wait(HOUR).beat()) {
  const during: { open?: () => unknown; seal?: () => unknown } = {};
  const storage = new SqliteStorage();
  const pushed: string[] = [];
  const platform = {
    vault: vaultOf(keys, during),
    index: {
      push: async (entry: { kind: string }) => {
        pushed.push(entry.kind);
      },
    },
  };
  const shell = stored(life, platform, storage);
  const envelope = `v1.old.${life.bot.id}|1|llm_api_key.secret`;
  storage.sql.exec("UPDATE config SET value = json_set(value, '$.llm_api_key', ?)", envelope);
  /** Another isolate, with other keys, on the same storage. */
  const reopened = (others: string[]) =>
    openShell({ ...shell.platform, vault: vaultOf(others, during) }, new Waiters());
  return { shell, storage, life, during, pushed, reopened };
}

/** `config 1: old secret` */
function secretsOf(shell: BotShell): string[] {
  return shell.store.secretTexts().flatMap((text) => envelopesOf(text).map((said) => `${text.place}: ${said}`));
}

function envelopesOf({ table, value }: SecretText): string[] {
  const parsed = JSON.parse(value);
  const row = table === "config" ? parsed : parsed.row;
  return sealedFields(row).map(({ envelope }) => `${keyIdOf(envelope)} ${envelope.split(".")[3]}`);
}

let requests = 0;
function publish(shell: BotShell, patch: ConfigPatch) {
  const caller = { ...OPERATOR, request_id: `r${++requests}` };
  return publishConfig(shell, caller, { patch, if_match: null });
}

describe("a Bot's own secrets under another key", () => {
  it("are those of its kept versions and of what waits in its outbox", async ({ expect }) => {
    const { shell } = bot(["old", "new"]);
    await publish(shell, { llm_api_key: "second" });
    expect(secretsOf(shell)).toEqual(["config 1: old secret", "config 2: old second", "outbox config:2: old second"]);
    expect(await rekey(shell, { rotation: 7, target: "old", retired: ["new"] })).toMatchObject({ resealed: 0 });
  });

  it("come there once, and a second time finds nothing to do", async ({ expect }) => {
    const { shell, storage } = bot();
    await publish(shell, { strictness: "high" });
    storage.sql.exec("UPDATE outbox SET value = replace(value, 'v1.new', 'v1.old') WHERE key LIKE 'config:%'");
    expect(await rekey(shell, ROTATION)).toEqual({ kind: "rekeyed", resealed: 2, unreadable: [] });
    const after = secretsOf(shell);
    expect(after).toEqual(["config 1: new secret", "config 2: new secret", "outbox config:2: new secret"]);
    expect(await rekey(shell, ROTATION)).toEqual({ kind: "rekeyed", resealed: 0, unreadable: [] });
    expect(secretsOf(shell)).toEqual(after);
    expect(await agentConfig(shell, agent)).toMatchObject({ value: { secrets: { llm_api_key: "secret" } } });
  });

  it("leave the rest of a row as it is, and no mark in the history", async ({ expect }) => {
    const { shell, storage } = bot();
    storage.sql.exec("UPDATE config SET value = json_set(value, '$.of_the_next_release', 1)");
    const { revision } = shell.present().bot;
    await rekey(shell, ROTATION);
    const [row] = storage.sql.exec<{ value: string }>("SELECT value FROM config");
    expect(JSON.parse(row?.value ?? "")).toMatchObject({ of_the_next_release: 1, version: 1 });
    expect(shell.present().bot.revision).toBe(revision);
  });

  it("are delivered at once where they had to wait", async ({ expect }) => {
    const { shell, storage, pushed, life } = bot();
    const waiting = JSON.stringify({ kind: "config", row: shell.store.config(1) });
    const at = life.now + HOUR;
    storage.sql.exec("INSERT INTO outbox VALUES ('config:1', ?, 1, 9, ?, 'the key is retired')", waiting, at);
    await rekey(shell, ROTATION);
    expect(storage.alarmAt).toBe(life.now);
    await runAlarm(shell);
    expect(pushed).toEqual(["config"]);
  });

  it("include a version that is published meanwhile", async ({ expect }) => {
    for (const at of ["open", "seal"] as const) {
      const { shell, during } = bot();
      during[at] = () => publish(shell, { llm_api_key: "second" });
      expect(await rekey(shell, ROTATION)).toMatchObject({ kind: "rekeyed", unreadable: [] });
      expect(secretsOf(shell)).toEqual(["config 1: new secret", "config 2: new second", "outbox config:2: new second"]);
    }
  });

  it("are not put back where they have been erased or forgotten meanwhile", async ({ expect }) => {
    const { shell, during, storage } = bot();
    during.seal = () => storage.sql.exec("UPDATE config SET value = json_set(value, '$.llm_api_key', '')");
    expect(await rekey(shell, ROTATION)).toEqual({ kind: "rekeyed", resealed: 0, unreadable: [] });
    expect(shell.store.config(1)?.llm_api_key).toBe("");
    const other = bot();
    other.during.seal = () => other.storage.sql.exec("UPDATE config SET value = NULL");
    await rekey(other.shell, ROTATION);
    expect(other.shell.store.secretTexts()).toEqual([]);
    const last = bot();
    const waiting = JSON.stringify({ kind: "config", row: last.shell.store.config(1) });
    last.storage.sql.exec("INSERT INTO outbox VALUES ('config:1', ?, 1, 9, 0, 'D1 is down')", waiting);
    last.storage.sql.exec("UPDATE config SET value = NULL");
    last.during.seal = () =>
      last.storage.sql.exec("UPDATE outbox SET value = json_set(value, '$.row.llm_api_key', '')");
    await rekey(last.shell, ROTATION);
    expect(secretsOf(last.shell)).toEqual([]);
  });

  it("stay where one does not open, which stops no other", async ({ expect }) => {
    const { shell, storage } = bot(["new", "old"]);
    await publish(shell, { llm_api_key: "second" });
    storage.sql.exec("UPDATE config SET value = json_set(value, '$.llm_api_key', 'v1.lost.x.y') WHERE version = 1");
    storage.sql.exec("UPDATE config SET value = replace(value, 'v1.new', 'v1.old') WHERE version = 2");
    expect(await rekey(shell, ROTATION)).toEqual({
      kind: "rekeyed",
      resealed: 1,
      unreadable: [{ place: "config 1", detail: expect.stringContaining("does not open") }],
    });
    expect(secretsOf(shell)).toContain("config 1: lost y");
  });

  it("are brought there although the bot's state cannot be read", async ({ expect }) => {
    const { shell, storage } = bot();
    storage.sql.exec("UPDATE document SET value = '{}' WHERE key = 'state'");
    expect(await rekey(shell, ROTATION)).toMatchObject({ kind: "rekeyed", resealed: 1 });
  });

  it("stay with a later rotation, even one that comes while it seals", async ({ expect }) => {
    const back = { rotation: 8, target: "old", retired: ["new"] };
    const { shell, during, reopened } = bot();
    during.seal = () => rekey(reopened(["old", "new"]), back);
    expect(await rekey(shell, ROTATION)).toEqual({ kind: "superseded" });
    expect(secretsOf(shell)).toEqual(["config 1: old secret"]);
    expect(await rekey(shell, ROTATION)).toEqual({ kind: "superseded" });
    expect(shell.store.retiredKeys()).toEqual({ rotation: 8, ids: ["new"] });
  });

  it("are none of an object that knows of no bot, which stores nothing for having been asked", async ({ expect }) => {
    const storage = new SqliteStorage();
    const shell = { store: { exists: () => false } } as unknown as BotShell;
    expect(await rekey(shell, ROTATION)).toEqual({ kind: "absent" });
    expect(storage.sql.exec("SELECT name FROM sqlite_master")).toEqual([]);
  });
});

describe("an isolate whose first key was rotated away from", () => {
  it("says that it is behind, and from then on publishes nothing", async ({ expect }) => {
    const { shell } = bot(["old"]);
    expect(await rekey(shell, ROTATION)).toEqual({ kind: "behind" });
    for (const patch of [{ strictness: "high" }, { llm_api_key: "second" }] as const) {
      expect(await publish(shell, patch)).toMatchObject({ ok: false, code: "key_retired" });
    }
    expect(secretsOf(shell)).toEqual(["config 1: old secret"]);
    expect(shell.store.answered("req:r1")).toBe(null);
  });

  it("publishes nothing that it began to seal before", async ({ expect }) => {
    const { shell, during, reopened } = bot(["old", "new"]);
    during.seal = async () => {
      expect(await rekey(reopened(["new", "old"]), ROTATION)).toMatchObject({ resealed: 1 });
    };
    expect(await publish(shell, { llm_api_key: "second" })).toMatchObject({ ok: false, code: "key_retired" });
    expect(secretsOf(shell)).toEqual(["config 1: new secret"]);
  });

  it("puts nothing back where a version fails; whoever replaces it does", async ({ expect }) => {
    const { shell, life, reopened } = bot(["old", "new"]);
    await publish(shell, { llm_api_key: "second" });
    const config_id = shell.present().bot.config.desired.id;
    acknowledge(shell, agent, { config_id, result: "failed", reason: "exit 78", workload: "starting" });
    expect(await rekey(shell, ROTATION)).toEqual({ kind: "behind" });
    await runAlarm(shell);
    life.now += defaultPolicy.restore_retry_ms;
    await runAlarm(shell);
    expect(shell.present().bot.config.desired.version).toBe(2);
    life.now += defaultPolicy.restore_retry_ms;
    const next = reopened(["new", "old"]);
    expect(await rekey(next, ROTATION)).toMatchObject({ kind: "rekeyed", unreadable: [] });
    await runAlarm(next);
    expect(next.present().bot.config.desired.version).toBe(3);
    expect(secretsOf(next)).toEqual(["config 1: new secret", "config 3: new secret"]);
  });
});

describe("the secrets of a destroyed bot", () => {
  function destroyed(forced = false) {
    const life = new Life().online().wait(HOUR).beat();
    const { id } = life.droplet;
    if (!forced) life.requested("destroy").tell({ kind: "droplet_gone", data: { droplet_id: id } });
    life.tell({ kind: "destroyed", data: forced ? { forced: true } : {} });
    const made = bot(["old"], life);
    const waiting = JSON.stringify({ kind: "config", row: made.shell.store.config(1) });
    made.storage.sql.exec("INSERT INTO outbox VALUES ('config:1', ?, 1, 9, ?, 'D1 is down')", waiting, life.now + HOUR);
    return made;
  }

  it("are kept for a month, and then erased wherever it has them, once", ({ expect }) => {
    for (const forced of [false, true]) {
      const { shell, life } = destroyed(forced);
      life.now += 30 * DAY - 1_000_000;
      expect(eraseSecrets(shell)).toBe("kept");
      expect(secretsOf(shell)).toHaveLength(2);
      life.now += 1_000_000;
      expect(eraseSecrets(shell)).toBe("erased");
      expect(secretsOf(shell)).toEqual([]);
      expect(shell.store.secretTexts().map(({ place }) => place)).toEqual(["config 1", "outbox config:1"]);
      const { revision, secrets_erased_at, status } = shell.present().bot;
      expect([secrets_erased_at, status]).toEqual([life.now, "destroyed"]);
      expect(shell.store.history.events(revision - 1, 9)).toMatchObject([{ kind: "secrets_erased" }]);
      expect(desiredConfig(shell, everybody)).toMatchObject({
        value: { secrets: { llm_api_key: { set: false, last4: null } } },
      });
      expect(eraseSecrets(shell)).toBe("erased");
      expect(shell.present().bot.revision).toBe(revision);
    }
  });

  it("are never erased before it is destroyed, however long it is being destroyed", ({ expect }) => {
    for (const life of [new Life(), new Life().online(), new Life().online().requested("destroy")]) {
      const { shell } = bot(["old"], life.wait(400 * DAY));
      expect(eraseSecrets(shell)).toBe("kept");
      expect(secretsOf(shell)).toEqual(["config 1: old secret"]);
    }
  });

  it("are left alone where the bot's state cannot be read", ({ expect }) => {
    const { shell, storage, life } = destroyed();
    life.now += 31 * DAY;
    storage.sql.exec("UPDATE document SET value = '{}' WHERE key = 'state'");
    expect(eraseSecrets(shell)).toBe("unreadable");
    expect(secretsOf(shell)).toHaveLength(2);
  });

  it("need no rotation", async ({ expect }) => {
    const { shell, life } = destroyed();
    life.now += 30 * DAY;
    eraseSecrets(shell);
    expect(await rekey(shell, ROTATION)).toEqual({ kind: "rekeyed", resealed: 0, unreadable: [] });
  });
});
