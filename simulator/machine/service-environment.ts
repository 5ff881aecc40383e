import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { MARK } from "./process-group.ts";
import type { Sandbox } from "./sandbox.ts";
import type { DirectoryKind, UnitFile } from "./unit-file.ts";
import { parseEnvironmentFile } from "./unit-syntax.ts";

const BASES: Readonly<Record<DirectoryKind, { path: string; variable: string }>> = {
  runtime: { path: "/run", variable: "RUNTIME_DIRECTORY" },
  state: { path: "/var/lib", variable: "STATE_DIRECTORY" },
  cache: { path: "/var/cache", variable: "CACHE_DIRECTORY" },
  logs: { path: "/var/log", variable: "LOGS_DIRECTORY" },
  configuration: { path: "/etc", variable: "CONFIGURATION_DIRECTORY" },
};

/** Real droplets have a loopback each; these share one, so that every port has to be a free one. */
const SHARED_LOOPBACK = { WORKLOAD_PORT: "0", AGENT_API_PORT: "0" };

/** All users of a machine are one here, and no socket starts a unit: the agent itself starts the workload. */
const ONE_USER = { WORKLOAD_LAUNCHER: "" };

/**
 * The variables of a service's process; makes its managed directories. Null when an environment file is missing that
 * is not optional. Values are handed on as they are: a program on a simulated machine finds its root by SPAWNPOINT_ROOT.
 */
export function serviceEnvironment(
  unit: UnitFile,
  mark: string,
  machine: Record<string, string>,
  sandbox: Sandbox,
): Record<string, string> | null {
  const environment: Record<string, string> = { ...machine, [MARK]: mark, INVOCATION_ID: mark };
  if (unit.user !== null) Object.assign(environment, { USER: unit.user, HOME: sandbox.home(unit.user) });
  for (const { kind, name } of unit.directories) {
    const { path, variable } = BASES[kind];
    const directory = sandbox.path(`${path}/${name}`);
    mkdirSync(directory, { recursive: true });
    environment[variable] = [environment[variable], directory].filter((each) => each !== undefined).join(":");
  }
  Object.assign(environment, unit.environment);
  for (const file of unit.environment_files) {
    const path = sandbox.path(file.path);
    if (existsSync(path)) Object.assign(environment, parseEnvironmentFile(readFileSync(path, "utf8")));
    else if (!file.optional) return null;
  }
  // A unit may widen the search path, but not get round the stand-ins.
  return { ...environment, ...SHARED_LOOPBACK, ...ONE_USER, PATH: machine.PATH ?? "" };
}
