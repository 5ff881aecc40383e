import { describe, it } from "vitest";
import { stepOf } from "../../../src/bot/model/status.ts";
import { Life, MINUTE, SECOND } from "./life.ts";

const waiting = { kind: "waiting", data: { reason: "provider_quota" } } as const;
const configFailed = { kind: "config_failed", data: { config: { id: "c9", version: 9 }, reason: "bad" } } as const;
const heard = { kind: "agent_heard", data: { via: "http" } } as const;
const held = { kind: "agent_booted", data: { boot_id: "b2", expected: false } } as const;

describe("the status that a person reads", () => {
  const TABLE: [situation: string, life: () => Life, status: string, reason: string | null, by: string][] = [
    ["accepted", () => new Life(), "pending", "accepted", "spawnpoint"],
    ["held up before its droplet", () => new Life().tell(waiting), "pending", "provider_quota", "spawnpoint"],
    ["a POST under way", () => new Life().posted(), "provisioning", "create", "spawnpoint"],
    ["a POST refused for now", () => refused(), "pending", "provider_quota", "spawnpoint"],
    ["a droplet of its own", () => new Life().made(), "provisioning", "create", "provider"],
    ["an active droplet", () => new Life().made().read("active"), "provisioning", "create", "provider"],
    ["a registered agent", () => new Life().made().read("active").registered(), "provisioning", "create", "provider"],
    ["an applied config", () => new Life().made().read("active").registered().applied(), "online", null, "heartbeat"],
    ["online", () => new Life().online(), "online", null, "heartbeat"],
    ["online, a config failed", () => new Life().online().tell(configFailed), "online", "config_failed", "heartbeat"],
    ["online, its start held", () => new Life().online().tell(held), "online", "start_held", "heartbeat"],
    ["silent", () => new Life().online().silent(), "unresponsive", "heartbeat_missed", "deadline"],
    ["silent and off", () => new Life().online().silent().read("off"), "unresponsive", "droplet_off", "deadline"],
    ["silent and gone", () => new Life().online().silent().gone(), "unresponsive", "droplet_gone", "deadline"],
    ["being suspended", () => new Life().online().suspending(), "online", "suspend", "heartbeat"],
    ["off, its suspend not yet confirmed", () => stopping().read("off"), "online", "suspend", "heartbeat"],
    ["suspended", () => new Life().suspended("unpaid"), "suspended", "unpaid", "provider"],
    [
      "suspended without a droplet",
      () => new Life().suspending("unpaid").succeeded(),
      "suspended",
      "unpaid",
      "provider",
    ],
    [
      "suspended, its droplet gone since",
      () => new Life().suspended("unpaid").gone(),
      "suspended",
      "unpaid",
      "provider",
    ],
    ["paused, being suspended", () => new Life().paused().suspending(), "paused", "suspend", "provider"],
    [
      "paused, suspended",
      () => new Life().paused().suspending("unpaid").succeeded(),
      "suspended",
      "unpaid",
      "provider",
    ],
    ["a suspend that gave up", () => stopping().failed("power_off_failed"), "error", "power_off_failed", "spawnpoint"],
    [
      "suspended, being destroyed",
      () => new Life().suspended().requested("destroy"),
      "suspended",
      "destroy",
      "provider",
    ],
    [
      "suspended, switched on by hand",
      () => new Life().suspended().tell(heard).read("active"),
      "online",
      null,
      "heartbeat",
    ],
    [
      "suspended before it had a droplet, a destroy taken back",
      () => destroyTakenBack(),
      "suspended",
      "unpaid",
      "provider",
    ],
    ["unsuspended, to be resumed", () => unsuspended("resume"), "paused", "resume", "provider"],
    [
      "unsuspended, on again",
      () => unsuspended("resume").powered("power_on").read("active"),
      "provisioning",
      "resume",
      "provider",
    ],
    [
      "unsuspended, paused before",
      () => new Life().paused().suspending().succeeded().unsuspended(),
      "paused",
      "pause",
      "provider",
    ],
    ["unsuspended, paused before, its droplet gone since", () => pausedAndGone(), "paused", "droplet_gone", "provider"],
    ["being paused", () => new Life().online().requested("pause"), "online", "pause", "heartbeat"],
    ["off, its pause not yet confirmed", () => shuttingDown().read("off"), "online", "pause", "heartbeat"],
    ["paused", () => new Life().paused(), "paused", "pause", "provider"],
    ["being resumed, still off", () => new Life().paused().requested("resume"), "paused", "resume", "provider"],
    ["being resumed, on again", () => resuming().read("active"), "provisioning", "resume", "provider"],
    [
      "switched on by another hand",
      () => new Life().paused().tell(heard).read("active"),
      "online",
      "start_held",
      "heartbeat",
    ],
    [
      "being taken down for a redeploy",
      () => new Life().online().requested("redeploy"),
      "provisioning",
      "redeploy",
      "spawnpoint",
    ],
    [
      "redeployed, before its droplet",
      () => new Life().online().requested("redeploy").gone().recreating(),
      "pending",
      "redeploy",
      "spawnpoint",
    ],
    ["given up", () => new Life().failed(), "error", "create_failed", "spawnpoint"],
    ["being destroyed", () => new Life().online().requested("destroy"), "online", "destroy", "heartbeat"],
    ["destroyed", () => new Life().online().destroyed(), "destroyed", "droplet_confirmed_gone", "provider"],
    ["cancelled before it had a droplet", () => new Life().cancelled(), "error", "cancelled", "spawnpoint"],
  ];

  for (const [situation, life, status, reason, confirmed_by] of TABLE) {
    it(`${situation}: ${status} because of ${reason ?? "nothing in particular"}`, async ({ expect }) => {
      expect(life().bot).toMatchObject({ status, reason, confirmed_by });
    });
  }
});

