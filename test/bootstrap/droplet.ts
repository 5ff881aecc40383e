/**
 * A machine with what the bootstrap puts there: its units, its scripts, its two users as its own functions make them, the
 * agent as droplets get it, and a stand-in for OpenClaw. A control plane runs on it as a program, for it has no network.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { inject, vi } from "vitest";
import { formatToken } from "../../src/wire/tokens.ts";
import { Machine } from "./debian.ts";

const BOOTSTRAP = resolve("bootstrap");
const BOT = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
export const AGENT_UNIT = "spawnpoint-agent.service";
export const WORKLOAD_UNIT = "spawnpoint-workload.service";
const LAUNCHER_SOCKET = "spawnpoint-launcher.socket";
export const LAUNCHER_UNIT = "spawnpoint-launcher@.service";
const BOOTSTRAP_UNIT = "spawnpoint-bootstrap.service";
export const UNITS = [AGENT_UNIT, WORKLOAD_UNIT, LAUNCHER_SOCKET, LAUNCHER_UNIT, BOOTSTRAP_UNIT];
/** The stand-in itself; a test may put something before it, in /usr/local/bin. */
export const OPENCLAW = "/usr/local/lib/openclaw.mjs";
const SCRIPTS = ["bootstrap.sh", "guard.sh", "identity.sh", "launcher.sh"];
export const bootstrapFile = (name: string) => readFileSync(join(BOOTSTRAP, name), "utf8");

/** The bootstrap's own steps, without what they are steps of. */
const STEPS = `set -euo pipefail
eval "$(sed -n '/^root=/,/^status_file=/p; /^make_user()/,/^}/p; /^hand_over_token()/,/^}/p; /^write_agent_env()/,/^}/p' \
  /opt/spawnpoint/bootstrap.sh)"
mkdir -p "$etc" "$lib/steps" "$lib/stages" /var/log/spawnpoint
make_user
hand_over_token
write_agent_env
touch "$lib/steps/openclaw"
`;

/** Short times: nobody waits for them but a test. */
const AGENT_SETTINGS = [
  "WORKLOAD_READY_WINDOW_S=0.3",
  "AGENT_BACKOFF_FIRST_S=0.05",
  "AGENT_BACKOFF_MAX_S=0.2",
  "AGENT_CONFIG_POLL_S=1",
  "AGENT_BEAT_GAP_S=0.05",
  "AGENT_LOSS_BEAT_S=0.3",
  "AGENT_REPORT_LOOK_S=0.2",
  "AGENT_REPORT_GAP_S=0.2",
];

interface Seen {
  // biome-ignore lint/suspicious/noExplicitAny: -- a test reads whatever JSON came
  beat: any;
  beats: number;
  // biome-ignore lint/suspicious/noExplicitAny: -- a test reads whatever JSON came
  acks: any[];
  there_when_stopped: boolean[];
}

export const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 120_000, interval: 500 });

export class Droplet {
  readonly machine: Machine;
  #steering = "";

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  static async boot(): Promise<Droplet> {
    const droplet = new Droplet(await new Machine().boot());
    const { machine } = droplet;
    for (const name of UNITS) machine.write(`/etc/systemd/system/${name}`, bootstrapFile(name));
    for (const name of SCRIPTS) machine.write(`/opt/spawnpoint/${name}`, bootstrapFile(name), 0o755);
    machine.write("/opt/spawnpoint/agent.mjs", readFileSync(inject("agent"), "utf8"));
    const fixture = resolve("test/unit/agent/fixtures/openclaw.mjs");
    machine.write(OPENCLAW, readFileSync(fixture, "utf8"), 0o755);
    droplet.must("ln", "-s", OPENCLAW, "/usr/local/bin/openclaw");
    const plane = await droplet.#startPlane();
    const values = {
      CONTROL_PLANE_URL: plane,
      BOT_ID: BOT,
      WORKLOAD_PORT: "18789",
      WORKLOAD_READY_WINDOW_S: "15",
      CUSTOMIZER_WORKSPACE_DIR: "/opt/openclaw/workspace",
      REGISTRATION_TOKEN: formatToken("reg", BOT, new Uint8Array(32).fill(7)),
    };
    const assignments = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    droplet.must("env", ...assignments, "bash", "-c", STEPS);
    droplet.must("bash", "-c", `printf '%s\\n' "$@" >>/etc/spawnpoint/agent.env`, "env", ...AGENT_SETTINGS);
    machine.run("systemctl", "daemon-reload");
    droplet.must("systemctl", "enable", "--now", LAUNCHER_SOCKET);
    return droplet;
  }

  /** Runs a command as root that has to succeed. @returns what it prints */
  must(...words: string[]): string {
    const { code, stdout, stderr } = this.machine.run(...words);
    if (code !== 0) throw new Error(`${words.join(" ").slice(0, 200)}: ${code} ${stdout}${stderr}`);
    return stdout;
  }

  as(user: string, ...words: string[]) {
    return this.machine.run("runuser", "-u", user, "--", ...words);
  }

  show(unit: string, property: string): string {
    return this.must("systemctl", "show", "--value", "-p", property, unit).trim();
  }

  journal(unit = AGENT_UNIT): string {
    return this.must("journalctl", "-u", unit, "-o", "cat");
  }

  order(is: "run" | "stop" | "hold"): void {
    this.#ask(`order?is=${is}`);
  }

  publish(version: number, key: string): void {
    this.#ask(`publish?version=${version}&key=${key}`);
  }

  /** What the control plane has been told. */
  seen(): Seen {
    return this.#ask("seen");
  }

  get workload(): { state: string } {
    return this.seen().beat?.workload;
  }

  /** Numbers of the processes that are alive among these. */
  alive(pids: readonly string[]): string[] {
    return pids.filter((pid) => this.machine.run("test", "-e", `/proc/${pid}`).code === 0);
  }

  dispose(): Promise<void> {
    return this.machine.dispose();
  }

  async #startPlane(): Promise<string> {
    const { outputFiles } = await build({
      entryPoints: [resolve("test/bootstrap/plane.ts")],
      write: false,
      bundle: true,
      platform: "node",
      format: "esm",
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    });
    this.machine.write("/opt/plane.mjs", outputFiles[0]?.text ?? "");
    // Who asks the metadata service is told a number.
    const metadata = 'require("http").createServer((q, r) => r.end("4242")).listen(80, "169.254.169.254")';
    this.must("systemd-run", "--unit=metadata", "node", "-e", metadata);
    this.must("systemd-run", "--unit=plane", "node", "/opt/plane.mjs", BOT, "/run/plane.json");
    const { plane, steering } = await until(() => JSON.parse(this.must("cat", "/run/plane.json")));
    this.#steering = steering;
    return plane;
  }

  #ask(what: string): Seen {
    return JSON.parse(this.must("curl", "-fsS", `${this.#steering}/${what}`));
  }
}
