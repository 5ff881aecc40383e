/** A workload has its time to stop before its droplet is switched off or taken away. */
import { describe, it } from "vitest";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import type { Decision, Telemetry } from "../../../src/bot/reconcile/decision.ts";
import { ackDeadline } from "../../../src/bot/reconcile/rollout.ts";
import { phaseOf } from "../../../src/bot/view/phase.ts";
import type { OperationKind } from "../../../src/wire/enums.ts";
import { HOUR, Life, MINUTE, SECOND } from "./life.ts";

const { wind_down_ms, wind_down_max_ms, ack_deadline_ms } = defaultPolicy;
const stop = { kind: "command_requested", data: { command_id: "c1", kind: "stop" } } as const;

type Workload = Telemetry["workload"];

/** The agent says how its workload is. */
function says(life: Life, state: Workload["state"], wind_down?: Workload["wind_down"]): Life {
  const workload = { state, version: null, restarts: 0, ...(wind_down ? { wind_down } : {}) };
  const telemetry = { at: life.now, agent_version: "1", workload, load: null, mem: null, disk: null };
  life.rt = { ...life.rt, last_seen_at: life.now, telemetry };
  return life;
}

/** Online with a workload that is like this, and an operation just asked for. */
function asked(kind: OperationKind, state: Workload["state"] = "running"): Life {
  const life = says(new Life().online().wait(HOUR).read("active"), state);
  if (kind === "suspend") life.suspending();
  else life.requested(kind);
  return life.called(`get_droplet:${life.droplet.id}`);
}

function does(decision: Decision): string {
  if ("do" in decision) return decision.do.kind;
  if ("record" in decision) return decision.record.kind;
  return "wait" in decision ? decision.for : "something else";
}

describe("an operation that stops a workload", () => {
  const NEXT = {
    pause: "power",
    suspend: "power",
    redeploy: "credential_revoked",
    destroy: "credential_revoked",
  } as const;
  for (const [kind, next] of Object.entries(NEXT) as [keyof typeof NEXT, string][]) {
    it(`${kind}: waits for it, no longer than its deadline, then goes on to ${next}`, ({ expect }) => {
      const life = asked(kind);
      const ends_at = life.now + wind_down_ms;
      expect(life.decide()).toEqual({ wait: ends_at, for: "wind_down" });
      expect(phaseOf(life.bot, life.decide())).toBe("stopping_workload");
      life.wait(wind_down_ms);
      expect(life.decide()).toEqual({ record: { kind: "wind_down_ended", data: { how: "deadline" } } });
      life.tell({ kind: "wind_down_ended", data: { how: "deadline" } });
      expect(does(life.decide())).toBe(next);
    });
  }

  const AT_ONCE: [situation: string, life: () => Life][] = [
    ["its workload is stopped", () => asked("pause", "stopped")],
    ["its workload has failed", () => asked("pause", "failed")],
    ["its workload was said to have stopped", () => says(asked("pause").wait(20 * SECOND), "stopped")],
    ["it was forced", () => asked("pause").tell({ kind: "wind_down_ended", data: { how: "forced" } })],
    ["its agent has said nothing yet", () => new Life().online().read("active").requested("pause")],
  ];
  for (const [situation, life] of AT_ONCE) {
    it(`does not wait where ${situation}`, ({ expect }) => {
      const now = life();
      now.called(`get_droplet:${now.droplet.id}`);
      expect(does(now.decide())).toBe("power");
    });
  }

  it("does not wait again for whom a person had told to stop long ago", ({ expect }) => {
    const life = says(new Life().online().tell(stop).wait(HOUR).read("active"), "stopping").requested("pause");
    life.called(`get_droplet:${life.droplet.id}`);
    expect(does(life.decide())).toBe("wind_down_ended");
  });

  it("does not wait for an agent that is silent, nor where a heal replaces the droplet", ({ expect }) => {
    const life = says(new Life().online().wait(HOUR), "running").silent().requested("destroy");
    expect(does(life.decide())).toBe("credential_revoked");
    const heals = says(new Life().online().wait(HOUR), "running").requested("heal");
    heals.tell({ kind: "replacement_begun", data: { operation_id: heals.bot.operation.id, why: "silent" } });
    expect(does(heals.decide())).toBe("credential_revoked");
  });

  const ASKED: [what: string, ends_in_s: number, takes_ms: number][] = [
    ["no more than it has anyway", 60, wind_down_ms],
    ["five minutes, and is late", 300, 300 * SECOND],
    ["an hour: no longer than the bound", 3600, wind_down_max_ms],
  ];
  for (const [what, ends_in_s, takes_ms] of ASKED) {
    it(`gives the time that the agent asks for: ${what}`, ({ expect }) => {
      const life = asked("pause");
      const ordered_at = life.now;
      while (does(life.decide()) === "wind_down") {
        const left_s = ends_in_s - (life.now - ordered_at) / SECOND;
        says(life.wait(5 * SECOND), "stopping", { rung: "drain", ends_in_s: Math.max(0, left_s - 5) });
      }
      expect(does(life.decide())).toBe("wind_down_ended");
      expect(life.now - ordered_at).toBeGreaterThanOrEqual(Math.min(takes_ms, wind_down_max_ms));
      expect(life.now - ordered_at).toBeLessThanOrEqual(takes_ms + 45 * SECOND);
    });
  }

  it("waits no longer for an agent that has fallen silent", ({ expect }) => {
    const life = asked("pause").wait(5 * SECOND);
    life.rt = { ...life.rt, channel_closed_at: life.now };
    const silent_at = life.now + defaultPolicy.closed_silent_after_ms;
    expect(life.decide()).toEqual({ wait: silent_at, for: "wind_down" });
  });

  it("waits anew for nobody where another operation takes over and the time is up", ({ expect }) => {
    const life = asked("pause").wait(wind_down_ms);
    life.tell({ kind: "wind_down_ended", data: { how: "deadline" } }).requested("destroy");
    expect(life.bot.operation.wound_down).toBe(false);
    expect(life.decide()).toMatchObject({ record: { data: { how: "deadline" } } });
  });
});

describe("the deadline of an acknowledgement", () => {
  it("counts from the end of the workload that ran before", ({ expect }) => {
    const life = new Life().online().wait(HOUR).published().delivered();
    const at = () => ackDeadline({ bot: life.bot, rt: life.rt, now: life.now, policy: defaultPolicy });
    const delivered_at = life.now;
    says(life.wait(5 * SECOND), "running");
    expect(at()).toBe(delivered_at + ack_deadline_ms);
    says(life, "stopping", { rung: "drain", ends_in_s: 65 });
    expect(at()).toBe(life.now + (65 + 45) * SECOND + ack_deadline_ms);
    says(life, "stopping", { rung: "drain", ends_in_s: 3600 });
    expect(at()).toBe(delivered_at + 13 * MINUTE + ack_deadline_ms);
  });
});
