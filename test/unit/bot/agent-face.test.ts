import { describe, it } from "vitest";
import { agentConfig, heartbeat, register } from "../../../src/bot/agent/endpoints.ts";
import { unsuspend } from "../../../src/bot/calls/suspend.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import type { AgentCaller } from "../../../src/records/caller.ts";
import type { Vault } from "../../../src/secrets/vault.ts";
import type { HeartbeatRequest } from "../../../src/wire/agent.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { Life, MINUTE, SECOND } from "./life.ts";
import { stored } from "./stored.ts";

/** As `Life` mints them. */
const TOKEN = "a".repeat(64);
const CREDENTIAL = "c".repeat(64);
const OTHER_CREDENTIAL = "d".repeat(64);
const withToken: AgentCaller = { kind: "reg", token_sha256: TOKEN };
const withCredential: AgentCaller = { kind: "agt", token_sha256: CREDENTIAL };

function exchange(shell: BotShell, droplet_id: number, caller = withToken) {
  const { bot } = shell.present();
  return register(shell, caller, { bot_id: bot.id, credential_sha256: OTHER_CREDENTIAL, droplet_id, boot_id: "b2" });
}

function beat(shell: BotShell, droplet_id: number, boot_id = "b1") {
  const request: HeartbeatRequest = {
    agent_version: "1.0.0",
    boot_id,
    droplet_id,
    workload: { state: "running", version: null, restarts: 0 },
    applied_config_id: null,
    load: null,
    mem: null,
    disk: null,
  };
  return heartbeat(shell, withCredential, request);
}

/** Its droplet is up, and no agent has registered yet. */
function booted(): Life {
  return new Life()
    .made()
    .wait(30 * SECOND)
    .read("active")
    .wait(MINUTE);
}

describe("a registration token", () => {
  it("of the present generation and from the adopted droplet binds the agent", async ({ expect }) => {
    const life = booted();
    const shell = stored(life);
    expect(exchange(shell, life.droplet.id).ok).toBe(true);
    expect(shell.present().bot.agent).toMatchObject({ credential_sha256: OTHER_CREDENTIAL });
  });

  it("from another droplet binds nobody", async ({ expect }) => {
    const life = booted();
    const shell = stored(life);
    expect(exchange(shell, life.droplet.id + 1)).toMatchObject({ ok: false, code: "wrong_droplet" });
    expect(shell.present().bot).toMatchObject({ agent: null, flags: ["wrong_droplet"] });
  });

  it("of an earlier generation is not valid, though its create is still unanswered", async ({ expect }) => {
    const shell = stored(new Life().posted().unanswered().recreating());
    expect(exchange(shell, 1001)).toMatchObject({ ok: false, code: "invalid_credential" });
    expect(shell.present().bot.claims).toEqual([]);
  });

  it("that was exchanged binds no second agent, though the first one was given up", async ({ expect }) => {
    const life = booted().registered();
    const { id } = life.droplet;
    life.tell({
      kind: "attempt_failed",
      data: { operation_id: life.bot.operation.id, code: "power_on_failed", detail: "it went off" },
    });
    const shell = stored(life);
    expect(exchange(shell, id)).toMatchObject({ ok: false, code: "invalid_credential" });
    expect(shell.present().bot.agent).toBe(null);
  });

  it("of an earlier try is killed by the exchange of another", async ({ expect }) => {
    const life = new Life().posted().unanswered();
    life.tell({ kind: "intent_absent", data: { intent_id: life.intentId } });
    life
      .made()
      .wait(30 * SECOND)
      .read("active")
      .registered();
    expect(life.bot.intents.map(({ token_state }) => token_state)).toEqual(["killed", "used"]);
  });

  it("is told from a credential by its kind", async ({ expect }) => {
    const life = booted();
    const shell = stored(life);
    expect(exchange(shell, life.droplet.id, { ...withToken, kind: "agt" })).toMatchObject({
      ok: false,
      code: "invalid_credential",
    });
  });
});

