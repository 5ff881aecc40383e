/**
 * `openclaw.json` before a start: rendered anew, and asked about before the gateway reads it. What is invalid through
 * somebody else's doing is set aside for the text of the last healthy start; what our own rendering makes invalid is the
 * config's fault.
 */
import { rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readText, renameDurably, writeDurably } from "../base/files.ts";
import { setAside, writeForeign } from "../base/foreign-files.ts";
import type { Log } from "../base/log.ts";
import type { ConfigVerdict } from "./config-check.ts";

/** The bot's config itself makes OpenClaw's invalid: starting it again changes nothing. */
export class BadConfigError extends Error {
  override name = "BadConfigError";
}

export interface ConfigFileDeps {
  path: string;
  /** What the last healthy start was made with, where that is known. */
  good: string | null;
  /** The file as it is; null: there is none that can be read. */
  read: () => string | null;
  /** @returns the text with our settings in it; null where the present one has to be left alone */
  render: (present: string | null) => string | null;
  check: (path: string) => Promise<ConfigVerdict>;
  log: Log;
}

export interface Prepared {
  /** What the start is made with. */
  text: string | null;
  /** What had to be done, as a sentence; null: nothing. */
  repaired: string | null;
  /** Whether OpenClaw has called it valid. */
  checked: boolean;
}

/** @throws {BadConfigError} */
export async function prepareConfigFile(deps: ConfigFileDeps): Promise<Prepared> {
  const present = deps.read();
  const rendered = deps.render(present);
  if (rendered === null) deps.log("workload_config_left_alone", { path: deps.path });
  const verdict = rendered === null ? await deps.check(deps.path) : await tryText(deps, rendered);
  if (verdict.is === "unknown") deps.log("workload_config_unchecked", { why: verdict.why });
  if (verdict.is !== "invalid") return { text: rendered ?? present, repaired: null, checked: verdict.is === "valid" };
  deps.log("workload_config_invalid", { path: deps.path, faults: verdict.faults });
  return restore(deps, rendered, verdict.faults);
}

/** The agent's own copy, for the day on which the file is found broken. */
export function keepGood(good_path: string, text: string | null): void {
  if (text !== null && readText(good_path) !== text.trim()) writeDurably(good_path, text);
}

/** From the text that was good last, or else from none. */
async function restore(deps: ConfigFileDeps, failed: string | null, faults: string): Promise<Prepared> {
  const { path, good, render, read, log } = deps;
  const name = basename(path);
  const tried = new Set([failed]);
  for (const [base, from] of [
    [good, "the one of the last healthy start"],
    [null, "a new one"],
  ] as const) {
    const text = render(base) ?? base;
    if (text === null || tried.has(text)) continue;
    tried.add(text);
    const there = read() !== null;
    const verdict = await tryText({ ...deps, replace: () => there && setAside(path) }, text);
    if (verdict.is === "unknown")
      throw new Error(`${name} is invalid (${faults}), and what may take its place is unchecked`);
    if (verdict.is === "invalid") continue;
    const repaired = `${name} was invalid (${faults}); it was set aside, and ${from} put in its place`;
    log("workload_config_restored", { path, faults, from });
    return { text, repaired, checked: true };
  }
  throw new BadConfigError(`${name}: ${faults}`);
}

/** Puts the text in place unless it is called invalid: what is there stays, for the config that comes next. */
async function tryText(deps: ConfigFileDeps & { replace?: () => unknown }, text: string): Promise<ConfigVerdict> {
  const { path, check, replace } = deps;
  // In the same directory: a config may name files beside it.
  const candidate = join(dirname(path), `.spawnpoint-candidate-${basename(path)}`);
  try {
    writeForeign(dirname(path), candidate, text);
    const verdict = await check(candidate);
    if (verdict.is === "invalid" || (replace !== undefined && verdict.is === "unknown")) return verdict;
    replace?.();
    renameDurably(candidate, path);
    return verdict;
  } finally {
    rmSync(candidate, { force: true, recursive: true });
  }
}
