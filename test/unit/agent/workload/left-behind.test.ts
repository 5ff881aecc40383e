/** The real agent beside workloads that leave something behind: none of it outlives an order, and none answers for another. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { agent, eachHasAnAgent, plane, running, until } from "../fixtures/one-agent.ts";

eachHasAnAgent();

/** What a test has seen started, in case that the agent does not end it. */
const seen = new Set<number>();
let foreign: Server | null = null;

afterEach(async () => {
  left();
  for (const pid of seen) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  seen.clear();
  await new Promise((closed) => (foreign === null ? closed(null) : foreign.close(closed)));
  foreign = null;
});

function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
  } catch {
    return false;
  }
}

/** A workload that starts others before it becomes the usual one. */
function starting(script: string): void {
  const fixture = join(import.meta.dirname, "../fixtures/openclaw.mjs");
  const command = join(agent.directory, "bin", "openclaw");
  agent.removeWorkload();
  const usual = `exec ${process.execPath} ${fixture} "$@"`;
  const questions = `if [[ $1 != gateway ]]; then ${usual}; fi`;
  const note = `note() { echo "$1" >>"${join(agent.directory, "left")}"; }`;
  writeFileSync(command, `#!/bin/bash\n${questions}\n${note}\n${script.replace("USUAL", usual)}\n`, { mode: 0o755 });
}

function left(): number[] {
  const path = join(agent.directory, "left");
  const pids = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").map(Number) : [];
  for (const pid of pids) seen.add(pid);
  return pids;
}

const BACKGROUND = `
sleep 1000 & note $!
setsid bash -c 'echo $$ >>"${"$"}1"; trap "" TERM; while :; do sleep 0.1; done' left "LEFT" & disown
(env -i /bin/sleep 1001 & note $!)
USUAL`;

/** Runs a workload that has started three others. */
async function leaveThreeBehind(): Promise<void> {
  starting(BACKGROUND.replace("LEFT", join(agent.directory, "left")));
  plane.order = "run";
  agent.start();
  await until(() => expect(running()).toBe(true));
  await until(() => expect(left()).toHaveLength(3));
}

const workload = () => plane.beats.at(-1)?.workload;
const starts = () => agent.workloadEvents.filter((event) => event.startsWith("started"));

it("has nothing of a workload left where it says that it is stopped", async () => {
  await leaveThreeBehind();
  expect(left().filter(isAlive)).toHaveLength(3);
  plane.order = "stop";
  await until(() => expect(workload()?.state).toBe("stopped"));
  expect(left().filter(isAlive)).toEqual([]);
  expect(agent.output).toContain('"event":"workload_left_behind"');
});

it("has nothing of the old config left where it starts the new one", async () => {
  await leaveThreeBehind();
  const old = left();
  plane.publish(2, "sk-another-key");
  await until(() => expect(starts()).toHaveLength(2));
  expect(old.filter(isAlive)).toEqual([]);
});

it("ends a gateway whose launcher was killed alone before it starts another", async () => {
  starting('"$0.gateway" "$@" & note $!; wait');
  writeFileSync(
    join(agent.directory, "bin", "openclaw.gateway"),
    `#!/bin/bash\nexec ${process.execPath} ${join(import.meta.dirname, "../fixtures/openclaw.mjs")} "$@"\n`,
    { mode: 0o755 },
  );
  plane.order = "run";
  agent.start();
  await until(() => expect(running()).toBe(true));
  const gateway = left()[0] ?? 0;
  const launcher = Number(/"event":"workload_spawned","pid":(\d+)/.exec(agent.output)?.[1]);
  expect(isAlive(gateway)).toBe(true);
  process.kill(launcher, "SIGKILL");
  await until(() => expect(left()).toHaveLength(2));
  expect(isAlive(gateway)).toBe(false);
  await until(() => expect(workload()).toMatchObject({ state: "running", restarts: 1 }));
});

it("ends what outlived an agent that was killed", async () => {
  await leaveThreeBehind();
  const old = left();
  await agent.kill("SIGKILL");
  plane.order = "stop";
  const beats = plane.beats.length;
  agent.start();
  await until(() => expect(plane.beats.length).toBeGreaterThan(beats));
  expect(old.filter(isAlive)).toEqual([]);
});

it("names whoever else holds the port, and takes nobody's answer for the workload's", async () => {
  foreign = createServer((_, response) => response.writeHead(200).end('{"ready":true}'));
  await new Promise<void>((listening) => foreign?.listen(0, "127.0.0.1", listening));
  const address = foreign.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  plane.order = "run";
  agent.start({ WORKLOAD_PORT: String(port), WORKLOAD_APPLY_DEADLINE_S: "5" });
  await until(() => expect(plane.acks.at(-1)).toMatchObject({ result: "failed" }));
  expect(plane.acks.at(-1)?.reason).toContain(`port ${port} is taken by `);
  expect(plane.acks.at(-1)?.reason).toContain(`(process ${process.pid})`);
  expect(starts()).toEqual([]);
  expect(plane.acks.filter(({ result }) => result === "applied")).toEqual([]);
});

it("does not take the answer of a foreign listener for its workload's readiness", async () => {
  // It leaves its port to another one, which is not its child and says at once that it is ready.
  starting('note $$; while [[ $1 != --port ]]; do shift; done; echo "$2" >"$OPENCLAW_STATE_DIR/port"; exec sleep 1000');
  plane.order = "run";
  agent.start();
  const path = join(agent.workload_state, "port");
  await until(() => expect(existsSync(path)).toBe(true));
  const port = Number(readFileSync(path, "utf8"));
  const asked: string[] = [];
  foreign = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(200).end('{"ready":true}');
  });
  await new Promise<void>((listening) => foreign?.listen(port, "127.0.0.1", listening));
  await until(() => expect(agent.output).toContain('"event":"port_is_foreign"'));
  const beats = plane.beats.length;
  await until(() => expect(plane.beats.length).toBeGreaterThan(beats + 3));
  expect(workload()?.state).toBe("starting");
  expect(asked).toEqual([]);
  left();
});
