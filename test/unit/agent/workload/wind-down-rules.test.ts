import { readFileSync } from "node:fs";
import { describe, it } from "vitest";
import { CLOSE_DRAIN_MS } from "../../../../bootstrap/agent/agent.ts";
import { parseSettings } from "../../../../bootstrap/agent/settings.ts";
import {
  KILL_MS,
  type LadderView,
  ladderBudget,
  ladderLeft,
  nextRung,
} from "../../../../bootstrap/agent/workload/wind-down-rules.ts";

const LIMITS = { drain_ms: 60_000, abort_ms: 15_000, stop_ms: 20_000 };
const AT_FIRST: LadderView = { rung: "drain", rung_ms: 0, flight: "unasked", ended: false, forced: false };

describe("the ladder", () => {
  it.for<[string, Partial<LadderView>, string]>([
    ["begins with the drain", {}, "drain"],
    ["waits for what is in flight", { flight: "in_flight", rung_ms: 59_999 }, "drain"],
    ["aborts it at the deadline", { flight: "in_flight", rung_ms: 60_000 }, "abort"],
    ["aborts where no answer came in time", { rung_ms: 60_000 }, "abort"],
    ["ends what has nothing in flight", { flight: "ready" }, "term"],
    ["ends at once what cannot be asked", { flight: "unreachable" }, "term"],
    ["ends at once where it is forced", { flight: "in_flight", forced: true }, "term"],
    ["waits for what was aborted", { rung: "abort", flight: "in_flight", rung_ms: 14_999 }, "abort"],
    ["waits for it no longer than that", { rung: "abort", flight: "in_flight", rung_ms: 15_000 }, "term"],
    ["ends what has been aborted", { rung: "abort", flight: "ready" }, "term"],
    ["does not abort for whoever cannot be asked", { rung: "abort", flight: "unreachable" }, "term"],
    ["is hurried off the abort", { rung: "abort", flight: "in_flight", forced: true }, "term"],
    ["gives SIGTERM its time", { rung: "term", rung_ms: 19_999 }, "term"],
    ["also where it is forced", { rung: "term", rung_ms: 19_999, forced: true }, "term"],
    ["kills at the end of it", { rung: "term", rung_ms: 20_000 }, "kill"],
    ["stays there", { rung: "kill", rung_ms: 99_999 }, "kill"],
    ["is over when the process is, on the drain", { ended: true }, "done"],
    ["is over when the process is, on the last rung", { rung: "kill", ended: true }, "done"],
  ])("%s", ([, view, next], { expect }) => {
    expect(nextRung({ ...AT_FIRST, ...view }, LIMITS)).toBe(next);
  });

  it("knows how long it takes at most, in all and from where it stands", ({ expect }) => {
    expect(ladderBudget(LIMITS)).toBe(95_000 + KILL_MS);
    expect(ladderLeft("drain", 0, LIMITS)).toBe(ladderBudget(LIMITS));
    expect(ladderLeft("abort", 5000, LIMITS)).toBe(30_000 + KILL_MS);
    expect(ladderLeft("kill", 99_000, LIMITS)).toBe(0);
  });
});

describe("all waiting", () => {
  const required = {
    CONTROL_PLANE_URL: "http://127.0.0.1:1",
    BOT_ID: "8f1c5a52-0d4f-4f6f-9d3e-0c7f1f0a1b2c",
    DROPLET_ID: "42",
    BOOT_ID: "boot-1",
    STATE_DIR: "/var/lib/spawnpoint/agent",
  };
  const ladderOf = (env: Record<string, string>) => parseSettings({ ...required, ...env }).workload.ladder;

  it("has the documented deadlines by default", ({ expect }) => {
    expect(ladderOf({})).toEqual(LIMITS);
    expect(parseSettings(required).workload.restart_drain_ms).toBe(30_000);
  });

  it("lies within the unit's, whatever is set", ({ expect }) => {
    const most = { WORKLOAD_DRAIN_S: "600", WORKLOAD_ABORT_S: "30", WORKLOAD_STOP_TIMEOUT_S: "30" };
    const ladder = ladderOf(most);
    const own_ms = ladderBudget({ ...ladder, drain_ms: Math.min(ladder.drain_ms, CLOSE_DRAIN_MS) });
    const unit = readFileSync("bootstrap/spawnpoint-agent.service", "utf8");
    const unit_ms = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) * 1000;
    // A start that is under way may have to end first, and the state is closed after it.
    expect(unit_ms - own_ms).toBeGreaterThanOrEqual(20_000);
  });

  it.for(Object.entries({ WORKLOAD_DRAIN_S: "601", WORKLOAD_ABORT_S: "31", WORKLOAD_STOP_TIMEOUT_S: "31" }))(
    "refuses %s=%s",
    ([name, value], { expect }) => {
      expect(() => ladderOf({ [name]: value })).toThrow(name);
    },
  );
});
