import { describe, it } from "vitest";
import { rotateCredential } from "../../../src/bot/agent/credential-rotation.ts";
import { ordersOf } from "../../../src/bot/agent/directives.ts";
import { acknowledge, heartbeat } from "../../../src/bot/agent/endpoints.ts";
import { listCommands, requestCommand } from "../../../src/bot/calls/commands.ts";
import { act } from "../../../src/bot/calls/management.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import type { AgentCaller } from "../../../src/records/caller.ts";
import type { HeartbeatRequest } from "../../../src/wire/agent.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { Life, MINUTE } from "./life.ts";
import { stored } from "./stored.ts";

const OLD = "c".repeat(64);
const NEW = "d".repeat(64);
const NEWER = "e".repeat(64);
const with_ = (token_sha256: string): AgentCaller => ({ kind: "agt", token_sha256 });

function ask(shell: BotShell, request_id: string = crypto.randomUUID()) {
  return requestCommand(shell, { ...OPERATOR, request_id }, { kind: "rotate_credential" });
}

function idOf(asked: ReturnType<typeof ask>): string {
  if (!asked.ok) throw new Error(asked.code);
  return asked.value.id;
}

function rotate(shell: BotShell, caller: AgentCaller, credential_sha256: string, droplet_id?: number) {
  const { bot } = shell.present();
  const identity = { droplet_id: droplet_id ?? bot.agent?.droplet_id ?? 1001, boot_id: "b1" };
  return rotateCredential(shell, caller, { credential_sha256, ...identity });
}

function beat(shell: BotShell, caller: AgentCaller, more: Partial<HeartbeatRequest> = {}) {
  return heartbeat(shell, caller, {
    agent_version: "1.0.0",
    boot_id: "b1",
    droplet_id: shell.present().bot.agent?.droplet_id ?? 1001,
    workload: { state: "running", version: null, restarts: 0 },
    applied_config_id: null,
    load: null,
    mem: null,
    disk: null,
    ...more,
  });
}

function kinds(shell: BotShell, after: number) {
  return shell.store.history.events(after, 1000).map(({ kind }) => kind);
}

function online() {
  const life = new Life().online();
  return { life, shell: stored(life) };
}

