import { randomUUID } from "node:crypto";
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { STAND_IN_NAMES } from "./stand-in-names.ts";

const STAND_INS = fileURLToPath(new URL("../standins", import.meta.url));
const HOST_PATH = ["/usr/local/bin", "/usr/bin", "/bin"];
const DIRECTORIES = [
  "etc/apt/keyrings",
  "etc/apt/sources.list.d",
  "etc/systemd/system/multi-user.target.wants",
  "home",
  "opt",
  "root",
  "run",
  "tmp",
  "usr/bin",
  "usr/lib/systemd/system",
  "usr/local/bin",
  "var/lib",
  "var/log/journal",
  "proc/sys/kernel/random",
];

const OS_RELEASE = 'ID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nPRETTY_NAME="Ubuntu 24.04 (simulated)"\n';

/** Kernel interfaces that every machine shares with its host. */
const SHARED_WITH_HOST = /^\/(dev|sys|proc(?!\/sys\/kernel\/random\/boot_id$))(\/|$)/;

/**
 * The disk of one machine: a directory that programs take for `/`. Beside it lie the programs that stand in for those
 * which would change the host.
 */
export class Sandbox {
  readonly base: string;
  readonly root: string;
  readonly programs: string;

  constructor(base: string) {
    this.base = base;
    this.root = join(base, "root");
    this.programs = join(base, "programs");
  }

  /** Makes the disk, if it is new, and the stand-ins. Call at every boot: `/run` and `/tmp` come up empty. */
  prepare(): { boot_id: string } {
    for (const name of ["run", "tmp"]) rmSync(join(this.root, name), { recursive: true, force: true });
    for (const name of DIRECTORIES) mkdirSync(join(this.root, name), { recursive: true });
    this.#writeStandIns();
    writeFileSync(this.path("/etc/os-release"), OS_RELEASE);
    const boot_id = randomUUID();
    writeFileSync(this.path("/proc/sys/kernel/random/boot_id"), `${boot_id}\n`);
    return { boot_id };
  }

  /** Where a path of the machine is on the host. Paths that lead into the sandbox already stay as they are. */
  path(inside: string): string {
    if (inside === this.root || inside.startsWith(`${this.root}/`) || SHARED_WITH_HOST.test(inside)) return inside;
    return join(this.root, inside);
  }

  /** Where a program is that a unit calls by its absolute path: in the sandbox, a stand-in, or the host's own. */
  program(inside: string): string {
    if (!inside.startsWith("/")) return inside;
    const mapped = this.path(inside);
    if (existsSync(mapped)) return mapped;
    const name = basename(inside);
    const stand_in = join(this.programs, name);
    if (existsSync(stand_in)) return stand_in;
    return existsSync(inside) ? inside : name;
  }

  /** An argument that names a path of the machine, as its path on the host; every other argument as it is. */
  argument(word: string): string {
    if (word.startsWith("/")) return this.path(word);
    const option = /^(--?[\w-]+=)(\/.*)$/.exec(word);
    return option?.[1] === undefined || option[2] === undefined ? word : option[1] + this.path(option[2]);
  }

  /** The search path: stand-ins hide the host's programs, and are hidden by nothing. */
  searchPath(): string {
    const own = ["/usr/local/bin", "/usr/bin"].map((directory) => join(this.root, directory));
    return [this.programs, ...own, ...HOST_PATH, dirname(process.execPath)].join(":");
  }

  /** The home of a user that `useradd` made; root's otherwise. */
  home(user: string | null): string {
    const users = join(this.base, "users");
    const lines = existsSync(users) ? readFileSync(users, "utf8").split("\n") : [];
    const found = lines.map((line) => line.split(":")).find(([name]) => name === user);
    return this.path(found?.[1] ?? "/root");
  }

  /** Tells the stand-ins where this boot's init listens, and which OpenClaw is wanted. */
  announce(init_url: string, openclaw: string): void {
    writeFileSync(join(this.base, "init-url"), `${init_url}\n`, { mode: 0o600 });
    writeFileSync(join(this.base, "openclaw"), `${openclaw}\n`);
  }

  /** The machine's console: what user-data wrote. */
  get console(): string {
    return this.path("/var/log/cloud-init-output.log");
  }

  /** Removes the disk. The logs are kept in `tombstone`. */
  remove(tombstone: string): void {
    const logs = this.path("/var/log");
    if (existsSync(logs)) cpSync(logs, tombstone, { recursive: true });
    rmSync(this.base, { recursive: true, force: true });
  }

  #writeStandIns(): void {
    mkdirSync(this.programs, { recursive: true });
    for (const name of STAND_IN_NAMES) {
      const lines = [
        "#!/bin/bash",
        // Set here and not inherited: sudo and its like pass on a clean environment.
        `export SPAWNPOINT_ROOT=${quote(this.root)} SPAWNPOINT_MACHINE=${quote(this.base)}`,
        `exec /bin/bash ${quote(join(STAND_INS, "dispatch.sh"))} ${name} "$@"`,
      ];
      writeFileSync(join(this.programs, name), `${lines.join("\n")}\n`, { mode: 0o755 });
    }
    link(process.execPath, join(this.programs, "node"));
  }
}

/** Quotes a word for bash. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Makes a symbolic link, in place of whatever was there. */
export function link(target: string, path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) rmSync(path);
  symlinkSync(target, path);
}
