/**
 * The bootstrap as it runs on a droplet: user-data, the scripts and the units, on a Debian of its own under a real systemd.
 * Only what the network would bring is missing: the packages are there already, and the npm registry is a stand-in.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { BootstrapSettings, renderUserData } from "../../src/provider/user-data.ts";
import { formatToken } from "../../src/wire/tokens.ts";
import { searchFiles } from "../e2e/sentinel.ts";
import { prng } from "../simulation/prng.ts";
import { agentConfig, TestControlPlane } from "../unit/agent/fixtures/control-plane.ts";
import { BOT, FILES, sha256 } from "../unit/bootstrap/sandbox.ts";
import { Machine } from "./debian.ts";

const DROPLET = 4242;
const KEY = "sk-a-key-of-the-customer";
const PLANE = "http://198.18.0.1:8000";
const USER_DATA = "/var/lib/cloud/instances/i-4242/user-data.txt";
const WORKLOAD = readFileSync(resolve("test/unit/agent/fixtures/openclaw.mjs"), "utf8");
/** `--every-stage` cuts the power after each stage instead of after three that the seed draws. */
const EVERY_STAGE = process.env.EVERY_STAGE === "1";
const SEED = Number(process.env.SEED || 1 + Math.floor(Math.random() * 1e6));
const STAGES = ["started", "firewall", "packages", "node", "user", "agent", "openclaw", "extras"];

/** Puts in place what an installation brings, and takes as long as a test can wait for. */
const NPM = `#!/bin/bash
set -e
case " $* " in *" openclaw@"*) ;; *) exit 0 ;; esac
mkdir -p /usr/lib/node_modules/openclaw
echo '{"name":"openclaw","version":"2026.9.6"}' >/usr/lib/node_modules/openclaw/package.json
install -m 0755 /opt/registry/openclaw.mjs /usr/bin/openclaw
`;

const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 240_000, interval: 250 });

let machine: Machine;
let plane: TestControlPlane;
let metadata: Server;
let token: string;
/** Of a bootstrap that nothing has interrupted. */
let uncut: string[] = [];

beforeAll(() => console.info(`power cuts by SEED=${SEED}`));

beforeEach(async () => {
  token = formatToken("reg", BOT, crypto.getRandomValues(new Uint8Array(32)));
  plane = await new TestControlPlane(BOT).start();
  plane.order = "run";
  plane.config = agentConfig(BOT, 1, KEY);
  const agent = readFileSync(inject("agent"), "utf8");
  metadata = createServer(({ url }, response) => response.end(url === "/agent.mjs" ? agent : String(DROPLET)));
  await new Promise<void>((done) => metadata.listen(0, "127.0.0.1", done));
  machine = await new Machine().boot();
  const { port } = metadata.address() as AddressInfo;
  await machine.reach({ address: "169.254.169.254", port: 80, host_port: port });
  await machine.reach({ address: "198.18.0.1", port: 8000, host_port: Number(new URL(plane.url).port) });
  machine.run("bash", "-c", "rm -rf /etc/apt/sources.list*");
  machine.write("/opt/registry/openclaw.mjs", WORKLOAD);
  machine.write("/usr/local/bin/npm", NPM, 0o755);
  const user_data = renderUserData({
    bot_id: BOT,
    control_plane_url: PLANE,
    registration_token: token,
    agent: { url: "http://169.254.169.254/agent.mjs", sha256: sha256(agent) },
    bootstrap: BootstrapSettings.parse({ install_pnpm: false, customizer: { repo_url: "" } }),
    workload: { version: "2026.9.6", port: 18_789, ready_window_s: 1 },
    files: FILES,
  });
  machine.write(USER_DATA, user_data, 0o600);
});

afterEach(async () => {
  await machine?.dispose();
  await plane?.stop();
  await new Promise((done) => metadata.close(done));
});

/** As cloud-init does, once in a droplet's life. */
const firstBoot = () => expect(machine.run("bash", USER_DATA)).toMatchObject({ code: 0 });
const isDone = () => machine.run("test", "-e", "/var/lib/spawnpoint/bootstrap.done").code === 0;
const stages = () => plane.to("/stage").map(({ body }) => body.stage);
const log = () => machine.run("tail", "-n", "60", "/var/log/spawnpoint/bootstrap.log").stdout;

