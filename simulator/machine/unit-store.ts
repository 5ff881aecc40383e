import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { link, type Sandbox } from "./sandbox.ts";
import { parseUnitFile, type UnitFile } from "./unit-file.ts";

const DIRECTORIES = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
const DEFAULT_TARGET = "multi-user.target";

/** The unit files on a machine's disk, and which of them are enabled: that too is on the disk, as symbolic links. */
export class UnitStore {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** Reads a unit with its drop-ins, or null when there is none. */
  read(name: string): UnitFile | null {
    const path = this.#find(name);
    if (path === null) return null;
    const text = [path, ...this.#dropIns(name)].map((each) => readFileSync(each, "utf8")).join("\n");
    return parseUnitFile(name, text);
  }

  /** Every unit there is a file of. */
  names(): string[] {
    const names = DIRECTORIES.flatMap((directory) => list(this.#sandbox.path(directory)));
    return [...new Set(names.filter((name) => /\.(service|timer|socket|path|target)$/.test(name)))].sort();
  }

  /** Links the unit into the targets that want it. False when there is no such unit. */
  enable(name: string): boolean {
    const unit = this.read(name);
    if (unit === null) return false;
    for (const target of unit.wanted_by) {
      const wants = this.#wants(target);
      mkdirSync(wants, { recursive: true });
      link(`../${name}`, join(wants, name));
    }
    return true;
  }

  /** Removes the links. */
  disable(name: string): void {
    const system = this.#sandbox.path("/etc/systemd/system");
    for (const wants of list(system).filter((each) => each.endsWith(".wants"))) {
      rmSync(join(system, wants, name), { force: true });
    }
  }

  /** Whether the unit starts at boot. */
  isEnabled(name: string): boolean {
    return lstatSync(join(this.#wants(DEFAULT_TARGET), name), { throwIfNoEntry: false }) !== undefined;
  }

  /** The services that start at boot. */
  enabled(): string[] {
    return list(this.#wants(DEFAULT_TARGET)).filter((name) => name.endsWith(".service") && this.#find(name) !== null);
  }

  #wants(target: string): string {
    return this.#sandbox.path(`/etc/systemd/system/${target}.wants`);
  }

  #find(name: string): string | null {
    if (basename(name) !== name) return null;
    const paths = DIRECTORIES.map((directory) => this.#sandbox.path(`${directory}/${name}`));
    return paths.find((path) => existsSync(path)) ?? null;
  }

  #dropIns(name: string): string[] {
    return DIRECTORIES.map((directory) => this.#sandbox.path(`${directory}/${name}.d`)).flatMap((directory) =>
      list(directory)
        .filter((each) => each.endsWith(".conf"))
        .map((each) => join(directory, each)),
    );
  }
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
