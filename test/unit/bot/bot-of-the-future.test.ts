/** A stored bot that a newer release has changed, asked by everybody who may ask it. */
import { describe, it } from "vitest";
import { rotateCredential } from "../../../src/bot/agent/credential-rotation.ts";
import {
  acknowledge,
  agentConfig,
  agentRelease,
  heartbeat,
  register,
  reportStage,
} from "../../../src/bot/agent/endpoints.ts";
import { runAlarm } from "../../../src/bot/alarm/run.ts";
import { acknowledgeSecurity } from "../../../src/bot/calls/acknowledge-security.ts";
import { listCommands, requestCommand } from "../../../src/bot/calls/commands.ts";
import { forceDestroy } from "../../../src/bot/calls/force-destroy.ts";
import { claim, poke, snapshotRows } from "../../../src/bot/calls/maintenance.ts";
import * as management from "../../../src/bot/calls/management.ts";
import { publishConfig } from "../../../src/bot/calls/publish-config.ts";
import { eraseSecrets } from "../../../src/bot/calls/rekey.ts";
import { suspend, unsuspend } from "../../../src/bot/calls/suspend.ts";
import { isOfNewerRelease } from "../../../src/bot/model/newer-release.ts";
import type { BotState } from "../../../src/bot/model/state.ts";
import type { Answer } from "../../../src/bot/shell/answer.ts";
import type { Platform } from "../../../src/bot/shell/ports.ts";
import { BotShell } from "../../../src/bot/shell/shell.ts";
import type { AgentCaller, Caller } from "../../../src/records/caller.ts";
import type { OutboxEntry } from "../../../src/records/rows.ts";
import type { HeartbeatRequest } from "../../../src/wire/agent.ts";
import { BotView, EventView, Operation } from "../../../src/wire/bot.ts";
import { BOT_ACTIONS } from "../../../src/wire/enums.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { SqliteStorage } from "../../simulation/sqlite-storage.ts";
import { FLEET, HOUR, Life, MINUTE, recordedOf, SECOND } from "./life.ts";
import { PLACES, type Place, plant, UNHEARD_OF } from "./planted.ts";
import { stored } from "./stored.ts";

const SCOPE = { every_account: true } as const;
const CREDENTIAL = "c".repeat(64);
const agent: AgentCaller = { kind: "agt", token_sha256: CREDENTIAL };
const newcomer: AgentCaller = { kind: "reg", token_sha256: "a".repeat(64) };
let requests = 0;

function caller(): Caller {
  return { ...OPERATOR, request_id: `request-${++requests}` };
}

/** The life's bot as a newer release has left it, with what was done through the platform. */
function leftBehind(life: Life, place: Place = ["operation", "kind"], more: Partial<Platform> = {}) {
  const future = plant(life.bot, place);
  if (future === null) throw new Error(`this bot has no ${place.join(".")}`);
  life.bot = future;
  const storage = new SqliteStorage();
  const logs: Record<string, unknown>[] = [];
  const pushed: OutboxEntry[] = [];
  const shell = stored(
    life,
    {
      log: (entry) => logs.push(entry),
      index: {
        push: async (entry) => {
          pushed.push(entry);
        },
      },
      ...more,
    },
    storage,
  );
  const text = () => String(storage.sql.exec("SELECT value FROM document WHERE key = 'state'")[0]?.value);
  return { life, shell, storage, logs, pushed, text, before: text() };
}

function beatOf(life: Life, more: Partial<HeartbeatRequest> = {}): HeartbeatRequest {
  return {
    agent_version: "1.0.0",
    boot_id: "b9",
    droplet_id: life.droplet.id,
    workload: { state: "running", version: null, restarts: 0 },
    applied_config_id: null,
    load: null,
    mem: null,
    disk: null,
    ...more,
  };
}

/** With a droplet, an agent, an operation that powers it and looks behind it. */
function busy(): Life {
  const life = new Life().posted().unanswered().wait(MINUTE).looked("name");
  life.tell({ kind: "intent_adopted", data: { intent_id: life.intentId, droplet: life.facts(), via: "look" } });
  life.read("active").wait(MINUTE).registered().applied().succeeded();
  return life
    .wait(30 * MINUTE)
    .requested("heal")
    .powered("power_cycle")
    .beat();
}

const EVERYWHERE = PLACES.map((place) => ({ at: place.join("."), place }));

