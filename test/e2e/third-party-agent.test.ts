/** The agent of docs/agent-protocol.md, in the place of ours: it knows the documents, and nothing of the code. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { readState } from "../../simulator/machine/state-file.ts";
import { ROOT, System } from "./system.ts";

const FILE = join(ROOT, "examples", "agent.mjs");
const MAX_LINES = 150;

let system: System;
let agent: ChildProcess | null = null;

beforeAll(async () => {
  system = await System.start();
});
afterAll(async () => {
  agent?.kill("SIGTERM");
  await system?.remove();
});

/** The registration token of a droplet whose own agent never gets to use it. */
async function tokenOfFrozen(botId: string): Promise<{ droplet_id: number; token: string }> {
  let frozen: { droplet_id: number; token: string } | null = null;
  await system.until("the droplet has booted, and stands still", async () => {
    const [droplet] = await system.dropletsOf(botId);
    if (droplet?.machine?.state !== "running") return false;
    await system.cloud("POST", `/_sim/droplets/${droplet.id}/freeze`);
    const state = JSON.stringify(readState(join(system.state_dir, "simulator", "simulator.json")));
    const token = /REGISTRATION_TOKEN='(sp_reg_[0-9a-f_]+)'/.exec(state)?.[1];
    if (token === undefined) return false;
    frozen = { droplet_id: droplet.id, token };
    return true;
  });
  if (frozen === null) throw new Error("no droplet");
  return frozen;
}

function start(bot_id: string, droplet_id: number, token: string, base_url: string): ChildProcess {
  const ticks = join(system.state_dir, "ticks");
  return spawn(process.execPath, [FILE], {
    env: {
      PATH: process.env.PATH,
      CONTROL_PLANE_URL: base_url,
      BOT_ID: bot_id,
      DROPLET_ID: String(droplet_id),
      REGISTRATION_TOKEN: token,
      STATE_DIR: join(system.state_dir, "third-party"),
      READY_WINDOW_S: "1",
      WORKLOAD_COMMAND: `while :; do echo $LLM_API_KEY > ${ticks}; sleep 0.1; done`,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

describe("an agent that somebody else wrote from the documents", () => {
  it("has no more lines than a person reads", ({ expect }) => {
    expect(readFileSync(FILE, "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(MAX_LINES);
  });

  it("registers, goes online, obeys a stop, takes a new config and comes back with the credential that it has", async ({
    expect,
  }) => {
    const { id } = await system.newBot();
    const { droplet_id, token } = await tokenOfFrozen(id);
    const { base_url } = await system.readDev();
    agent = start(id, droplet_id, token, base_url);
    expect(await system.rests(id, "online")).toMatchObject({ applied_config_version: 1, flags: [] });

    await system.api("POST", `/bots/${id}/commands`, { kind: "stop" });
    await system.until("its workload is stopped", async () => (await system.bot(id)).health.workload === "stopped");
    await system.api("POST", `/bots/${id}/commands`, { kind: "start" });
    await system.until("its workload runs", async () => (await system.bot(id)).health.workload === "running");

    await system.api("PATCH", `/bots/${id}/config`, { strictness: "high" });
    await system.until("the new config is applied", async () => (await system.bot(id)).applied_config_version === 2);
    expect(existsSync(join(system.state_dir, "ticks"))).toBe(true);

    const ended = new Promise((resolve) => agent?.once("exit", resolve));
    agent.kill("SIGTERM");
    expect(await ended).toBe(0);
    agent = start(id, droplet_id, "spent", base_url);
    await system.until("its workload runs again", async () => (await system.bot(id)).health.workload === "running");
    expect((await system.bot(id)).flags).toEqual([]);
  });
});