async function untilDone(): Promise<void> {
  await until(() => expect(isDone(), log()).toBe(true));
  const applied = { result: "applied", workload: "running" };
  await until(() => expect(plane.acks.at(-1), JSON.stringify(plane.acks)).toMatchObject(applied));
}

/** Owner, mode and path of what it has left. */
function left(...paths: string[]): string[] {
  return machine
    .run("stat", "-c", "%U:%G %a %n", ...paths)
    .stdout.trim()
    .split("\n");
}

/** All that is to be the same however often it ran, and wherever it was cut off. */
function inPlace(): string[] {
  const script = `cd / && sha256sum etc/spawnpoint/agent.env opt/spawnpoint/*.sh opt/spawnpoint/agent.mjs \\
    etc/systemd/system/spawnpoint-*.service etc/logrotate.d/spawnpoint usr/bin/openclaw`;
  const names = "find /opt/spawnpoint /etc/spawnpoint /var/lib/spawnpoint/steps -printf '%u:%g %m %p\\n' | sort";
  return [script, names].flatMap((one) => machine.run("bash", "-c", one).stdout.trim().split("\n"));
}

describe("a droplet's first boot", () => {
  it("leaves an agent and a workload that run, owners and modes as meant, and no secret", async () => {
    firstBoot();
    await untilDone();
    // What the script could not send any more, the agent sends.
    await until(() => expect(stages()).toEqual(expect.arrayContaining([...STAGES, "done"])));
    expect(left("/etc/spawnpoint/agent.env", "/etc/spawnpoint/bootstrap.env", "/opt/spawnpoint/agent.mjs")).toEqual([
      "root:root 600 /etc/spawnpoint/agent.env",
      "root:root 600 /etc/spawnpoint/bootstrap.env",
      "root:root 644 /opt/spawnpoint/agent.mjs",
    ]);
    expect(machine.run("systemctl", "is-enabled", "spawnpoint-agent.service").stdout.trim()).toBe("enabled");
    expect(machine.run("ufw", "status").stdout).toContain("Status: active");
    expect(machine.run("test", "-e", USER_DATA).code, "user-data is gone").not.toBe(0);
    uncut = inPlace();
    const { found, files } = await searchFiles(machine.disk, { token, key: KEY });
    expect(files).toBeGreaterThan(20);
    // The fixture writes down with which key it was started.
    expect({ ...found, key: found.key?.filter((path) => !path.endsWith("fixture.log")) }).toEqual({
      token: [],
      key: [],
    });
  });

  it("is repeated without a change", async () => {
    firstBoot();
    await untilDone();
    const before = inPlace();
    const agent = machine.run("systemctl", "show", "-p", "MainPID", "spawnpoint-agent.service").stdout;
    // In the background, since it asks servers of this process.
    const oneshot = ["--property=Type=oneshot", "--remain-after-exit", "--no-block"];
    machine.run("systemd-run", "--unit=again", ...oneshot, "/opt/spawnpoint/bootstrap.sh");
    const state = () => machine.run("systemctl", "show", "--value", "-p", "ActiveState", "again").stdout.trim();
    await until(() => expect(state()).toMatch(/^(active|failed)$/));
    expect(state()).toBe("active");
    expect(inPlace()).toEqual(before);
    expect(machine.run("systemctl", "show", "-p", "MainPID", "spawnpoint-agent.service").stdout).toBe(agent);
  });

  it("comes to the same end wherever the power is cut", async () => {
    const draw = prng(SEED);
    const drawn = STAGES.map((stage) => ({ stage, rank: draw() })).sort((a, b) => a.rank - b.rank);
    const chosen = EVERY_STAGE
      ? STAGES
      : STAGES.filter((stage) => drawn.slice(0, 3).some((one) => one.stage === stage));
    firstBoot();
    for (const stage of chosen) {
      await until(() => expect([...stages(), ...(isDone() ? [stage] : [])], log()).toContain(stage));
      console.info(`power cut after ${stage}`);
      await machine.powerCut();
    }
    await untilDone();
    await machine.boot();
    expect(machine.run("systemctl", "--failed", "--no-legend").stdout).toBe("");
    expect(inPlace()).toEqual(uncut);
    expect((await searchFiles(machine.disk, { token })).found).toEqual({ token: [] });
  });
});