describe.for(EVERYWHERE)("a bot with something unheard of in $at", ({ place }) => {
  it("does nothing in its alarm but deliver, say so, and set the next", async ({ expect }) => {
    const { life, shell, storage, logs, pushed, text, before } = leftBehind(busy(), place);
    const { history } = shell.store;
    const events = history.lastSeq();
    for (let round = 0; round < 3; round++) {
      await runAlarm(shell);
      expect(storage.alarmAt).toBe(life.now + HOUR);
      life.wait(HOUR);
    }
    expect(logs.map(({ event }) => event)).toEqual(Array.from({ length: 3 }, () => "bot_of_newer_release"));
    expect([text(), history.lastSeq(), pushed]).toEqual([before, events, []]);
  });

  it("answers its agent with an order, and keeps of its word only when it was heard", async ({ expect }) => {
    const { life, shell, text, before } = leftBehind(busy(), place);
    const heard_at = life.wait(30 * SECOND).now;
    const answer = heartbeat(shell, agent, beatOf(life));
    const { generation, config, order } = shell.present().bot;
    expect(answer).toEqual({
      ok: true,
      value: {
        status: "ok",
        generation,
        desired_config_id: config.desired.id,
        workload: place[0] === "order" ? "hold" : order,
        commands: [],
      },
    });
    expect(shell.present().rt).toMatchObject({ last_seen_at: heard_at, telemetry: { workload: { state: "running" } } });
    expect(await agentConfig(shell, agent, life.droplet.id)).toMatchObject({ ok: true, value: { version: 1 } });
    expect([text(), shell.store.history.lastSeq()]).toEqual([before, life.history.length]);
  });

  it("is read as ever, and nothing unheard of is shown", async ({ expect }) => {
    const { shell } = leftBehind(busy(), place);
    const view = management.snapshot(shell, SCOPE);
    const operations = management.listOperations(shell, SCOPE);
    const excerpt = management.listEvents(shell, SCOPE, 0, 100);
    for (const answer of [
      view,
      operations,
      excerpt,
      listCommands(shell, SCOPE),
      management.desiredConfig(shell, SCOPE),
    ])
      expect(answer.ok).toBe(true);
    if (!view.ok || !operations.ok || !excerpt.ok) return;
    expect(view.value).toMatchObject({ reason: "newer_release" });
    const ids = (issues: { path: PropertyKey[] }[] = []) => issues.filter(({ path }) => path.at(-1) !== "id");
    expect(ids(BotView.safeParse(view.value).error?.issues)).toEqual([]);
    for (const operation of operations.value) expect(ids(Operation.safeParse(operation).error?.issues)).toEqual([]);
    for (const event of excerpt.value.events) expect(EventView.safeParse(event).error).toBe(undefined);
    expect(JSON.stringify([view, operations])).not.toContain(UNHEARD_OF);
  });

  it("is destroyed by force, with what may be left of it", async ({ expect }) => {
    const { life, shell, text } = leftBehind(busy(), place);
    const { droplet } = life;
    const answer = forceDestroy(shell, caller());
    expect(answer).toMatchObject({
      ok: true,
      value: { operation: { kind: "destroy", state: "succeeded" }, left: { droplet_ids: [droplet.id] } },
    });
    expect(JSON.parse(text())).toMatchObject({ status: "destroyed", agent: null, adopted: null });
    const again = new BotShell(shell.platform, []);
    expect(management.snapshot(again, SCOPE)).toMatchObject({ ok: true, value: { status: "destroyed" } });
    expect(heartbeat(again, agent, beatOf(life, { droplet_id: droplet.id }))).toMatchObject({
      code: "credential_revoked",
    });
    expect(snapshotRows(again)?.bot).toMatchObject({ status: "destroyed" });
    expect(forceDestroy(again, caller())).toMatchObject({ ok: true, value: { left: { droplet_ids: [droplet.id] } } });
  });

  it("keeps its droplets from the sweep", async ({ expect }) => {
    const { life, shell } = leftBehind(busy(), place);
    const tags = [FLEET.tag, `bot-${life.bot.id}`];
    const { name } = life.droplet;
    for (const id of [life.droplet.id, 7_777]) {
      const listed = { id, name, tags, status: "active" as const, ip_address: null };
      expect(claim(shell, { droplet: listed, listed_ms_ago: 0, dry_run: false })).toBe("mine");
    }
    expect(shell.store.history.lastSeq()).toBe(life.history.length);
  });
});