describe("since when", () => {
  it("moves when the status does", async ({ expect }) => {
    const life = new Life().online();
    const online = life.now;
    expect(life.bot.since).toBe(online);
    life.wait(5 * MINUTE).silent();
    expect(life.bot.since).toBe(online + 5 * MINUTE);
  });

  it("stays when only the reason moves", async ({ expect }) => {
    const life = new Life().online();
    const online = life.now;
    life.wait(MINUTE).tell(held);
    expect(life.bot).toMatchObject({
      status: "online",
      reason: "start_held",
      since: online,
      updated_at: online + MINUTE,
    });
  });
});

describe("the step of the work under way", () => {
  const TABLE: [situation: string, life: () => Life, step: string | null][] = [
    ["nothing begun", () => new Life(), "accepted"],
    ["a POST under way", () => new Life().posted(), "requesting_droplet"],
    ["a POST without an answer", () => new Life().posted().unanswered(), "confirming_create"],
    ["a droplet that is new", () => new Life().made(), "waiting_for_droplet"],
    [
      "a droplet that is active without an address",
      () => new Life().made().read("active", null),
      "waiting_for_droplet",
    ],
    ["a bootstrap that says nothing", () => new Life().made().read("active"), "waiting_for_agent"],
    ["a bootstrap that says where it is", () => new Life().made().read("active").tell(stage("node")), "bootstrap_node"],
    ["an agent that is heard", () => new Life().made().read("active").registered(), "waiting_for_config"],
    ["a failed try", () => new Life().made().tell(attemptFailed), "deleting_droplet"],
    ["a failed try, its DELETE sent", () => new Life().made().tell(attemptFailed, deleteSent), "confirming_deletion"],
    ["a shutdown", () => shuttingDown(), "shutting_down"],
    ["a power-off", () => shuttingDown().powered("power_off"), "powering_off"],
    ["a power-on", () => resuming(), "powering_on"],
    ["a destroy", () => destroying(), "deleting_droplet"],
    ["a destroy, its DELETE sent", () => destroying().tell(deleteSent), "confirming_deletion"],
    ["a destroy, its droplet gone", () => destroying().gone(), "confirming_deletion"],
    ["a suspend", () => stopping(), "shutting_down"],
    ["a suspend of a droplet that is still made", () => midCreate(), "waiting_for_droplet"],
    ["a suspend, the redeploy's DELETE sent", () => midRedeploy(), "confirming_deletion"],
    ["a suspend, a POST without an answer", () => unansweredThenSuspended(), "confirming_create"],
    ["nothing under way", () => new Life().online(), null],
  ];

  for (const [situation, life, step] of TABLE) {
    it(`${situation}: ${step ?? "none"}`, async ({ expect }) => {
      expect(stepOf(life().bot)).toBe(step);
    });
  }
});

const attemptFailed = {
  kind: "attempt_failed",
  data: { operation_id: "operation-1", code: "droplet_not_active", detail: "too late" },
} as const;
const deleteSent = { kind: "droplet_delete_sent", data: { droplet_id: 1001 } } as const;

function stage(name: string) {
  return { kind: "stage_reported", data: { stage: name, detail: null } } as const;
}

function refused(): Life {
  const life = new Life().posted();
  const data = { intent_id: life.intentId, code: "quota", detail: "too many", for_good: false };
  return life.tell({ kind: "intent_refused", data }, waiting);
}

function stopping(): Life {
  return new Life()
    .online()
    .wait(10 * SECOND)
    .suspending()
    .powered("shutdown");
}

function midCreate(): Life {
  return new Life().made().suspending();
}

function midRedeploy(): Life {
  return new Life().online().requested("redeploy").suspending().tell(deleteSent);
}

function unansweredThenSuspended(): Life {
  return new Life().posted().unanswered().suspending();
}

function destroyTakenBack(): Life {
  return new Life().suspending("unpaid").succeeded().requested("destroy").cancelled();
}

function unsuspended(next: "resume"): Life {
  return new Life().suspended().unsuspended().requested(next);
}

function pausedAndGone(): Life {
  return new Life().paused().suspending().gone().succeeded().unsuspended();
}

function shuttingDown(): Life {
  return new Life()
    .online()
    .wait(10 * SECOND)
    .requested("pause")
    .powered("shutdown");
}

function resuming(): Life {
  return new Life()
    .paused()
    .wait(10 * SECOND)
    .requested("resume")
    .powered("power_on");
}

function destroying(): Life {
  return new Life().online().requested("destroy").tell({ kind: "credential_revoked", data: {} });
}
