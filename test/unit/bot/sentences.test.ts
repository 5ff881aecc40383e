import { describe, it } from "vitest";
import type { EventBody, EventKind } from "../../../src/bot/model/events.ts";
import { sentenceOf } from "../../../src/bot/view/sentences.ts";
import { Life } from "./life.ts";

type Said = { [K in EventKind]: [data: Extract<EventBody, { kind: K }>["data"], sentence: string][] };

const DROPLET = new Life().facts({ id: 7 });
const OPERATION = { operation_id: "o1" };
const [C3, C4] = [
  { id: "c3", version: 3 },
  { id: "c4", version: 4 },
];
const [accepted] = new Life().history;

const SAID: Omit<Said, "accepted" | "intent_opened"> = {
  changed: [
    [{ name: "Day Owl" }, "Changed: name is Day Owl."],
    [
      { persona: "quant_lite", policies: { healing: "off", start: null } },
      "Changed: persona is quant lite; healing is off; start is as paper mode requires.",
    ],
  ],
  operation_requested: [
    [{ ...OPERATION, kind: "pause" }, "Pause requested."],
    [{ ...OPERATION, kind: "heal" }, "Healing started."],
    [{ ...OPERATION, kind: "resume", why: "unsuspended" }, "Suspension lifted: resume started."],
  ],
  operation_succeeded: [[OPERATION, "Operation succeeded."]],
  operation_failed: [[{ ...OPERATION, code: "x", detail: "Not done in time" }, "Operation failed: Not done in time."]],
  operation_cancelled: [[{ ...OPERATION, why: "asked for" }, "Operation cancelled: requested."]],
  attempt_failed: [
    [{ ...OPERATION, code: "x", detail: "Too late." }, "Attempt failed, its droplet will be deleted: Too late."],
  ],
  waiting: [
    [{ reason: "provider_quota" }, "Waiting: DigitalOcean's droplet limit is reached."],
    [{ reason: null }, "No longer waiting."],
  ],
  replacement_begun: [[{ ...OPERATION, why: "still silent" }, "Replacing the droplet: still silent."]],
  generation_started: [[{ generation: 2, why: "redeploy" }, "Generation 2 started, with a new droplet."]],
  suspended: [[{ reason: "payment_failed" }, "Suspended: payment failed."]],
  unsuspended: [[{}, "Suspension lifted."]],
  command_requested: [
    [{ command_id: "c", kind: "restart" }, "Workload restart requested."],
    [{ command_id: "c", kind: "dance" }, "Command requested: dance."],
  ],
  command_ended: [
    [{ command_id: "c", kind: "restart", ok: true, detail: null, left: false }, "Command succeeded: restart."],
    [
      { command_id: "c", kind: "collect_logs", ok: false, detail: "expired", left: false },
      "Command failed (collect logs): expired.",
    ],
  ],
  snapshot: [[{ bot: new Life().bot }, "State snapshot taken."]],

  intent_unanswered: [
    [{ intent_id: "i", ended_at: 1, detail: "timeout" }, "Unknown whether the droplet was created: timeout."],
  ],
  intent_looked: [
    [{ intent_id: "i", how: "name", began_at: 1, found: [] }, "Searched for the droplet by name: none found."],
    [
      { intent_id: "i", how: "list", began_at: 1, found: [7, 8] },
      "Searched for the droplet in the full list: 2 found.",
    ],
  ],
  intent_adopted: [
    [{ intent_id: "i", droplet: DROPLET, via: "post" }, "Droplet 7 was created."],
    [{ intent_id: "i", droplet: DROPLET, via: "look" }, "Droplet 7 was found; it is the requested one."],
  ],
  intent_refused: [
    [
      { intent_id: "i", code: "rate_limited", detail: "provider_rate_limited", for_good: false },
      "DigitalOcean refused to create the droplet: DigitalOcean's rate limit is reached.",
    ],
  ],
  intent_absent: [[{ intent_id: "i" }, "The requested droplet was not created."]],

  droplet_found: [[{ droplet: DROPLET, via: "sweep" }, "Found droplet 7, which should not exist. It will be deleted."]],
  droplet_observed: [
    [{ droplet: { ...DROPLET, status: "off" }, via: "id" }, "Droplet 7 is off."],
    [
      { droplet: { ...DROPLET, status: "active", ip_address: "203.0.113.7" }, via: "id" },
      "Droplet 7 is active at 203.0.113.7.",
    ],
  ],
  droplet_delete_sent: [[{ droplet_id: 7 }, "Droplet 7 is being deleted."]],
  droplet_delete_ended: [
    [{ droplet_id: 7, outcome: "ok", accepted: true }, "Deletion of droplet 7 accepted."],
    [{ droplet_id: 7, outcome: "busy", accepted: false }, "Deletion of droplet 7 not accepted: busy."],
  ],
  droplet_missing: [
    [{ droplet_id: 7, how: "id", began_at: 1 }, "Droplet 7 not found by id."],
    [{ droplet_id: 7, how: "tag", began_at: 1 }, "Droplet 7 not found by tag."],
  ],
  droplet_gone: [[{ droplet_id: 7 }, "Droplet 7 is confirmed gone."]],
  power_sent: [[{ droplet_id: 7, action: "power_cycle" }, "Droplet 7 is being power-cycled."]],
  power_refused: [
    [{ droplet_id: 7, action: "power_on", detail: "busy" }, "Power action on droplet 7 refused (power on): busy."],
  ],

  registration_claimed: [
    [{ intent_id: "i", droplet_id: 7 }, "An agent on droplet 7 asked to register; the droplet is being verified."],
  ],
  claim_dropped: [
    [{ droplet_id: 7, why: "missing" }, "Droplet 7, whose agent asked to register, does not exist."],
    [{ droplet_id: 7, why: "foreign" }, "Droplet 7, whose agent asked to register, does not belong to this bot."],
  ],
  agent_registered: [
    [{ intent_id: "i", credential_sha256: "c", droplet_id: 7, boot_id: "b" }, "The agent on droplet 7 registered."],
  ],
  agent_booted: [
    [{ boot_id: "b", expected: true }, "The agent's droplet booted."],
    [
      { boot_id: "b", expected: false },
      "The agent's droplet rebooted unexpectedly. The workload waits for a manual start.",
    ],
  ],
  agent_heard: [[{ via: "http" }, "The agent is responding."]],
  agent_silent: [[{ last_seen_at: 1 }, "The agent stopped responding."]],
  agent_refused: [[{ code: "wrong_droplet", droplet_id: 7 }, "An agent on droplet 7 was refused: wrong droplet."]],
  credential_revoked: [[{}, "Agent credential revoked."]],
  credential_rotated: [[{ credential_sha256: "d" }, "Agent credential rotated. The old credential is revoked."]],
  stage_reported: [
    [{ stage: "openclaw", detail: null }, "Bootstrap stage: openclaw."],
    [{ stage: "failed", detail: "npm said no" }, "Bootstrap stage: failed. npm said no."],
  ],
  flag_raised: [[{ flag: "f", detail: "droplet 7 is odd" }, "Needs attention: droplet 7 is odd."]],
  security_acknowledged: [
    [
      { flags: ["wrong_droplet", "duplicate_agent"], reason: "it was a drill" },
      "Security flags acknowledged (wrong droplet, duplicate agent): it was a drill.",
    ],
  ],

  config_published: [
    [{ config: C4, paper_mode: true, restored_from: null }, "Config 4 published."],
    [{ config: C4, paper_mode: true, restored_from: 3 }, "Config 4 published with the content of config 3."],
  ],
  wind_down_ended: [
    [{ how: "stopped" }, "The workload has stopped."],
    [{ how: "deadline" }, "The workload was not reported as stopped in time; not waiting any longer."],
    [{ how: "forced" }, "Not waiting for the workload to stop, as requested."],
  ],
  workload_ready: [[{}, "OpenClaw is ready."]],
  workload_not_ready: [[{ detail: "It is crashed" }, "Gave up waiting for OpenClaw: It is crashed."]],
  workload_crashed: [
    [
      { count: 1, first_at: 0, last_at: 0, reason: "exit code 1" },
      "OpenClaw crashed and is being restarted: exit code 1.",
    ],
    [{ count: 1, first_at: 0, last_at: 0, reason: null }, "OpenClaw crashed and is being restarted."],
    [
      { count: 14, first_at: 0, last_at: 61_000, reason: "exit code 1" },
      "OpenClaw crashed 14 times between 00:00:00 and 00:01:01 UTC and is being restarted; the last time: exit code 1.",
    ],
    [
      { count: 2, first_at: 0, last_at: 1000, reason: null },
      "OpenClaw crashed 2 times between 00:00:00 and 00:00:01 UTC and is being restarted.",
    ],
  ],
  runs_aborted: [
    [{ count: 1 }, "A run that was interrupted when OpenClaw ended was aborted; it is not resumed."],
    [{ count: 2 }, "2 runs that were interrupted when OpenClaw ended were aborted; they are not resumed."],
  ],
  config_applied: [[{ config: C4 }, "Config 4 applied."]],
  config_effective: [[{ config: C3 }, "The agent runs config 3, which is not the desired one."]],
  config_delivered: [[{ config: C4 }, "Config 4 delivered to the agent."]],
  config_failed: [[{ config: C4, reason: "exit 78" }, "Config 4 failed: exit 78."]],
  rolled_back: [
    [
      { failed_version: 4, version: 5, restored_from: 3, reason: "exit 78" },
      "Config 4 rolled back: config 5 restores config 3.",
    ],
  ],
  config_given_up: [
    [{ config: C4, reason: "exit 78" }, "Config 4 failed, and there is no earlier config to roll back to: exit 78."],
  ],

  limit_breached: [
    [
      { limit: "max_daily_loss_pct", value: 7.25, max: 5, version: 3 },
      "Limit of config 3 passed: the loss of the day in percent is 7.25, the limit 5.",
    ],
  ],
  limit_kept_again: [
    [{ limit: "max_drawdown_pct", value: 4, max: 20 }, "Limit kept again: the drawdown in percent is 4, the limit 20."],
    [
      { limit: "max_position_size_pct", value: null, max: 20 },
      "Limit kept again: the largest position in percent is not reported, the limit 20.",
    ],
  ],
  hold_placed: [
    [
      { owner: "breach", reason: "max_daily_loss_pct, max_trades_per_day" },
      "Workload stopped by a hold (breach): limits passed are the loss of the day in percent and the number of trades of the day. It stays stopped until the hold is lifted.",
    ],
    [
      { owner: "emergency", reason: "a flaw in OpenClaw" },
      "Workload stopped by a hold (emergency): a flaw in OpenClaw. It stays stopped until the hold is lifted.",
    ],
  ],
  hold_released: [[{ owner: "breach", reason: "looked at it" }, "Hold lifted (breach): looked at it."]],

  destroyed: [
    [{}, "Destroyed. All resources are confirmed gone."],
    [{ forced: true }, "Destroyed by force. Remaining resources are not confirmed gone."],
  ],
  secrets_erased: [[{}, "Secrets erased from all config versions."]],
};

