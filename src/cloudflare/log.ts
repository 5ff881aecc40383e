/** Structured logs, one JSON object a line, through one place. */
import { redact } from "../wire/redact.ts";

export function log(entry: Record<string, unknown>): void {
  const line = JSON.stringify(redact(entry));
  if (entry.level === "error") console.error(line);
  else if (entry.level === "warn") console.warn(line);
  else console.log(line);
}