describe("an agent that speaks while its bot is being stopped", () => {
  for (const kind of ["pause", "redeploy", "destroy", "suspend"] as const) {
    it(`is told to stop and makes nothing online: ${kind}`, async ({ expect }) => {
      const life = new Life().online().wait(MINUTE).silent().requested(kind);
      const { id } = life.droplet;
      const shell = stored(life);
      expect(beat(shell, id)).toMatchObject({ ok: true, value: { workload: "stop" } });
      expect(shell.present().bot).toMatchObject({ presence: "silent", status: life.bot.status });
    });
  }

  it("is told to stop once the bot is paused, too", async ({ expect }) => {
    const life = new Life().paused().wait(MINUTE);
    expect(beat(stored(life), life.droplet.id)).toMatchObject({ ok: true, value: { workload: "stop" } });
  });

  it("may run while the bot is healed or resumed", async ({ expect }) => {
    const healed = new Life().online().wait(MINUTE).silent().requested("heal");
    expect(beat(stored(healed), healed.droplet.id)).toMatchObject({ value: { workload: "run" } });
    const resumed = new Life().paused().wait(MINUTE).requested("resume").powered("power_on").read("active");
    expect(beat(stored(resumed), resumed.droplet.id)).toMatchObject({ value: { workload: "run" } });
  });
});

describe("an agent that speaks though its bot is suspended", () => {
  const LIVES: [string, () => Life][] = [
    ["at rest", () => new Life().suspended()],
    ["and could not be stopped", () => new Life().online().suspending().failed("power_off_failed")],
    ["and switched on by hand", () => new Life().suspended().read("active")],
    ["and a destroy was taken back", () => new Life().online().suspending().requested("destroy").cancelled()],
  ];
  for (const [what, life] of LIVES) {
    it(`is told to stop and gets no config: ${what}`, async ({ expect }) => {
      const lived = life().wait(MINUTE);
      const shell = stored(lived);
      expect(beat(shell, lived.droplet.id)).toMatchObject({ ok: true, value: { workload: "stop" } });
      expect(await agentConfig(shell, withCredential)).toMatchObject({ ok: false, code: "config_fenced" });
    });
  }

  it("is heard, so that its droplet is looked at", async ({ expect }) => {
    const life = new Life().suspended().wait(MINUTE);
    const shell = stored(life);
    beat(shell, life.droplet.id);
    expect(shell.present().bot).toMatchObject({ status: "suspended", presence: "heard" });
  });

  it("may run again once it is unsuspended, a restart in between being no reason to hold it", async ({ expect }) => {
    const life = new Life({ paper_mode: false }).suspended().wait(MINUTE);
    const shell = stored(life);
    beat(shell, life.droplet.id, "boot-by-hand");
    unsuspend(shell, { ...OPERATOR, request_id: "r1" });
    expect(beat(shell, life.droplet.id, "boot-by-hand")).toMatchObject({ value: { workload: "run" } });
  });
});

describe("the config with its secret", () => {
  it("is given to the accepted agent", async ({ expect }) => {
    const shell = stored(new Life().online());
    expect(await agentConfig(shell, withCredential)).toMatchObject({
      ok: true,
      value: { secrets: { llm_api_key: "sk-plain" } },
    });
  });

  it("is not given to an agent that was revoked while the secret was being opened", async ({ expect }) => {
    const vault: Vault = {
      seal: async (text) => text,
      open: async (envelope) => {
        shell.commit({ events: [{ kind: "credential_revoked", data: {} }] });
        return envelope;
      },
    };
    const shell = stored(new Life().online(), { vault });
    expect(await agentConfig(shell, withCredential)).toMatchObject({ ok: false, code: "credential_revoked" });
  });
});

describe("when an agent was last seen", () => {
  it("is written once a minute, however often it beats", async ({ expect }) => {
    const life = new Life().online();
    const shell = stored(life);
    const { id } = life.droplet;
    beat(shell, id);
    const written = [0, 30, 59, 61, 90, 122].map((second) => {
      life.now = life.bot.updated_at + second * SECOND;
      beat(shell, id);
      return ((shell.present().rt.last_seen_at ?? 0) - life.bot.updated_at) / SECOND;
    });
    expect(written).toEqual([0, 0, 0, 61, 61, 122]);
  });
});
