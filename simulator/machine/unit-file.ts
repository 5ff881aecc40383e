import { parseDuration, splitWords } from "./unit-syntax.ts";

/** One command line of a unit, prefixes taken off. */
export interface UnitCommand {
  words: string[];
  /** The `-` prefix: a failure counts as success. */
  ignore_failure: boolean;
}

type RestartPolicy = "no" | "always" | "on-failure" | "on-success" | "on-abnormal";

/** The managed directories of a unit, relative to the base that systemd gives each kind. */
export type DirectoryKind = "runtime" | "state" | "cache" | "logs" | "configuration";

/** What this init understands of a service unit. Hardening and resource limits are read over. */
export interface UnitFile {
  type: "oneshot" | "simple";
  exec_start_pre: UnitCommand[];
  exec_start: UnitCommand[];
  exec_start_post: UnitCommand[];
  exec_stop: UnitCommand[];
  exec_stop_post: UnitCommand[];
  environment: Record<string, string>;
  environment_files: { path: string; optional: boolean }[];
  conditions: { path: string; negated: boolean }[];
  restart: RestartPolicy;
  restart_ms: number;
  remain_after_exit: boolean;
  /** Null: no limit. */
  timeout_start_ms: number | null;
  timeout_stop_ms: number | null;
  kill_signal: string;
  kill_mode: "control-group" | "mixed" | "process" | "none";
  working_directory: string | null;
  /** Decides on the home directory only: everything runs as whoever runs the simulator. */
  user: string | null;
  /** Where `StandardOutput=append:` sends the output; null for the journal. */
  output: string | null;
  directories: { kind: DirectoryKind; name: string }[];
  success_exit_status: number[];
  restart_prevent_exit_status: number[];
  requires: string[];
  wants: string[];
  after: string[];
  wanted_by: string[];
}

const STOP_TIMEOUT_MS = 90_000;
const RESTART_MS = 100;
const SKIPPED_PREFIXES = /^[+!@:|]/;
const RESTARTS: readonly string[] = ["no", "always", "on-failure", "on-success", "on-abnormal"];
const KILL_MODES: readonly string[] = ["control-group", "mixed", "process", "none"];

const DIRECTORIES: Readonly<Record<string, DirectoryKind>> = {
  RuntimeDirectory: "runtime",
  StateDirectory: "state",
  CacheDirectory: "cache",
  LogsDirectory: "logs",
  ConfigurationDirectory: "configuration",
};

/** Reads a unit file. Settings it does not know change nothing, as with an older systemd. */
export function parseUnitFile(name: string, text: string): UnitFile {
  const settings = readSettings(name, text);
  const last = (key: string) => settings.get(key)?.at(-1);
  const words = (key: string) => (settings.get(key) ?? []).flatMap(splitWords);
  const commands = (key: string) => (settings.get(key) ?? []).map(readCommand).filter((each) => each.words.length > 0);
  const oneshot = last("Type") === "oneshot";
  const duration = (key: string, otherwise: number | null) => {
    const value = last(key);
    return value === undefined ? otherwise : parseDuration(value);
  };
  const timeout_start = duration("TimeoutStartSec", duration("TimeoutSec", null));
  return {
    type: oneshot ? "oneshot" : "simple",
    exec_start_pre: commands("ExecStartPre"),
    exec_start: commands("ExecStart"),
    exec_start_post: commands("ExecStartPost"),
    exec_stop: commands("ExecStop"),
    exec_stop_post: commands("ExecStopPost"),
    environment: Object.fromEntries(words("Environment").flatMap(readAssignment)),
    environment_files: (settings.get("EnvironmentFile") ?? []).map((value) => ({
      path: value.replace(/^-/, ""),
      optional: value.startsWith("-"),
    })),
    conditions: (settings.get("ConditionPathExists") ?? []).map((value) => ({
      path: value.replace(/^[|!]+/, ""),
      negated: value.includes("!"),
    })),
    restart: oneOf(last("Restart"), RESTARTS, "no") as RestartPolicy,
    // "infinity" would mean never; nobody writes it, and a restart that never comes is no restart.
    restart_ms: duration("RestartSec", RESTART_MS) ?? RESTART_MS,
    remain_after_exit: isYes(last("RemainAfterExit")),
    timeout_start_ms: timeout_start === 0 ? null : timeout_start,
    timeout_stop_ms: duration("TimeoutStopSec", duration("TimeoutSec", STOP_TIMEOUT_MS)),
    kill_signal: readSignal(last("KillSignal")),
    kill_mode: oneOf(last("KillMode"), KILL_MODES, "control-group") as UnitFile["kill_mode"],
    working_directory: last("WorkingDirectory")?.replace(/^-/, "") ?? null,
    user: last("User") ?? null,
    output: /^(?:append|file|truncate):(\/.*)$/.exec(last("StandardOutput") ?? "")?.[1] ?? null,
    directories: Object.entries(DIRECTORIES).flatMap(([key, kind]) =>
      words(key).map((directory) => ({ kind, name: directory })),
    ),
    success_exit_status: readStatuses(words("SuccessExitStatus")),
    restart_prevent_exit_status: readStatuses(words("RestartPreventExitStatus")),
    requires: [...words("Requires"), ...words("BindsTo")],
    wants: words("Wants"),
    after: words("After"),
    wanted_by: [...words("WantedBy"), ...words("RequiredBy")],
  };
}