describe("people who would change a bot of a newer release", () => {
  const calls: Record<string, (shell: BotShell) => Answer<unknown> | Promise<Answer<unknown>>> = {
    ...Object.fromEntries(
      BOT_ACTIONS.map((action) => [action, (shell: BotShell) => management.act(shell, caller(), action)]),
    ),
    cancel: (shell) => management.cancelOperation(shell, caller(), shell.present().bot.operation.id),
    rename: (shell) => management.patchBot(shell, caller(), { name: "Other" }),
    "publish a config": (shell) =>
      publishConfig(shell, caller(), { patch: { strictness: "high" }, if_match: null } as never),
    "have it restarted": (shell) => requestCommand(shell, caller(), { kind: "restart" }),
    "have its log read": (shell) => requestCommand(shell, caller(), { kind: "collect_logs" }),
    "have its credential rotated": (shell) => requestCommand(shell, caller(), { kind: "rotate_credential" }),
    "acknowledge its flags": (shell) => acknowledgeSecurity(shell, caller(), "looked"),
    suspend: (shell) => suspend(shell, caller(), "payment_failed"),
    unsuspend: (shell) => unsuspend(shell, caller()),
  };

  it.for(Object.entries(calls))("are refused: %s", async ([, ask], { expect }) => {
    const { life, shell, text, before } = leftBehind(busy());
    expect(await ask(shell)).toMatchObject({
      ok: false,
      code: "newer_release",
      detail: expect.stringContaining("destroyed by force"),
    });
    expect([text(), shell.store.history.lastSeq()]).toEqual([before, life.history.length]);
  });

  it("are not told of another account's bot", async ({ expect }) => {
    const { shell } = leftBehind(busy());
    const stranger = { ...caller(), scope: { account_id: "a0000000-0000-4000-8000-000000000002" } };
    expect(management.act(shell, stranger, "pause")).toMatchObject({ code: "bot_not_found" });
    expect(forceDestroy(shell, stranger)).toMatchObject({ code: "bot_not_found" });
  });

  it("could not, were a call to forget to refuse them", async ({ expect }) => {
    const { shell, text, before } = leftBehind(busy());
    const events = [{ kind: "changed", data: { name: "Other" } }] as const;
    expect(() => shell.commit({ events, by: caller() })).toThrow("newer release");
    shell.commit({ events });
    expect(text()).toBe(before);
  });
});

describe("agents of a bot of a newer release", () => {
  const commands = [{ id: "c0000000-0000-4000-8000-000000000009", ok: true }];

  it("are asked to come again with what would change it", async ({ expect }) => {
    const { life, shell, text, before } = leftBehind(busy());
    const { bot, droplet } = life;
    const waits = { ok: false, code: "awaiting_release", retry_after_s: 60 };
    const at = { droplet_id: droplet.id, boot_id: "b2" };
    const other = { bot_id: bot.id, credential_sha256: "d".repeat(64), ...at };
    expect(acknowledge(shell, agent, { config_id: bot.config.desired.id, result: "applied" })).toMatchObject(waits);
    expect(rotateCredential(shell, agent, other)).toMatchObject(waits);
    expect(reportStage(shell, agent, { stage: "done", ...at })).toMatchObject(waits);
    expect(register(shell, newcomer, other)).toMatchObject(waits);
    expect(register(shell, newcomer, { ...other, credential_sha256: CREDENTIAL })).toMatchObject({ ok: true });
    expect(agentRelease(shell, agent, { version: "1", sha256: "e", url: "u" } as never)).toMatchObject({ ok: true });
    expect(heartbeat(shell, agent, beatOf(life, { command_results: commands }))).toMatchObject({ ok: true });
    expect([text(), shell.store.history.lastSeq()]).toEqual([before, life.history.length]);
  });

  it("that are not the accepted one are refused as ever, and nothing is written of them", async ({ expect }) => {
    const { life, shell, text, before } = leftBehind(busy());
    expect(heartbeat(shell, agent, beatOf(life, { droplet_id: 4_711 }))).toMatchObject({ code: "wrong_droplet" });
    const stranger: AgentCaller = { kind: "agt", token_sha256: "9".repeat(64) };
    expect(heartbeat(shell, stranger, beatOf(life))).toMatchObject({ code: "invalid_credential" });
    expect([text(), shell.store.history.lastSeq()]).toEqual([before, life.history.length]);
  });

  it.for<[string, Life, Partial<BotState>, string]>([
    ["run", busy(), {}, "run"],
    ["hold where no order is stored", busy(), { order: null }, "hold"],
    ["hold where the order itself is not known", busy(), { order: "drain" } as never, "hold"],
    ["stop where the newer release has stopped it", busy(), { order: "stop" }, "stop"],
    ["stop where a person has stopped it", busy(), { workload_stopped: true }, "stop"],
    ["hold where its start is held", busy(), { start_held: true }, "hold"],
    ["stop of one that is being suspended", busy().suspending(), { order: "run" }, "stop"],
  ])("are told %s", ([, life, more, workload], { expect }) => {
    life.bot = { ...life.bot, ...more };
    const { shell } = leftBehind(life);
    expect(heartbeat(shell, agent, beatOf(life))).toMatchObject({ ok: true, value: { workload, commands: [] } });
  });

  it("are not sent commands that waited for them", async ({ expect }) => {
    const life = busy();
    const early = stored(life);
    requestCommand(early, caller(), { kind: "collect_logs" });
    life.bot = early.present().bot;
    const { shell } = leftBehind(life);
    for (const row of early.store.commands()) shell.store.saveCommand(row);
    expect(heartbeat(shell, agent, beatOf(life))).toMatchObject({ value: { commands: [] } });
    life.bot = early.present().bot;
    expect(heartbeat(early, agent, beatOf(life))).toMatchObject({ value: { commands: [{ kind: "collect_logs" }] } });
  });

  it("have time to acknowledge once they can be heard again", async ({ expect }) => {
    const { life, shell } = leftBehind(busy());
    heartbeat(shell, agent, beatOf(life.wait(MINUTE)));
    expect(shell.present().rt.deaf_until).toBe(life.now);
  });
});

