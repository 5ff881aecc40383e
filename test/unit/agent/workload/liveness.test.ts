/** The real agent beside a stand-in that hangs, or is not ready any more. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { agent, eachHasAnAgent, plane, running, until } from "../fixtures/one-agent.ts";

eachHasAnAgent();

const SOON = { WORKLOAD_HUNG_AFTER_S: "0.5", WORKLOAD_DEGRADED_AFTER_S: "0.1" };
const workload = () => plane.beats.at(-1)?.workload;
const starts = () => agent.workloadEvents.filter((event) => event.startsWith("started"));

it("ends a workload that hangs, starts it again, and says why", async () => {
  plane.order = "run";
  agent.start(SOON);
  await until(() => expect(running()).toBe(true));
  const [, pid] = starts()[0]?.split(" ") ?? [];
  process.kill(Number(pid), "SIGSTOP");
  await until(() => expect(starts()).toHaveLength(2));
  await until(() => expect(workload()).toMatchObject({ state: "running", restarts: 1 }));
  expect(agent.output).toMatch(/"state":"crashed","reason":"hung: no answer for \d+ s"/);
  await until(() => expect(() => process.kill(Number(pid), 0)).toThrow());
  expect(starts()[1]).not.toContain(` ${pid} `);
});

it("tells what a running workload is not ready for any more, until it is", async () => {
  plane.order = "run";
  agent.start(SOON);
  await until(() => expect(running()).toBe(true));
  expect(workload()).not.toHaveProperty("degraded");
  const lost = join(agent.workload_state, "not-ready");
  writeFileSync(lost, "");
  await until(() => expect(workload()).toMatchObject({ state: "running", degraded: ["channels"] }));
  rmSync(lost);
  await until(() => expect(workload()).not.toHaveProperty("degraded"));
  expect(workload()).toMatchObject({ state: "running", restarts: 0 });
  expect(starts()).toHaveLength(1);
});
