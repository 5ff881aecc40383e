import { describe, it } from "vitest";
import type { BotEvent } from "../../../src/bot/model/events.ts";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { viewBot, viewConfig, viewOperation } from "../../../src/bot/view/bot.ts";
import { viewEvent } from "../../../src/bot/view/event.ts";
import { BotView, EventView, Operation } from "../../../src/wire/bot.ts";
import { ConfigVersion } from "../../../src/wire/config.ts";
import { configRow } from "../../fixtures/bot.ts";
import { Life, MINUTE, recordedOf, SECOND, START } from "./life.ts";

const OPERATION_ID = "0f000000-0000-4000-8000-000000000001";

const SUSPENDED = { kind: "suspended", data: { reason: "payment_failed" } } as const;
const SUSPEND = { kind: "operation_requested", data: { operation_id: OPERATION_ID, kind: "suspend" } } as const;

function shown(life: Life) {
  return viewBot(life.bot, life.rt, life.now, defaultPolicy);
}

describe("a bot on the wire", () => {
  const LIVES: [string, () => Life][] = [
    ["accepted", () => new Life({ operation_id: OPERATION_ID })],
    ["waiting for its droplet", () => new Life({ operation_id: OPERATION_ID }).made()],
    ["online", () => new Life({ operation_id: OPERATION_ID }).online()],
    ["silent", () => new Life({ operation_id: OPERATION_ID }).online().silent().read("off")],
    ["suspended", () => new Life().tell(SUSPENDED, SUSPEND).succeeded()],
    ["in error", () => new Life({ operation_id: OPERATION_ID }).failed()],
  ];
  for (const [what, life] of LIVES) {
    it(`${what}: is what the contract says`, async ({ expect }) => {
      expect(BotView.strict().safeParse(shown(life())).error).toBe(undefined);
    });
  }

  it("tells hours in UTC and what comes next", async ({ expect }) => {
    const life = new Life().online().wait(SECOND);
    expect(shown(life)).toMatchObject({
      created_at: "2026-11-20T12:00:00.000Z",
      since: "2026-11-20T12:02:30.000Z",
      last_heartbeat_at: "2026-11-20T12:02:30.000Z",
      observed_at: "2026-11-20T12:02:31.000Z",
      next: { what: "heartbeat", at: "2026-11-20T12:05:05.000Z" },
      droplet: { id: 1001, status: "active", observed_at: "2026-11-20T12:00:30.000Z" },
    });
    expect(shown(new Life()).next).toEqual({ what: "create_droplet", at: "2026-11-20T12:00:00.000Z" });
    expect(shown(new Life().online().destroyed()).next).toBe(null);
  });

  it("a read that brought nothing new is told all the same", async ({ expect }) => {
    const life = new Life().online().wait(MINUTE).called("get_droplet:1001");
    expect(shown(life).droplet?.observed_at).toBe("2026-11-20T12:03:30.000Z");
  });

  it("says who keeps it from running, since when and why", async ({ expect }) => {
    const life = new Life().online();
    expect(shown(life).suspension).toBe(null);
    life.wait(MINUTE).suspending("unpaid").powered("shutdown").wait(MINUTE).read("off").succeeded();
    expect(shown(life)).toMatchObject({
      status: "suspended",
      reason: "unpaid",
      since: "2026-11-20T12:04:30.000Z",
      suspension: { since: "2026-11-20T12:03:30.000Z", reason: "unpaid", by: "spawnpoint" },
      next: null,
    });
  });

  it("drifts while the config that runs is not the desired one", async ({ expect }) => {
    expect(shown(new Life())).toMatchObject({ config_drift: true, applied_config_version: null });
    const life = new Life().online();
    expect(shown(life)).toMatchObject({ config_drift: false, applied_config_version: 1 });
    life.tell({
      kind: "config_published",
      data: { config: { id: "c2", version: 2 }, paper_mode: true, restored_from: null },
    });
    expect(shown(life)).toMatchObject({ config_drift: true, desired_config_version: 2, applied_config_version: 1 });
  });

  it("shows nothing of credentials and tokens", async ({ expect }) => {
    const text = JSON.stringify(shown(new Life().online()));
    for (const secret of ["c".repeat(64), "a".repeat(64), "token", "credential"]) expect(text).not.toContain(secret);
  });
});