describe("what an event says to a person", () => {
  for (const [kind, cases] of Object.entries(SAID)) {
    for (const [data, sentence] of cases) {
      it(`${kind}: ${sentence}`, ({ expect }) => {
        expect(sentenceOf({ kind, data } as EventBody)).toBe(sentence);
      });
    }
  }

  it("names the bot that was accepted, and the droplet that is asked for", ({ expect }) => {
    if (accepted === undefined) throw new Error("a life begins with an event");
    expect(sentenceOf(accepted)).toBe('Bot "Night Owl" accepted. Its droplet will be created.');
    const [, opened] = new Life().posted().history;
    if (opened === undefined) throw new Error("a POST is an event");
    expect(sentenceOf(opened)).toMatch(/^Requesting a droplet named sp-00c0ffee-[0-9a-f]{32}-g1\.$/);
  });

  it("says so where the kind is one of a later release", ({ expect }) => {
    const later = { kind: "moon_landed", data: { where: 1 } } as unknown as EventBody;
    expect(sentenceOf(later)).toBe("Unknown event: moon landed.");
  });

  it("is cut where what somebody else wrote is very long", ({ expect }) => {
    const data = { flag: "f", detail: "x".repeat(5_000) };
    expect(sentenceOf({ kind: "flag_raised", data }).length).toBeLessThan(400);
  });
});