describe("the upkeep of a bot of a newer release", () => {
  it("wakes it where its alarm was lost, and tells an index that is behind", async ({ expect }) => {
    const { life, shell, pushed, storage } = leftBehind(busy());
    const { revision } = life.bot;
    expect(poke(shell, life.now + HOUR, revision)).toBe("armed");
    expect(poke(shell, null, revision)).toBe("rearmed");
    expect(storage.alarmAt).toBe(life.now + HOUR);
    expect(poke(shell, life.now + HOUR, revision - 1)).toBe("rearmed");
    await runAlarm(shell);
    expect(pushed.map(({ kind }) => kind).sort()).toEqual(["bot", "config", "droplet"]);
    expect(pushed.find(({ kind }) => kind === "bot")).toMatchObject({ row: { reason: "newer_release", revision } });
  });

  it("does not forget its history, though a snapshot of it was taken before", async ({ expect }) => {
    const life = busy();
    life.tell({ kind: "snapshot", data: { bot: life.bot } });
    const { shell } = leftBehind(life, ["status"], {
      policy: { ...stored(life).platform.policy, history_max: 4, history_keep: 2 },
    });
    await runAlarm(shell);
    expect([shell.store.history.firstSeq(), shell.store.history.lastSeq()]).toEqual([1, life.history.length]);
  });

  it("does not take its secrets for erased, however long it has been destroyed", async ({ expect }) => {
    const life = busy().destroyed();
    life.tell({ kind: "droplet_found", data: { droplet: life.facts({ id: 9_001 }), via: "sweep" } });
    life.wait(400 * 24 * HOUR);
    const { shell, text, before } = leftBehind(life, ["droplets", "[]", "status"]);
    expect(eraseSecrets(shell)).toBe("unreadable");
    expect(text()).toBe(before);
  });

  it("goes on where it was once the release that knows the bot runs again", async ({ expect }) => {
    const life = busy();
    const known = life.bot;
    const { shell, storage } = leftBehind(life);
    await runAlarm(shell);
    heartbeat(shell, agent, beatOf(life));
    expect(isOfNewerRelease(shell.present().bot)).toBe(true);
    shell.store.save(known);
    const after = new BotShell({ ...shell.platform, sql: storage.sql }, []);
    expect(after.present().bot).toEqual(known);
    expect(recordedOf(life.history)).toHaveLength(after.store.history.lastSeq() ?? 0);
    expect(management.act(after, caller(), "redeploy")).toMatchObject({ ok: true });
  });
});
