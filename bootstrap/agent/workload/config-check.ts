/** Asks OpenClaw's own check, offline, what it thinks of a config file: `openclaw config validate --json`. */
import { execFile } from "node:child_process";
import * as z from "zod";
import { endFirst } from "./out-of-memory.ts";

export type ConfigVerdict =
  | { is: "valid" }
  /** @property faults each as `key: what is wrong with it`, bounded */
  | { is: "invalid"; faults: string }
  /** It did not answer, or not as expected: that says nothing about the file. */
  | { is: "unknown"; why: string };

const ARGUMENTS = ["config", "validate", "--json"];
/** It takes 1 to 2 s, and 10 s on a machine that has much else to do. */
const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 256 * 1024;

const MAX_FAULTS = 3;
const MAX_FAULT_CHARS = 120;
const Fault = z.object({ path: z.string(), message: z.string() });
const Answer = z.object({ valid: z.boolean(), issues: z.array(Fault).default([]) });

/** @param environment names the file by `OPENCLAW_CONFIG_PATH`. Never rejects. */
export function checkConfig(
  command: string,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ConfigVerdict> {
  return new Promise((resolve) => {
    const options = { env: environment, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, signal };
    const child = execFile(command, ARGUMENTS, options, (error, stdout) => {
      resolve(readVerdict(stdout, error === null ? 0 : error.code));
    });
    endFirst(child.pid);
    // Whoever reads its input instead of answering reads nothing.
    child.stdin?.end();
  });
}

/**
 * A file is called invalid only where the check names what is wrong with it.
 * @param code what it ended with: a number, the name of a system's error, or nothing after a signal
 */
export function readVerdict(stdout: string, code: unknown): ConfigVerdict {
  const answer = parseAnswer(stdout);
  if (answer === null) return { is: "unknown", why: `the check ended with ${String(code ?? "a signal")}` };
  if (answer.valid) return { is: "valid" };
  if (answer.issues.length === 0) return { is: "unknown", why: "the check names nothing" };
  const faults = answer.issues.slice(0, MAX_FAULTS).map(({ path, message }) => {
    return `${path}: ${message}`.replace(/\s+/g, " ").slice(0, MAX_FAULT_CHARS);
  });
  return { is: "invalid", faults: faults.join("; ") };
}

function parseAnswer(stdout: string): z.infer<typeof Answer> | null {
  try {
    return Answer.parse(JSON.parse(stdout));
  } catch {
    return null;
  }
}