/** All settings, section by section order kept; an empty value forgets what came before it. */
function readSettings(name: string, text: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const line of logicalLines(text)) {
    const equals = line.indexOf("=");
    if (line.startsWith("[") || equals < 1) continue;
    const key = line.slice(0, equals).trim();
    const value = line.slice(equals + 1).trim();
    if (value === "") settings.set(key, []);
    else settings.set(key, [...(settings.get(key) ?? []), expandSpecifiers(name, value)]);
  }
  return settings;
}

/** Joins continued lines; comments vanish, also between continued lines. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let pending = "";
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line.startsWith("#") || line.startsWith(";")) continue;
    if (line.endsWith("\\")) {
      pending += `${line.slice(0, -1)} `;
      continue;
    }
    lines.push((pending + line).trim());
    pending = "";
  }
  if (pending !== "") lines.push(pending.trim());
  return lines;
}

function expandSpecifiers(name: string, value: string): string {
  const stem = name.replace(/\.[a-z]+$/, "");
  const [prefix = stem, instance = ""] = stem.split("@");
  const meaning: Record<string, string> = {
    "%": "%",
    n: name,
    N: stem,
    p: prefix,
    i: instance,
    t: "/run",
    S: "/var/lib",
    C: "/var/cache",
    L: "/var/log",
    E: "/etc",
    h: "/root",
    u: "root",
  };
  return value.replace(/%(.)/g, (whole, letter: string) => meaning[letter] ?? whole);
}

function readCommand(value: string): UnitCommand {
  let rest = value;
  let ignore_failure = false;
  while (rest.startsWith("-") || SKIPPED_PREFIXES.test(rest)) {
    ignore_failure ||= rest.startsWith("-");
    rest = rest.slice(1);
  }
  return { words: splitWords(rest), ignore_failure };
}

function readAssignment(word: string): [string, string][] {
  const equals = word.indexOf("=");
  return equals < 1 ? [] : [[word.slice(0, equals), word.slice(equals + 1)]];
}

function readStatuses(words: string[]): number[] {
  return words.map(Number).filter(Number.isInteger);
}

function readSignal(value: string | undefined): string {
  if (value === undefined) return "SIGTERM";
  return value.startsWith("SIG") ? value : `SIG${value}`;
}

function isYes(value: string | undefined): boolean {
  return value !== undefined && /^(yes|true|on|1)$/i.test(value);
}

function oneOf(value: string | undefined, known: readonly string[], otherwise: string): string {
  return value !== undefined && known.includes(value) ? value : otherwise;
}
