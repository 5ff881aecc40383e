import type { Init } from "./init.ts";

/** What a call of `systemctl` ends with. */
export interface Answer {
  code: number;
  /** For standard output, or standard error when the code is not 0 and the verb is no question. */
  text: string;
}

/** What a machine can be told to do with itself. */
export type Halt = "poweroff" | "reboot";

interface Request {
  verb: string;
  units: string[];
  flags: Set<string>;
  properties: string[];
}

const FLAGS_WITH_VALUE = new Set(["-p", "--property", "-t", "--type", "-n", "--lines", "--job-mode", "-s", "--signal"]);
const NOT_FOUND = 5;
const NOT_RUNNING = 3;

/** Does what `systemctl` was asked for, with systemd's exit codes. */
export async function systemctl(init: Init, words: readonly string[], halt: (how: Halt) => void): Promise<Answer> {
  const request = readRequest(words);
  switch (request.verb) {
    case "poweroff":
    case "halt":
      halt("poweroff");
      return done();
    case "reboot":
      halt("reboot");
      return done();
    case "is-system-running":
      return { code: 0, text: "running\n" };
    case "list-units":
    case "list-unit-files":
      return {
        code: 0,
        text: init
          .view()
          .map((each) => `${each.name} ${each.active}\n`)
          .join(""),
      };
    case "is-active":
    case "is-failed":
    case "is-enabled":
    case "show":
    case "status":
    case "cat":
      return question(init, request);
    default:
      return command(init, request);
  }
}

async function command(init: Init, request: Request): Promise<Answer> {
  const { verb, units, flags } = request;
  switch (verb) {
    case "daemon-reload":
    case "daemon-reexec":
    case "mask":
    case "unmask":
    case "preset":
    case "set-default":
      return done();
    case "enable":
    case "reenable":
      return enable(init, units, flags);
    case "disable":
      for (const name of units) init.units.disable(name);
      if (flags.has("--now")) await stopAll(init, units);
      return done();
    case "start":
      return start(init, units, flags);
    case "stop":
      return unlessBlocking(flags, stopAll(init, units));
    case "try-restart":
    case "condrestart":
      return restart(init, { ...request, units: units.filter((name) => init.service(name)?.state === "active") });
    case "restart":
    case "reload-or-restart":
      return restart(init, request);
    case "reload":
    case "kill":
      for (const name of units) init.service(name)?.group?.signal(verb === "reload" ? "SIGHUP" : "SIGTERM");
      return done();
    case "reset-failed":
      for (const name of units.length > 0 ? units : init.units.names()) init.service(name)?.reset();
      return done();
    default:
      return { code: 1, text: `Unknown command verb ${verb}.\n` };
  }
}

function question(init: Init, { verb, units, flags, properties }: Request): Answer {
  const states = units.map((name) => init.service(name)?.state ?? "inactive");
  const quiet = flags.has("--quiet") || flags.has("-q");
  const lines = (values: string[]) => (quiet ? "" : values.map((each) => `${each}\n`).join(""));
  switch (verb) {
    case "is-active":
      return { code: states.includes("active") ? 0 : NOT_RUNNING, text: lines(states) };
    case "is-failed":
      return { code: states.includes("failed") ? 0 : 1, text: lines(states) };
    case "is-enabled": {
      const enabled = units.map((name) => init.units.isEnabled(name));
      return {
        code: enabled.includes(true) ? 0 : 1,
        text: lines(enabled.map((each) => (each ? "enabled" : "disabled"))),
      };
    }
    case "show":
      return { code: 0, text: units.map((name) => show(init, name, properties, flags.has("--value"))).join("\n") };
    case "cat": {
      const known = units.every((name) => init.units.read(name) !== null);
      return { code: known ? 0 : 1, text: "" };
    }
    default: {
      const text = units.map((name, index) => `${name}\n     Active: ${states[index]}\n`).join("");
      if (units.some((name) => init.units.read(name) === null)) return { code: 4, text };
      return { code: states.every((each) => each === "active") ? 0 : NOT_RUNNING, text };
    }
  }
}

function show(init: Init, name: string, wanted: readonly string[], bare: boolean): string {
  const service = init.service(name);
  const state = service?.state ?? "inactive";
  const values: Record<string, string> = {
    Id: name,
    LoadState: init.units.read(name) === null ? "not-found" : "loaded",
    ActiveState: state,
    SubState: state === "active" ? (service?.main_pid === null ? "exited" : "running") : state,
    UnitFileState: init.units.isEnabled(name) ? "enabled" : "disabled",
    MainPID: String(service?.main_pid ?? 0),
    NRestarts: String(service?.restarts ?? 0),
    Result: service?.result ?? "success",
  };
  const keys = wanted.length > 0 ? wanted : Object.keys(values);
  return keys.map((key) => (bare ? `${values[key] ?? ""}\n` : `${key}=${values[key] ?? ""}\n`)).join("");
}

function enable(init: Init, units: readonly string[], flags: ReadonlySet<string>): Promise<Answer> | Answer {
  const missing = units.find((name) => !init.units.enable(name));
  if (missing !== undefined) return { code: 1, text: `Failed to enable unit: Unit file ${missing} does not exist.\n` };
  return flags.has("--now") ? start(init, units, flags) : done();
}

function start(init: Init, units: readonly string[], flags: ReadonlySet<string>): Promise<Answer> | Answer {
  // Timers, sockets and targets are accepted and do nothing.
  const services = units.filter((name) => name.endsWith(".service"));
  const missing = services.find((name) => init.units.read(name) === null);
  if (missing !== undefined)
    return { code: NOT_FOUND, text: `Failed to start ${missing}: Unit ${missing} not found.\n` };
  return unlessBlocking(flags, startAll(init, services));
}

async function startAll(init: Init, units: readonly string[]): Promise<Answer> {
  const failed = await init.start(units);
  if (failed.length === 0) return done();
  return { code: 1, text: failed.map((name) => `Job for ${name} failed.\n`).join("") };
}

async function restart(init: Init, { units, flags }: Request): Promise<Answer> {
  const work = stopAll(init, units).then(() => start(init, units, new Set()));
  return unlessBlocking(flags, work);
}

async function stopAll(init: Init, units: readonly string[]): Promise<Answer> {
  await Promise.all(units.map((name) => init.stop(name)));
  return done();
}

/** `--no-block` only queues the job. */
function unlessBlocking(flags: ReadonlySet<string>, work: Promise<Answer>): Promise<Answer> | Answer {
  return flags.has("--no-block") ? done() : work;
}

function done(): Answer {
  return { code: 0, text: "" };
}

function readRequest(words: readonly string[]): Request {
  const request: Request = { verb: "", units: [], flags: new Set(), properties: [] };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    if (!word.startsWith("-")) {
      if (request.verb === "") request.verb = word;
      else request.units.push(/\.[a-z]+$/.test(word) ? word : `${word}.service`);
      continue;
    }
    const [flag = word, value] = word.split("=", 2);
    request.flags.add(flag);
    if (!FLAGS_WITH_VALUE.has(flag)) continue;
    if (value === undefined) index += 1;
    const given = value ?? words[index] ?? "";
    if (flag === "-p" || flag === "--property") request.properties.push(...given.split(","));
  }
  return request;
}
