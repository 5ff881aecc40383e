/** A droplet in a directory: the real scripts over stand-ins for what would change the machine. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type BootstrapFiles, BootstrapSettings, type UserDataInput } from "../../../src/provider/user-data.ts";
import { formatToken } from "../../../src/wire/tokens.ts";

const BOOTSTRAP = resolve(import.meta.dirname, "../../../bootstrap");
const read = (name: string) => readFileSync(join(BOOTSTRAP, name), "utf8");

export const FILES: BootstrapFiles = {
  bootstrap_script: read("bootstrap.sh"),
  toolchain_script: read("toolchain.sh"),
  identity_script: read("identity.sh"),
  guard_script: read("guard.sh"),
  launcher_script: read("launcher.sh"),
  bootstrap_unit: read("spawnpoint-bootstrap.service"),
  agent_unit: read("spawnpoint-agent.service"),
  workload_unit: read("spawnpoint-workload.service"),
  launcher_unit: read("spawnpoint-launcher@.service"),
  launcher_socket: read("spawnpoint-launcher.socket"),
};

export const BOT = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
export const TOKEN = formatToken("reg", BOT, new Uint8Array(32).fill(9));
export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export function userDataInput(changes: Partial<UserDataInput> = {}): UserDataInput {
  return {
    bot_id: BOT,
    control_plane_url: "https://spawnpoint.example",
    registration_token: TOKEN,
    agent: { url: `/bot/agent/${"a".repeat(64)}.mjs`, sha256: "a".repeat(64) },
    bootstrap: BootstrapSettings.parse({}),
    workload: { version: "latest", port: 18_789, ready_window_s: 15 },
    files: FILES,
    ...changes,
  };
}

/** Notes its call; hangs or fails while the test wants it to. */
const STAND_IN = `#!/bin/bash
name="\${0##*/}"
printf '%s %s\\n' "$name" "$*" >>"$SANDBOX/calls"
while [[ -e $SANDBOX/hang/$name ]]; do sleep 0.05; done
if [[ -e $SANDBOX/fail/$name ]]; then exit 1; fi
`;

const STAND_INS: Record<string, string> = {
  "apt-get": "",
  dpkg: `if [[ $1 == --print-architecture ]]; then echo amd64; fi`,
  ufw: "",
  useradd: "",
  chown: "",
  npm: "",
  gpg: 'while [[ $1 != -o ]]; do shift; done; cp "$3" "$2"',
  cargo: "",
  // The world outside answers everything with the same few bytes; only the test's own server is real.
  curl: `for word in "$@"; do
  if [[ \${to_file:-} == next ]]; then to_file="$word"; fi
  if [[ $word == -o ]]; then to_file=next; fi
  if [[ $word == https://* ]]; then outside=yes; fi
done
if [[ \${outside:-} == yes ]]; then echo outside >"$to_file"; else exec /usr/bin/curl "$@"; fi`,
  iptables: 'for word in "$@"; do if [[ $word == -C || $word == DOCKER-USER ]]; then exit 1; fi; done',
  runuser: 'while [[ $1 != -- ]]; do shift; done; shift; exec "$@"',
  systemctl: `if [[ "$*" == "start --no-block spawnpoint-agent.service" && ! -e $SANDBOX/fail/register ]]; then
  touch "$SPAWNPOINT_ROOT/var/lib/spawnpoint/agent/registered"
fi`,
  git: `if [[ $1 == clone ]]; then
  mkdir -p "\${@: -1}/bin"
  echo 'require("fs").appendFileSync(process.env.SANDBOX + "/customized", JSON.stringify(process.argv.slice(2)) + "\\n")' >"\${@: -1}/bin/janebot-cli.js"
fi`,
};

export class Sandbox {
  readonly directory = mkdtempSync(join(tmpdir(), "spawnpoint-droplet-"));
  readonly root = join(this.directory, "root");
  readonly stages: { stage: string; detail: string; droplet_id: number; boot_id: string; bearer: string }[] = [];
  /** Bodies of GETs by path; a number is a status. */
  readonly pages = new Map<string, (string | number)[]>();
  readonly requests: { path: string; bearer: string }[] = [];
  url = "";
  #server: Server | null = null;

  async start(): Promise<this> {
    for (const path of ["bin", "fail", "hang", "root/proc/sys/kernel/random", "root/var/lib/cloud/instances/1"]) {
      mkdirSync(join(this.directory, path), { recursive: true });
    }
    writeFileSync(join(this.root, "proc/sys/kernel/random/boot_id"), "6f7a-b\n");
    for (const [name, body] of Object.entries(STAND_INS)) {
      writeFileSync(join(this.directory, "bin", name), `${STAND_IN}${body}\n`, { mode: 0o755 });
    }
    this.pages.set("/metadata/v1/id", ["4242"]);
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        const path = request.url ?? "";
        const bearer = (request.headers.authorization ?? "").replace("Bearer ", "");
        this.requests.push({ path, bearer });
        if (path.endsWith("/stage")) this.stages.push({ ...JSON.parse(body), bearer });
        const page = this.#page(path);
        response.writeHead(typeof page === "number" ? page : 200).end(typeof page === "number" ? "" : page);
      });
    });
    this.#server = server;
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no address");
    this.url = `http://127.0.0.1:${address.port}`;
    return this;
  }

  /** The last of several answers stays. */
  #page(path: string): string | number {
    if (path.endsWith("/stage")) return "{}";
    const pages = this.pages.get(path);
    return (pages !== undefined && pages.length > 1 ? pages.shift() : pages?.[0]) ?? 404;
  }

  spawn(command: string[], env: Record<string, string> = {}) {
    const [file = "bash", ...args] = command;
    const child = spawn(file, args, {
      cwd: this.directory,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: `${join(this.directory, "bin")}:${join(process.execPath, "..")}:/usr/sbin:/usr/bin:/sbin:/bin`,
        HOME: this.directory,
        SANDBOX: this.directory,
        SPAWNPOINT_ROOT: this.root,
        SPAWNPOINT_METADATA_URL: this.url,
        SPAWNPOINT_METADATA_TRIES: "2",
        SPAWNPOINT_RETRY_DELAY_S: "0",
        SPAWNPOINT_EXCHANGE_WAIT_S: "1",
        ...env,
      },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += String(chunk);
      });
    }
    const done = new Promise<{ code: number | null; output: string }>((resolved) => {
      child.once("close", (code) => resolved({ code, output }));
    });
    return { child, done, said: () => output };
  }

  /** Runs user-data as cloud-init would. */
  async boot(user_data: string): Promise<{ code: number | null; output: string }> {
    const script = join(this.directory, "user-data");
    writeFileSync(script, user_data);
    return await this.spawn(["bash", script]).done;
  }

  bootstrap() {
    return this.spawn([join(this.root, "opt/spawnpoint/bootstrap.sh")]);
  }

  flag(kind: "fail" | "hang", name: string, on: boolean): void {
    const path = join(this.directory, kind, name);
    if (on) writeFileSync(path, "");
    else rmSync(path, { force: true });
  }

  calls(beginning = ""): string[] {
    const calls = (this.read("calls") ?? "").split("\n");
    return calls.filter((call) => call !== "" && call.startsWith(beginning));
  }

  read(path: string): string | null {
    const full = join(this.directory, path);
    return existsSync(full) ? readFileSync(full, "utf8") : null;
  }

  async dispose(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((closed) => this.#server?.close(closed));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
