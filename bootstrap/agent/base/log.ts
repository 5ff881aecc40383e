/** Structured logs: one JSON object a line on stdout, redacted. */
import { redact } from "../../../src/wire/redact.ts";

export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void;

export function createLog(write: (line: string) => void, now: () => Date, known: () => readonly string[]): Log {
  return (event, fields = {}) => {
    write(JSON.stringify(redact({ at: now().toISOString(), event, ...fields }, known())));
  };
}

/** An error's message with its causes (fetch hides the real reason there), bounded. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let e: unknown = error; e !== undefined && parts.length < 4; e = e instanceof Error ? e.cause : undefined) {
    parts.push(e instanceof Error ? e.message : String(e));
  }
  return parts.join(": ").slice(0, 400);
}
