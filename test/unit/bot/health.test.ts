import { describe, it } from "vitest";
import type { Runtime } from "../../../src/bot/reconcile/decision.ts";
import { healthOf } from "../../../src/bot/view/health.ts";
import { Life, START } from "./life.ts";
import { summaryOf } from "./said.ts";

const WORKLOAD = { state: "running", version: null, restarts: 0 };
const refused = { kind: "agent_refused", data: { code: "wrong_droplet", droplet_id: 9 } } as const;

/** The agent has said what its workload does. */
function telling(life: Life, state = "running", degraded?: string[]): Life {
  const workload = { ...WORKLOAD, state, ...(degraded ? { degraded } : {}) };
  life.rt = {
    ...life.rt,
    telemetry: { at: life.now, agent_version: "1", workload, load: null, mem: null, disk: null },
  };
  return life;
}

describe("who of a bot is heard", () => {
  const TABLE: [situation: string, life: () => Life, agent: string, workload: string][] = [
    ["before its droplet", () => new Life(), "never", "unknown"],
    ["an agent that said nothing of its workload yet", () => new Life().online(), "heard", "unknown"],
    ["online", () => telling(new Life().online()), "heard", "running"],
    ["online, crashed", () => telling(new Life().online(), "crashed"), "heard", "crashed"],
    ["silent: what it said last is no news", () => telling(new Life().online()).silent(), "silent", "unknown"],
    ["paused", () => telling(new Life().paused()), "never", "stopped"],
    ["being paused", () => telling(new Life().online()).requested("pause"), "heard", "running"],
    ["suspended without a droplet", () => new Life().suspending().succeeded(), "never", "stopped"],
    ["another machine speaks for it", () => new Life().made().tell(refused), "refused", "unknown"],
    ["another machine speaks, too", () => telling(new Life().online()).tell(refused), "heard", "running"],
    ["destroyed", () => new Life().online().destroyed(), "never", "stopped"],
    [
      "destroyed by force",
      () =>
        new Life()
          .made()
          .requested("destroy")
          .tell({ kind: "destroyed", data: { forced: true } }),
      "never",
      "unknown",
    ],
  ];
  for (const [situation, life, agent, workload] of TABLE) {
    it(`${situation}: ${agent}, workload ${workload}`, ({ expect }) => {
      const { bot, rt } = life();
      expect(healthOf(bot, rt)).toMatchObject({ agent, workload });
    });
  }
});

const stopped = { kind: "command_requested", data: { command_id: "c1", kind: "stop" } } as const;

const FULL = "disk full (no inodes left)";

describe("what a workload is not ready for any more", () => {
  const TABLE: [situation: string, life: () => Life, degraded: string[]][] = [
    ["an agent that says nothing of it", () => telling(new Life().online()), []],
    ["nothing", () => telling(new Life().online(), "running", []), []],
    ["channels", () => telling(new Life().online(), "running", ["channels"]), ["channels"]],
    ["what it said last is no news", () => telling(new Life().online(), "running", ["channels"]).silent(), []],
    ["a workload that has crashed", () => telling(new Life().online(), "crashed", ["channels"]), ["restarting"]],
    ["a workload that starts anew", () => telling(new Life().online(), "starting"), ["restarting"]],
    ["a full disk, whatever the workload does", () => telling(new Life().online(), "stopped", [FULL]), [FULL]],
    [
      "a full disk and a crash",
      () => telling(new Life().online(), "crashed", [FULL, "channels"]),
      ["restarting", FULL],
    ],
    [
      "a full disk of which nothing is heard any more",
      () => telling(new Life().online(), "running", [FULL]).silent(),
      [],
    ],
    ["a workload that has failed", () => telling(new Life().online(), "failed"), ["failed"]],
    ["a workload that does not run", () => telling(new Life().online(), "stopped", ["channels"]), []],
    ["one that crashed as it was stopped", () => telling(new Life().online().tell(stopped), "crashed"), []],
    ["one that crashed and was not heard since", () => telling(new Life().online(), "crashed").silent(), []],
  ];
  for (const [situation, life, degraded] of TABLE) {
    it(`${situation}: ${degraded.join() || "none"}`, ({ expect }) => {
      const lived = life();
      expect(healthOf(lived.bot, lived.rt).degraded).toEqual(degraded);
      const lost = degraded.filter((name) => name !== FULL);
      const runs = lost.join() === "channels" ? "running, but not ready" : "not ready";
      expect(summaryOf(lived).includes(`OpenClaw is ${runs}: ${lost.join()}.`)).toBe(lost.length > 0);
      expect(summaryOf(lived).includes(`The droplet reports: ${FULL}.`)).toBe(degraded.includes(FULL));
    });
  }
});

describe("the channel", () => {
  const TABLE: [facts: Partial<Runtime>, state: string, since: number | null][] = [
    [{}, "never", null],
    [{ channel: null, channel_closed_at: null }, "never", null],
    [{ channel: { opened_at: START, heard_at: START } }, "open", START],
    [{ channel: { opened_at: START, heard_at: START }, channel_closed_at: START - 1 }, "open", START],
    [{ channel: null, channel_closed_at: START }, "closed", START],
    [{ channel: null, channel_lost_at: START }, "closed", START],
    [{ channel: null, channel_closed_at: START, channel_lost_at: START - 1 }, "closed", START],
    [{ channel: { opened_at: START, heard_at: START }, channel_lost_at: START - 1 }, "open", START],
  ];
  for (const [facts, channel, channel_since] of TABLE) {
    it(`is ${channel}, whoever is heard: ${JSON.stringify(facts)}`, ({ expect }) => {
      for (const { bot, rt } of [new Life().online(), new Life().online().silent()]) {
        expect(healthOf(bot, { ...rt, ...facts })).toMatchObject({ channel, channel_since });
      }
    });
  }
});