describe("a rotation of the agent's credential", () => {
  it("revokes the old one in the commit that accepts the new one, and ends the command with it", async ({ expect }) => {
    const { shell } = online();
    const asked = ask(shell);
    expect(ordersOf(shell).commands).toMatchObject([{ kind: "rotate_credential", args: {} }]);
    const { revision } = shell.present().bot;
    expect(rotate(shell, with_(OLD), NEW)).toEqual({ ok: true, value: { status: "rotated" } });
    expect(kinds(shell, revision)).toEqual(["credential_rotated", "command_ended"]);
    expect(shell.present().bot).toMatchObject({
      status: "online",
      agent: { credential_sha256: NEW },
      revoked_credentials: [OLD],
      commands_pending: false,
    });
    expect(beat(shell, with_(OLD))).toMatchObject({ ok: false, code: "credential_revoked" });
    expect(beat(shell, with_(NEW))).toMatchObject({ ok: true, value: { commands: [] } });
    const [command] = (listCommands(shell, OPERATOR.scope) as { value: unknown[] }).value;
    expect(command).toMatchObject({ id: asked.ok && asked.value.id, state: "succeeded" });
  });

  it("is a harmless repeat with the new one, and refused with the old", async ({ expect }) => {
    const { shell } = online();
    ask(shell);
    rotate(shell, with_(OLD), NEW);
    const { revision } = shell.present().bot;
    for (let again = 0; again < 3; again++) expect(rotate(shell, with_(NEW), NEW)).toMatchObject({ ok: true });
    expect(rotate(shell, with_(OLD), NEW)).toMatchObject({ ok: false, code: "credential_revoked" });
    expect(shell.present().bot.revision).toBe(revision);
  });

  it("is refused where nobody asked, to the holder of the credential as to anybody", async ({ expect }) => {
    const { life, shell } = online();
    expect(rotate(shell, with_(OLD), NEW)).toMatchObject({ ok: false, code: "rotation_not_asked" });
    expect(rotate(shell, with_(NEW), NEW)).toMatchObject({ ok: false, code: "invalid_credential" });
    expect(rotate(shell, { kind: "reg", token_sha256: OLD }, NEW)).toMatchObject({ code: "invalid_credential" });
    ask(shell);
    life.now += 10 * MINUTE;
    expect(rotate(shell, with_(OLD), NEW)).toMatchObject({ ok: false, code: "rotation_not_asked" });
    ask(shell);
    expect(rotate(shell, with_(OLD), NEW)).toMatchObject({ ok: true });
    // One command, one rotation.
    expect(rotate(shell, with_(NEW), NEWER)).toMatchObject({ ok: false, code: "rotation_not_asked" });
    expect(shell.present().bot.agent?.credential_sha256).toBe(NEW);
  });

  it("loses no acknowledgement that is on its way: it is to come again with the new one", async ({ expect }) => {
    const { shell } = online();
    const { id: config_id } = shell.present().bot.config.desired;
    const ack = { config_id, result: "applied", workload: "running" } as const;
    ask(shell);
    rotate(shell, with_(OLD), NEW);
    expect(acknowledge(shell, with_(OLD), ack)).toMatchObject({ ok: false, code: "credential_revoked" });
    expect(acknowledge(shell, with_(NEW), ack)).toMatchObject({ ok: true });
    shell.commit({ events: [{ kind: "credential_revoked", data: {} }] });
    for (const known of [OLD, NEW])
      expect(acknowledge(shell, with_(known), ack)).toMatchObject({ ok: false, code: "generation_over" });
  });

  it("cuts the old one's channel off: from then on silence counts as after any clean end", async ({ expect }) => {
    const { life, shell } = online();
    const channel = { opened_at: life.now - MINUTE, heard_at: life.now };
    shell.commit({ rt: { ...shell.present().rt, channel } });
    ask(shell);
    rotate(shell, with_(OLD), NEW);
    const { rt } = shell.present();
    expect(rt).toMatchObject({ channel: null, channel_closed_at: life.now, last_seen_at: life.now });
  });

  it("takes no credential that was revoked before", async ({ expect }) => {
    const { shell } = online();
    ask(shell);
    rotate(shell, with_(OLD), NEW);
    ask(shell);
    expect(rotate(shell, with_(NEW), OLD)).toMatchObject({ ok: false, code: "credential_conflict" });
    expect(rotate(shell, with_(NEW), NEWER)).toMatchObject({ ok: true });
    expect(shell.present().bot.revoked_credentials).toEqual([OLD, NEW]);
  });

  it("is not for a copy on another droplet", async ({ expect }) => {
    const { shell } = online();
    ask(shell);
    expect(rotate(shell, with_(OLD), NEW, 7)).toMatchObject({ ok: false, code: "wrong_droplet" });
    expect(shell.present().bot).toMatchObject({ agent: { credential_sha256: OLD }, flags: ["wrong_droplet"] });
  });

  it("is one at a time: who asks again is shown the one under way", async ({ expect }) => {
    const { life, shell } = online();
    const [first, second, third] = [ask(shell, "r1"), ask(shell, "r2"), ask(shell, "r2")];
    expect(second).toEqual(first);
    expect(third).toEqual({ ...first, replayed: true });
    expect(shell.store.commands()).toHaveLength(1);
    life.now += 10 * MINUTE;
    expect(ask(shell)).not.toEqual(first);
    expect(ordersOf(shell).commands).toHaveLength(1);
  });

  it("is not done because the agent says so", async ({ expect }) => {
    const { shell } = online();
    const id = idOf(ask(shell));
    beat(shell, with_(OLD), { command_results: [{ id, ok: true }] });
    expect(shell.store.commands()).toMatchObject([{ id, result: { ok: false } }]);
    expect(shell.present().bot.agent?.credential_sha256).toBe(OLD);
  });

  it("that the agent gave up is over, and one that it gave up after all is done", async ({ expect }) => {
    const { shell } = online();
    const id = idOf(ask(shell));
    beat(shell, with_(OLD), { command_results: [{ id, ok: false, detail: "no" }] });
    expect(rotate(shell, with_(OLD), NEW)).toMatchObject({ ok: false, code: "rotation_not_asked" });
    const second = idOf(ask(shell));
    rotate(shell, with_(OLD), NEW);
    beat(shell, with_(NEW), { command_results: [{ id: second, ok: false, detail: "the agent died" }] });
    expect(shell.store.commands().find((row) => row.id === second)?.result).toMatchObject({ ok: true });
  });

  it("ends with the generation: the credential of a droplet that goes counts for nothing", async ({ expect }) => {
    const { shell } = online();
    ask(shell);
    rotate(shell, with_(OLD), NEW);
    act(shell, { ...OPERATOR, request_id: "r9" }, "redeploy");
    shell.commit({ events: [{ kind: "credential_revoked", data: {} }] });
    ask(shell);
    for (const known of [OLD, NEW])
      expect(rotate(shell, with_(known), NEWER)).toMatchObject({ ok: false, code: "credential_revoked" });
  });
});
