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
    [{ name: "Day Owl" }, "Changed: its name is Day Owl."],
    [
      { persona: "quant_lite", policies: { healing: "off", start: null } },
      "Changed: its persona is quant lite; its healing is off; its start is as its paper mode says.",
    ],
  ],
  operation_requested: [
    [{ ...OPERATION, kind: "pause" }, "A pause was asked for."],
    [{ ...OPERATION, kind: "heal" }, "Its healing began."],
    [{ ...OPERATION, kind: "resume", why: "unsuspended" }, "As its suspension is over, a resume follows."],
  ],
  operation_succeeded: [[OPERATION, "What was under way has been done."]],
  operation_failed: [
    [{ ...OPERATION, code: "x", detail: "Not done in time" }, "What was under way was given up: Not done in time."],
  ],
  operation_cancelled: [[{ ...OPERATION, why: "asked for" }, "What was under way was cancelled: asked for."]],
  attempt_failed: [
    [{ ...OPERATION, code: "x", detail: "Too late." }, "This try failed and its droplet is given up: Too late."],
  ],
  waiting: [
    [{ reason: "provider_quota" }, "The work is held up: DigitalOcean's limit of droplets is reached."],
    [{ reason: null }, "What held the work up is over."],
  ],
  replacement_begun: [
    [{ ...OPERATION, why: "still silent" }, "Its droplet is given up and another takes its place: still silent."],
  ],
  generation_started: [[{ generation: 2, why: "redeploy" }, "Generation 2 begins: it gets a new droplet."]],
  suspended: [[{ reason: "payment_failed" }, "It was suspended: payment failed."]],
  unsuspended: [[{}, "Its suspension was taken away."]],
  command_requested: [
    [{ command_id: "c", kind: "restart" }, "Its workload is to be restarted."],
    [{ command_id: "c", kind: "dance" }, "Its agent is to dance."],
  ],
  command_ended: [
    [
      { command_id: "c", kind: "restart", ok: true, detail: null, left: false },
      "Its agent has done what it was told (restart).",
    ],
    [
      { command_id: "c", kind: "collect_logs", ok: false, detail: "expired", left: false },
      "Its agent did not collect logs: expired.",
    ],
  ],
  snapshot: [
    [{ bot: new Life().bot }, "What it is was written down as a whole, so that its oldest history can be forgotten."],
  ],

  intent_unanswered: [
    [{ intent_id: "i", ended_at: 1, detail: "timeout" }, "Whether the droplet was made is not known: timeout."],
  ],
  intent_looked: [
    [{ intent_id: "i", how: "name", began_at: 1, found: [] }, "Its droplet was looked for by its name: none found."],
    [
      { intent_id: "i", how: "list", began_at: 1, found: [7, 8] },
      "Its droplet was looked for in the whole list: 2 found.",
    ],
  ],
  intent_adopted: [
    [{ intent_id: "i", droplet: DROPLET, via: "post" }, "Droplet 7 was made."],
    [{ intent_id: "i", droplet: DROPLET, via: "look" }, "Droplet 7 was found to be the one that was asked for."],
  ],
  intent_refused: [
    [
      { intent_id: "i", code: "rate_limited", detail: "provider_rate_limited", for_good: false },
      "DigitalOcean refused the droplet: DigitalOcean's rate limit is reached.",
    ],
  ],
  intent_absent: [[{ intent_id: "i" }, "The droplet that was asked for was not made."]],

  droplet_found: [[{ droplet: DROPLET, via: "sweep" }, "Droplet 7 was found, which should not exist; it goes."]],
  droplet_observed: [
    [{ droplet: { ...DROPLET, status: "off" }, via: "id" }, "Droplet 7 is off."],
    [
      { droplet: { ...DROPLET, status: "active", ip_address: "203.0.113.7" }, via: "id" },
      "Droplet 7 is active at 203.0.113.7.",
    ],
  ],
  droplet_delete_sent: [[{ droplet_id: 7 }, "Droplet 7 is being deleted."]],
  droplet_delete_ended: [
    [{ droplet_id: 7, outcome: "ok", accepted: true }, "The deletion of droplet 7 was taken on."],
    [{ droplet_id: 7, outcome: "busy", accepted: false }, "The deletion of droplet 7 was refused: busy."],
  ],
  droplet_missing: [
    [{ droplet_id: 7, how: "id", began_at: 1 }, "Droplet 7 was looked for by its number and is not there."],
    [{ droplet_id: 7, how: "tag", began_at: 1 }, "Droplet 7 was looked for by the bot's tag and is not there."],
  ],
  droplet_gone: [[{ droplet_id: 7 }, "Droplet 7 is confirmed gone."]],
  power_sent: [[{ droplet_id: 7, action: "power_cycle" }, "Droplet 7 is being switched off and on."]],
  power_refused: [
    [{ droplet_id: 7, action: "power_on", detail: "busy" }, "A power on of droplet 7 was refused: busy."],
  ],

  registration_claimed: [
    [{ intent_id: "i", droplet_id: 7 }, "An agent came from droplet 7, which is being confirmed."],
  ],
  claim_dropped: [
    [{ droplet_id: 7, why: "missing" }, "Droplet 7, from which an agent came, is not there."],
    [{ droplet_id: 7, why: "foreign" }, "Droplet 7, from which an agent came, is not this bot's."],
  ],
  agent_registered: [
    [{ intent_id: "i", credential_sha256: "c", droplet_id: 7, boot_id: "b" }, "The agent on droplet 7 registered."],
  ],
  agent_booted: [
    [{ boot_id: "b", expected: true }, "The agent's machine has booted."],
    [
      { boot_id: "b", expected: false },
      "The agent's machine has booted unexpectedly: its workload waits for a person.",
    ],
  ],
  agent_heard: [[{ via: "http" }, "The agent was heard again."]],
  agent_silent: [[{ last_seen_at: 1 }, "The agent has fallen silent."]],
  agent_refused: [[{ code: "wrong_droplet", droplet_id: 7 }, "An agent on droplet 7 was refused: wrong droplet."]],
  credential_revoked: [[{}, "The agent's credential was revoked."]],
  credential_rotated: [[{ credential_sha256: "d" }, "The agent has a new credential, and the one before was revoked."]],
  stage_reported: [
    [{ stage: "openclaw", detail: null }, "Setting up has come to: openclaw."],
    [{ stage: "failed", detail: "npm said no" }, "Setting up has come to: failed, npm said no."],
  ],
  flag_raised: [[{ flag: "f", detail: "droplet 7 is odd" }, "A person should look: droplet 7 is odd."]],
  security_acknowledged: [
    [
      { flags: ["wrong_droplet", "duplicate_agent"], reason: "it was a drill" },
      "A person has looked at what was flagged (wrong droplet, duplicate agent): it was a drill.",
    ],
  ],

  config_published: [
    [{ config: C4, paper_mode: true, restored_from: null }, "Config 4 was published."],
    [{ config: C4, paper_mode: true, restored_from: 3 }, "Config 4 was published with the content of config 3."],
  ],
  config_applied: [[{ config: C4 }, "Config 4 was applied."]],
  config_effective: [[{ config: C3 }, "The agent runs config 3, which is not the desired one."]],
  config_delivered: [[{ config: C4 }, "Config 4 was handed to the agent."]],
  config_failed: [[{ config: C4, reason: "exit 78" }, "Config 4 failed: exit 78."]],
  rolled_back: [
    [
      { failed_version: 4, version: 5, restored_from: 3, reason: "exit 78" },
      "Config 4 was taken back: config 5 has the content of config 3 again.",
    ],
  ],
  config_given_up: [
    [{ config: C4, reason: "exit 78" }, "Config 4 was given up, and there is none to go back to: exit 78."],
  ],

  destroyed: [
    [{}, "It was destroyed; nothing is left."],
    [{ forced: true }, "It was destroyed by force: what may be left is not confirmed gone."],
  ],
  secrets_erased: [[{}, "Its secrets were erased from every config version."]],
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
    expect(sentenceOf(accepted)).toBe("Night Owl was accepted; its droplet is to be made.");
    const [, opened] = new Life().posted().history;
    if (opened === undefined) throw new Error("a POST is an event");
    expect(sentenceOf(opened)).toMatch(/^A droplet named sp-00c0ffee-[0-9a-f]{32}-g1 is being asked for\.$/);
  });

  it("says so where the kind is one of a later release", ({ expect }) => {
    const later = { kind: "moon_landed", data: { where: 1 } } as unknown as EventBody;
    expect(sentenceOf(later)).toBe("Something that this release has no words for: moon landed.");
  });

  it("is cut where what somebody else wrote is very long", ({ expect }) => {
    const data = { flag: "f", detail: "x".repeat(5_000) };
    expect(sentenceOf({ kind: "flag_raised", data }).length).toBeLessThan(400);
  });
});
