/** Pure: whether a running workload can go on under another config, or has to be started anew for it. */
import { isDeepStrictEqual } from "node:util";

export interface Rendered {
  /** Null where it is not known. */
  environment: Readonly<Record<string, string>> | null;
  /** `openclaw.json`; null where it is left alone. */
  file: string | null;
}

/**
 * The rules are read anew at each turn of the model, the environment and the arguments never. OpenClaw may take some of
 * its own file while it runs, but does not tell us what it took: a change there is a start.
 * @returns why it has to be started; null where it has not
 */
export function whyStartAnew(running: Rendered, next: Rendered): string | null {
  if (running.environment === null) return "what it was started with is not known";
  if (!isDeepStrictEqual(running.environment, next.environment)) return "its environment changes";
  if (next.file === null) return null;
  return isDeepStrictEqual(parse(running.file), parse(next.file)) ? null : "openclaw.json changes";
}

function parse(text: string | null): unknown {
  try {
    return JSON.parse(text?.replace(/^\ufeff/, "") ?? "");
  } catch {
    return text;
  }
}
