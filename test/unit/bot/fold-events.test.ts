import { describe, expect, it } from "vitest";
import type { EventBody, EventKind } from "../../../src/bot/model/events.ts";
import { Life, SECOND, START } from "./life.ts";

const OPERATION = { operation_id: "operation-1" };
const POST = { intent_id: "intent-1-g1" };
const DROPLET = { droplet_id: 1001 };
const C1 = { id: "c0000000-0000-4000-8000-000000000001", version: 1 };
const C2 = { id: "c2", version: 2 };
const LOSS = { limit: "max_daily_loss_pct", value: 7, max: 5, version: 1 } as const;
const NEW = (life: Life) => life.facts({ id: 1001 });

type Row = {
  [K in EventKind]: [before: () => Life, data: (life: Life) => Extract<EventBody, { kind: K }>["data"], after: object];
};

/** One line for every kind of event: where it happens, what it says, and what it changes. */
const EFFECTS: Omit<Row, "accepted"> = {
  changed: [
    () => new Life(),
    () => ({ name: "Day Owl", policies: { start: "manual" } }),
    { name: "Day Owl", persona: "beginner", policies: { healing: "reboot", start: "manual" } },
  ],
  operation_requested: [
    () => new Life().online(),
    () => ({ operation_id: "o9", kind: "pause" }),
    { operation: { id: "o9", kind: "pause", state: "queued", committed: false, failures: 0, ended_at: null } },
  ],
  operation_succeeded: [
    () => new Life().online().requested("pause"),
    () => OPERATION,
    { operation: { state: "succeeded" }, off_by_us: true, presence: "never" },
  ],
  operation_failed: [
    () => new Life(),
    () => ({ ...OPERATION, code: "x", detail: "why" }),
    { operation: { state: "failed", last_error: "why", ended_at: START }, error: { code: "x", detail: "why" } },
  ],
  operation_cancelled: [
    () => new Life(),
    () => ({ ...OPERATION, why: "asked for" }),
    { operation: { state: "cancelled" }, error: { code: "cancelled" } },
  ],
  attempt_failed: [
    () => new Life().made().read("active").registered(),
    () => ({ ...OPERATION, code: "slow", detail: "why" }),
    {
      operation: { failures: 1, last_error: "why" },
      droplets: [{ condemned: "slow" }],
      agent: null,
      presence: "never",
      revoked_credentials: ["c".repeat(64)],
    },
  ],
  waiting: [
    () => new Life(),
    () => ({ reason: "provider_quota" }),
    { waiting: "provider_quota", operation: { last_error: "provider_quota" } },
  ],
  replacement_begun: [
    () => new Life().online().silent().requested("heal"),
    () => ({ ...OPERATION, why: "still silent" }),
    { operation: { replacing: true, committed: true, last_error: "still silent" }, adopted: 1001 },
  ],
  generation_started: [
    () => new Life().online().delivered(),
    () => ({ generation: 2, why: "retry" }),
    {
      generation: 2,
      adopted: null,
      agent: null,
      presence: "never",
      intents: [],
      config: { desired: C1, delivered: false, applied: null, effective: null, last_good: C1 },
    },
  ],
  suspended: [
    () => new Life().online(),
    () => ({ reason: "payment_failed" }),
    {
      suspension: {
        since: START + 150 * SECOND,
        reason: "payment_failed",
        by: "spawnpoint",
        paused: false,
        confirmed_at: null,
      },
      status: "online",
    },
  ],
  unsuspended: [() => new Life().suspended(), () => ({}), { suspension: null, off_by_us: true }],

  command_requested: [
    () => new Life().online(),
    () => ({ command_id: "c", kind: "stop" }),
    { commands_pending: true, workload_stopped: true, status: "online" },
  ],
  command_ended: [
    () => new Life().online().tell({ kind: "command_requested", data: { command_id: "c", kind: "restart" } }),
    () => ({ command_id: "c", kind: "restart", ok: true, detail: null, left: false }),
    { commands_pending: false, workload_stopped: false },
  ],

  intent_opened: [
    () => new Life(),
    (life) => ({
      ...POST,
      generation: 1,
      droplet_name: life.facts().name,
      tags: ["t"],
      token_hash: "h",
      token_expires_at: 5,
      region: "r",
      size: "s",
      image: "i",
    }),
    {
      intents: [{ id: POST.intent_id, state: "open", token_state: "live", opened_at: START, ended_at: null }],
      operation: { state: "running", committed: true },
    },
  ],
  intent_unanswered: [
    () => new Life().posted(),
    () => ({ ...POST, ended_at: 7, detail: "timeout" }),
    { intents: [{ state: "open", ended_at: 7 }], operation: { last_error: "timeout" } },
  ],
  intent_looked: [
    () => new Life().posted(),
    () => ({ ...POST, how: "name", began_at: 9, found: [] }),
    { intents: [{ looks: [{ how: "name", began_at: 9 }] }] },
  ],
  intent_adopted: [
    () => new Life().posted(),
    (life) => ({ ...POST, droplet: NEW(life), via: "post" }),
    { adopted: 1001, intents: [{ state: "adopted" }], droplets: [{ id: 1001, seen_by_id: false }] },
  ],
  intent_refused: [
    () => new Life().posted(),
    () => ({ ...POST, code: "quota", detail: "too many", for_good: false }),
    {
      intents: [{ state: "refused", token_state: "killed", refused_for_good: false }],
      operation: { last_error: "too many" },
    },
  ],
  intent_absent: [
    () => new Life().posted(),
    () => POST,
    { intents: [{ state: "absent", token_state: "live" }], adopted: null },
  ],

  droplet_found: [
    () => new Life().online(),
    (life) => ({ droplet: life.facts({ id: 1002 }), via: "name" }),
    { adopted: 1001, droplets: [{ id: 1001 }, { id: 1002, condemned: null }] },
  ],
  droplet_observed: [
    () => new Life().made(),
    (life) => ({ droplet: { ...NEW(life), status: "active", ip_address: "203.0.113.7" }, via: "id" }),
    { droplets: [{ status: "active", active_at: START, seen_by_id: true }] },
  ],
  droplet_delete_sent: [
    () => new Life().made(),
    () => DROPLET,
    { droplets: [{ delete_sent_at: START, delete_ended_at: null }] },
  ],
  droplet_delete_ended: [
    () => new Life().made().tell(deleteSent()),
    () => ({ ...DROPLET, outcome: "ok", accepted: true }),
    { droplets: [{ delete_sent_at: START, delete_ended_at: START }] },
  ],
  droplet_missing: [
    () => new Life().made(),
    () => ({ ...DROPLET, how: "id", began_at: 4 }),
    { droplets: [{ missing: { by_id: [4], by_name: null, by_tag: null } }] },
  ],
  droplet_gone: [
    () => new Life().online(),
    () => DROPLET,
    { droplets: [], adopted: null, agent: null, presence: "silent" },
  ],
  power_sent: [
    () => new Life().online().requested("pause"),
    () => ({ ...DROPLET, action: "shutdown" }),
    { operation: { power: { action: "shutdown", count: 1 }, committed: true } },
  ],
  power_refused: [
    () => new Life().online().requested("pause").powered("shutdown"),
    () => ({ ...DROPLET, action: "shutdown", detail: "busy" }),
    { operation: { power: null, last_error: "busy" } },
  ],

  registration_claimed: [
    () => new Life().posted(),
    () => ({ ...POST, ...DROPLET }),
    { claims: [{ ...POST, ...DROPLET }] },
  ],
  claim_dropped: [
    () => new Life().posted().tell(claimed()),
    () => ({ ...DROPLET, why: "foreign" }),
    { claims: [], refused_droplets: [1001] },
  ],
  agent_registered: [
    () => new Life().made(),
    () => ({ ...POST, ...DROPLET, credential_sha256: "cc", boot_id: "b1" }),
    {
      agent: { droplet_id: 1001, credential_sha256: "cc", boot_id: "b1" },
      presence: "heard",
      intents: [{ token_state: "used" }],
    },
  ],
  agent_booted: [
    () => new Life().online(),
    () => ({ boot_id: "b2", expected: false }),
    { agent: { boot_id: "b2" }, start_held: true },
  ],
  agent_heard: [() => new Life().online().silent(), () => ({ via: "http" }), { presence: "heard", status: "online" }],
  agent_silent: [
    () => new Life().online(),
    () => ({ last_seen_at: null }),
    { presence: "silent", status: "unresponsive" },
  ],
  agent_refused: [
    () => new Life().online(),
    () => ({ code: "wrong_droplet", droplet_id: 7 }),
    { flags: ["wrong_droplet"], refused_droplets: [7] },
  ],
  credential_revoked: [
    () => new Life().online(),
    () => ({}),
    { agent: null, revoked_credentials: ["c".repeat(64)], intents: [{ token_state: "killed" }] },
  ],
  credential_rotated: [
    () => new Life().online(),
    () => ({ credential_sha256: "d".repeat(64) }),
    {
      agent: { credential_sha256: "d".repeat(64), rotated_from: "c".repeat(64), boot_id: "b1" },
      revoked_credentials: ["c".repeat(64)],
      presence: "heard",
      status: "online",
    },
  ],
  stage_reported: [
    () => new Life().made(),
    () => ({ stage: "node", detail: null }),
    { stage: { stage: "node", at: START, count: 1 } },
  ],
  flag_raised: [() => new Life(), () => ({ flag: "f", detail: "d" }), { flags: ["f"] }],
  security_acknowledged: [
    () =>
      new Life().tell(
        { kind: "agent_refused", data: { code: "wrong_droplet", droplet_id: 7 } },
        { kind: "flag_raised", data: { flag: "f", detail: "d" } },
      ),
    () => ({ flags: ["wrong_droplet"], reason: "seen" }),
    { flags: ["f"], refused_droplets: [] },
  ],

  config_published: [
    () => new Life().online(),
    () => ({ config: C2, paper_mode: false, restored_from: null }),
    { config: { desired: C2, applied: C1 }, paper_mode: false },
  ],
  config_delivered: [
    () => new Life().online().published(),
    (life) => ({ config: life.bot.config.desired }),
    { config: { delivered: true } },
  ],
  wind_down_ended: [
    () => new Life().online().requested("pause"),
    () => ({ how: "stopped" }),
    { operation: { kind: "pause", wound_down: true } },
  ],
  workload_ready: [
    () =>
      new Life()
        .online()
        .silent()
        .tell({ kind: "agent_heard", data: { via: "http", starting: true } }),
    () => ({}),
    { starting_since: null, status: "online" },
  ],
  workload_not_ready: [
    () =>
      new Life()
        .online()
        .silent()
        .tell({ kind: "agent_heard", data: { via: "http", starting: true } }),
    () => ({ detail: "why" }),
    { status: "error", reason: "workload_not_ready", error: { code: "workload_not_ready", detail: "why" } },
  ],
  workload_crashed: [
    () => new Life().online(),
    () => ({ count: 3, first_at: START, last_at: START + SECOND, reason: "exit code 1" }),
    { status: "online", crashes: { first_at: START, count: 3, told_at: expect.any(Number) } },
  ],
  runs_aborted: [() => new Life().online(), () => ({ count: 2 }), { status: "online" }],
  config_applied: [
    () => new Life().online(),
    () => ({ config: C2 }),
    { config: { applied: C2, effective: C2, last_good: C2, failed: null } },
  ],
  config_effective: [
    () => new Life().online(),
    () => ({ config: C2 }),
    { config: { applied: C1, effective: C2, last_good: C1 } },
  ],
  config_failed: [
    () => new Life().online(),
    () => ({ config: C2, reason: "bad" }),
    { config: { applied: C1, effective: C1, failed: { ...C2, reason: "bad" } } },
  ],
  rolled_back: [
    () => new Life().online().wait(SECOND),
    () => ({ failed_version: 2, reason: "bad", restored_from: 1, version: 3 }),
    {
      config: {
        rolled_back: { failed_version: 2, reason: "bad", restored_from: 1, version: 3, at: START + 151 * SECOND },
      },
    },
  ],
  config_given_up: [
    () => new Life().online(),
    () => ({ config: C1, reason: "bad" }),
    { error: { code: "config_failed", detail: "bad" }, status: "error", reason: "config_failed" },
  ],

  limit_breached: [
    () => new Life().online(),
    () => LOSS,
    {
      breaches: [{ limit: LOSS.limit, value: 7, max: 5, since: START + 150 * SECOND, stopped: false }],
      status: "online",
    },
  ],
  limit_kept_again: [
    () => new Life().online().tell({ kind: "limit_breached", data: LOSS }),
    () => ({ limit: LOSS.limit, value: 1, max: 5 }),
    { breaches: [] },
  ],
  hold_placed: [
    () => new Life().online().tell({ kind: "limit_breached", data: LOSS }),
    () => ({ owner: "breach", reason: LOSS.limit }),
    {
      holds: [{ owner: "breach", reason: LOSS.limit, by: "spawnpoint", since: START + 150 * SECOND, stopped: false }],
      breaches: [{ stopped: true }],
      workload_stopped: true,
      order: "stop",
      status: "online",
      reason: "held_by_breach",
    },
  ],
  hold_released: [
    () => new Life().online().held(),
    () => ({ owner: "breach", reason: "seen" }),
    { holds: [], workload_stopped: false, start_held: false, order: "run", reason: null },
  ],

  snapshot: [
    () => new Life().online(),
    (life) => ({ bot: life.bot }),
    { status: "online", reason: null, config: { applied: C1 }, adopted: 1001, generation: 1 },
  ],
  destroyed: [
    () => new Life().online().requested("destroy"),
    () => ({}),
    { status: "destroyed", adopted: null, operation: { state: "succeeded" } },
  ],
  secrets_erased: [
    () => new Life().online().requested("destroy"),
    () => ({}),
    { status: "online", secrets_erased_at: START + 150 * SECOND },
  ],
};

describe("what an event changes", () => {
  for (const [kind, [before, data, after]] of Object.entries(EFFECTS)) {
    it(`${kind}`, async ({ expect }) => {
      const life = before();
      const event = { kind, data: data(life) } as EventBody;
      expect(life.tell(event).bot).toMatchObject(after);
    });
  }
});

describe("an operation that has ended", () => {
  const LATER: EventBody[] = [
    { kind: "waiting", data: { reason: "provider_rate_limited" } },
    { kind: "intent_unanswered", data: { ...POST, ended_at: START, detail: "late" } },
    { kind: "intent_refused", data: { ...POST, code: "quota", detail: "late", for_good: false } },
    { kind: "power_refused", data: { ...DROPLET, action: "shutdown", detail: "late" } },
  ];
  it.for(LATER)("stays as it ended: $kind", (event, { expect }) => {
    const life = new Life().online();
    expect(life.tell(event).bot.operation).toMatchObject({ state: "succeeded", last_error: null });
  });
});

function deleteSent(): EventBody {
  return { kind: "droplet_delete_sent", data: DROPLET };
}

function claimed(): EventBody {
  return { kind: "registration_claimed", data: { ...POST, ...DROPLET } };
}