describe("an operation on the wire", () => {
  const view = (life: Life) => viewOperation(life.bot.operation, life.bot, life.rt, life.decide(), defaultPolicy);

  it("under way: says its step, its next attempt and its deadline", async ({ expect }) => {
    const life = new Life({ operation_id: OPERATION_ID }).made().wait(SECOND);
    expect(Operation.parse(view(life))).toMatchObject({
      kind: "create",
      state: "running",
      step: "waiting_for_droplet",
      attempt: 1,
      next_attempt_at: "2026-11-20T12:00:05.000Z",
      deadline: "2026-11-21T12:00:00.000Z",
      ended_at: null,
    });
  });

  it("ended: says how and when", async ({ expect }) => {
    expect(view(new Life().failed())).toMatchObject({
      state: "failed",
      step: "failed",
      next_attempt_at: null,
      deadline: null,
      last_error: "create_failed, in words",
      ended_at: "2026-11-20T12:00:00.000Z",
    });
  });

  it("a past one is not shown with the present one's step", async ({ expect }) => {
    const life = new Life().online();
    const past = life.bot.operation;
    life.requested("pause").powered("shutdown");
    const seen = viewOperation(past, life.bot, life.rt, life.decide(), defaultPolicy);
    expect(seen).toMatchObject({ kind: "create", step: "succeeded", next_attempt_at: null });
  });
});

describe("an event on the wire", () => {
  it("keeps hashes to itself", async ({ expect }) => {
    const views = recordedOf(new Life().online().history).map(viewEvent);
    expect(views.map((view) => EventView.safeParse(view).success)).not.toContain(false);
    const text = JSON.stringify(views);
    for (const secret of ["c".repeat(64), "a".repeat(64), "token_hash", "credential_sha256"]) {
      expect(text).not.toContain(secret);
    }
    expect(views.find(({ kind }) => kind === "agent_registered")?.data).toEqual({
      intent_id: "intent-1-g1",
      droplet_id: 1001,
      boot_id: "b1",
    });
  });

  it("says when, what and by whom", async ({ expect }) => {
    const event: BotEvent = { seq: 9, at: START, kind: "agent_heard", actor: "agent", data: { via: "http" } };
    const before = { status: "unresponsive", generation: 2 } as const;
    const after = { status: "online", generation: 2 } as const;
    expect(viewEvent({ ...event, before, after, reason: "heal" })).toEqual({
      seq: 9,
      at: "2026-11-20T12:00:00.000Z",
      kind: "agent_heard",
      actor: "agent",
      before,
      after,
      reason: "heal",
      sentence: "The agent is responding.",
      data: { via: "http" },
    });
  });
});

describe("a config on the wire", () => {
  it("says that there is a secret, never which", async ({ expect }) => {
    const view = viewConfig(ROW);
    expect(ConfigVersion.strict().safeParse(view).error).toBe(undefined);
    expect(view.secrets).toEqual({
      llm_provider: "anthropic",
      llm_api_key: { set: true, last4: "cdef", updated_at: "2026-11-20T12:00:00.000Z" },
      environment: [{ name: "RPC_URL", updated_at: "2026-11-20T12:00:00.000Z" }],
    });
    expect(JSON.stringify(view)).not.toContain("sealed");
  });
});

const ROW = configRow({
  id: "c0000000-0000-4000-8000-000000000001",
  bot_id: "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d",
  version: 2,
  llm_api_key: "v1.key.nonce.sealed",
  llm_api_key_last4: "cdef",
  llm_api_key_updated_at: START,
  environment: "v1.key.nonce.sealed-too",
  environment_names: [{ name: "RPC_URL", updated_at: START }],
  created_at: START,
});
