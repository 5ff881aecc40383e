/** The real agent on a disk that takes no writes: heard all the same, and what is decided meanwhile holds. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configId } from "./fixtures/control-plane.ts";
import { agent, eachHasAnAgent, plane, running, until } from "./fixtures/one-agent.ts";
import { canMount, SmallDisk, UNLESS_MOUNTED } from "./fixtures/small-disk.ts";

const FULL = "disk full";

describe.skipIf(!canMount)(`an agent whose disk takes no writes${UNLESS_MOUNTED}`, () => {
  let disk: SmallDisk;
  beforeEach(() => {
    disk = new SmallDisk();
  });
  // Once its agent has ended.
  afterEach(() => disk.dispose());
  eachHasAnAgent();

  const state = () => join(disk.path, "state");
  /** What it keeps stands on the small disk, what the workload writes does not. */
  const start = (settings: Record<string, string> = {}) => {
    mkdirSync(state(), { recursive: true });
    const REGISTRATION_TOKEN_FILE = join(agent.state, "registration.token");
    agent.start({ STATE_DIR: state(), REGISTRATION_TOKEN_FILE, ...settings });
  };
  const restart = async () => {
    await agent.kill("SIGKILL");
    start();
  };
  const saying = (said: string | undefined) =>
    until(() => expect(plane.beats.at(-1)?.workload.degraded?.[0]).toBe(said));
  const someBeats = async () => {
    const before = plane.beats.length;
    await until(() => expect(plane.beats.length).toBeGreaterThan(before + 4));
  };
  const online = async () => {
    plane.order = "run";
    start();
    await until(() => expect(running()).toBe(true));
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: configId(1), workload: "running" }));
  };
  const starts = () => agent.workloadEvents.filter((event) => event.startsWith("started"));

  it("registers nobody with a credential that is not on the disk", async () => {
    mkdirSync(state(), { recursive: true });
    disk.fill();
    start();
    // Which does nothing to it: it ends by itself.
    expect(await agent.kill("SIGCONT")).toBe(1);
    expect(plane.received).toEqual([]);
    disk.makeRoom();
    start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(0));
  });

  it("goes on with the workload that runs, tries no config, and takes it up once there is room", async () => {
    await online();
    disk.fill();
    await saying(FULL);
    const id = plane.publish(2, "sk-good-two-key");
    await until(() => expect(agent.output).toContain(`"config_id":"${id}"`));
    await someBeats();
    expect([running(), starts().length]).toEqual([true, 1]);
    disk.makeRoom();
    await saying(undefined);
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "applied" }));
  });

  it.each([
    [FULL, () => disk.fill()],
    [`${FULL} (no inodes left)`, () => disk.useUpInodes()],
    [`${FULL} (read-only)`, () => disk.makeReadOnly()],
  ])("started on one, it is heard, says %s, and starts nothing until there is room", async (said, spoil) => {
    await online();
    await agent.kill("SIGTERM");
    spoil();
    start();
    await saying(said);
    await someBeats();
    expect([running(), starts().length]).toEqual([false, 1]);
    expect(existsSync(join(state(), "agent.db.unreadable"))).toBe(false);
    if (said.includes("read-only")) disk.makeWritable();
    disk.makeRoom();
    await saying(undefined);
    await until(() => expect(running()).toBe(true));
    expect(plane.to("/register")).toHaveLength(1);
  });

  it("does not start a workload that crashes meanwhile, says why, and does so once there is room", async () => {
    const workload_state = join(disk.path, "openclaw");
    plane.order = "run";
    start({ OPENCLAW_STATE_DIR: workload_state });
    await until(() => expect(running()).toBe(true));
    const [, pid] = readFileSync(join(workload_state, "fixture.log"), "utf8").split(" ");
    disk.fill();
    process.kill(Number(pid), "SIGKILL");
    await until(() => expect(plane.beats.at(-1)?.workload.last_crash).toBe(`cannot start: ${FULL}`));
    await saying(FULL);
    disk.makeRoom();
    await until(() => expect(running()).toBe(true));
  });

  it("stops when it is told to, and the stop is in force while the disk is full, and ever after", async () => {
    await online();
    disk.fill();
    await saying(FULL);
    const stop = plane.command("stop");
    await until(() => expect(plane.result(stop)).toMatchObject({ ok: true }));
    await until(() => expect(plane.beats.at(-1)?.workload.state).toBe("stopped"));
    await restart();
    await saying(FULL);
    disk.makeRoom();
    await saying(undefined);
    await restart();
    await someBeats();
    expect([running(), starts().length]).toEqual([false, 1]);
    const go = plane.command("start");
    await until(() => expect(plane.result(go)).toMatchObject({ ok: true }));
    await until(() => expect(running()).toBe(true));
  });

  it("sets a damaged database aside, and starts anew with its credential", async () => {
    await online();
    await agent.kill("SIGTERM");
    writeFileSync(join(state(), "agent.db"), `no database, but ${randomUUID()}`.repeat(100));
    start();
    const before = plane.beats.length;
    await until(() => expect(plane.beats.length).toBeGreaterThan(before));
    expect(existsSync(join(state(), "agent.db.unreadable"))).toBe(true);
    expect(plane.to("/register")).toHaveLength(1);
  });
});
