/**
 * Watches the report that the workload may write of its trading. It is read as anything that somebody else writes: no links,
 * a regular file, so many bytes; and what it says is published only so often, whoever asks.
 */
import { MAX_REPORT_BYTES, ReportFile, type TradingReport } from "../../../src/wire/trading-report.ts";
import { readForeign } from "../base/foreign-files.ts";
import { describeError, type Log } from "../base/log.ts";
import { sleep } from "../base/timing.ts";

const ERROR_CHARS = 300;

/** As a heartbeat carries it. None of both: there is no report. */
export interface Reported {
  report?: TradingReport;
  /** Why there is one that cannot be used. */
  report_error?: string;
}

export interface ReportWatchDeps {
  /** A directory that is the workload's, and the file below it. */
  root: string;
  path: string;
  look_every_ms: number;
  /** Between two reports at least, ms. */
  gap_ms: number;
  redact: (text: string) => string;
  /** Monotonic, ms. */
  now_ms: () => number;
  log: Log;
  onChange: () => void;
}

export class ReportWatch {
  readonly #deps: ReportWatchDeps;
  #published: Reported = {};
  #published_at_ms = Number.NEGATIVE_INFINITY;
  #last_text: string | null = null;

  constructor(deps: ReportWatchDeps) {
    this.#deps = deps;
  }

  /** What the next heartbeat says. */
  get reported(): Reported {
    return this.#published;
  }

  async loop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.look();
      await sleep(this.#deps.look_every_ms, signal);
    }
  }

  look(): void {
    const { now_ms, gap_ms, log, onChange } = this.#deps;
    const now = now_ms();
    if (now - this.#published_at_ms < gap_ms) return;
    const next = this.#read();
    if (next === null || JSON.stringify(next) === JSON.stringify(this.#published)) return;
    if (next.report_error !== undefined) log("report_unusable", { reason: next.report_error });
    this.#published = next;
    this.#published_at_ms = now;
    onChange();
  }

  /** @returns null where the file may be half written: one that is no report has to be so twice. */
  #read(): Reported | null {
    const { root, path, redact } = this.#deps;
    let text: string | null;
    try {
      text = readForeign(root, path, MAX_REPORT_BYTES);
    } catch (error) {
      return { report_error: redact(describeError(error)).slice(0, ERROR_CHARS) };
    }
    const [before, reported] = [this.#last_text, readReport(text, redact)];
    this.#last_text = text;
    return reported.report_error !== undefined && text !== before ? null : reported;
  }
}

/** @param text of the file; null: there is none. @param redact takes known secrets out of a text */
export function readReport(text: string | null, redact: (text: string) => string): Reported {
  if (text === null) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { report_error: "report.json is not JSON" };
  }
  const parsed = ReportFile.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "report.json"}: ${message}`);
    return { report_error: redact(faults.join("; ")).slice(0, ERROR_CHARS) };
  }
  const symbols = parsed.data.open_positions?.map(({ symbol }) => symbol) ?? [];
  // Redacted, it would be no symbol any more, and the whole heartbeat would be refused for it.
  if (symbols.some((symbol) => symbol.includes("[") || redact(symbol) !== symbol)) {
    return { report_error: "open_positions: a symbol looks like a secret" };
  }
  return { report: parsed.data };
}
