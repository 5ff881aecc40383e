/** What the real agent says of a report that its workload has written. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { agent, eachHasAnAgent, plane, running, until } from "./fixtures/one-agent.ts";

eachHasAnAgent();

const REPORT = { equity: 1000, daily_pnl: -10, drawdown_pct: 1, trades_today: 2 };

function write(text: string): void {
  writeFileSync(join(agent.workload_state, "report.json"), text);
}

describe("a workload's report", () => {
  beforeEach(async () => {
    plane.order = "run";
    agent.start({ AGENT_REPORT_LOOK_S: "0.05", AGENT_REPORT_GAP_S: "0.1" });
    await until(() => expect(running()).toBe(true));
  });

  it("goes with every heartbeat for as long as it is there, and over a restart of the agent", async () => {
    expect(plane.beats.at(-1)).not.toHaveProperty("report");
    write(JSON.stringify(REPORT));
    await until(() => expect(plane.beats.at(-1)?.report).toEqual(REPORT));
    await agent.kill("SIGKILL");
    const before = plane.beats.length;
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(before));
    expect(plane.beats[before]?.report).toEqual(REPORT);
    rmSync(join(agent.workload_state, "report.json"));
    await until(() => expect(plane.beats.at(-1)).not.toHaveProperty("report"));
  });

  it("that is none is said, and costs no heartbeat", async () => {
    write("{");
    await until(() => expect(plane.beats.at(-1)?.report_error).toBe("report.json is not JSON"));
    write(JSON.stringify(REPORT));
    await until(() => expect(plane.beats.at(-1)?.report).toEqual(REPORT));
    expect(plane.beats.at(-1)).not.toHaveProperty("report_error");
  });
});
