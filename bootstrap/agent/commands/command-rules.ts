/** Pure: what is to be done about a command, how a restart is judged, and how much of its results one status carries. */
import {
  type AgentCommand,
  type CommandResult,
  MAX_COMMAND_RESULTS,
  MAX_LOG_LINES,
  MAX_OUTPUT_CHARS,
} from "../../../src/wire/agent.ts";
import { MAX_FRAME_BYTES } from "../../../src/wire/channel.ts";
import { COMMAND_KINDS, type CommandKind, type WorkloadState } from "../../../src/wire/enums.ts";

/** A result before it is known whose it is. */
export type Result = Omit<CommandResult, "id">;

export type CommandVerdict =
  /** It is done, and here it comes again: its result did not arrive. */
  { do: "repeat" } | { do: "nothing" } | { do: "answer"; result: Result } | { do: "carry_out"; kind: CommandKind };

/** Results that wait to be confirmed, beyond which no new command is begun. */
const MAX_OWED = 16;

export interface CommandView {
  known: "unknown" | "begun" | "done";
  owed: number;
  /** Unix time, ms. */
  now_ms: number;
}

export function judgeCommand(command: AgentCommand, view: CommandView): CommandVerdict {
  if (view.known === "done") return { do: "repeat" };
  // One that has begun answers in time; one too many is delivered again.
  if (view.known === "begun" || view.owed >= MAX_OWED) return { do: "nothing" };
  if (expiry(command, view.now_ms) <= view.now_ms)
    return { do: "answer", result: { ok: false, detail: "The command expired before it could run." } };
  const kind = COMMAND_KINDS.find((one) => one === command.kind);
  if (kind !== undefined) return { do: "carry_out", kind };
  const detail = `This agent version does not support the command ${command.kind}.`.slice(0, MAX_DETAIL_CHARS);
  return { do: "answer", result: { ok: false, detail } };
}

/** Unix time, ms; a time that cannot be read is over. */
export function expiry(command: AgentCommand, now_ms: number): number {
  const at_ms = Date.parse(command.expires_at);
  return Number.isFinite(at_ms) ? at_ms : now_ms;
}

export interface RestartView {
  /** The config that is meant to be up. */
  up: string | null;
  state: WorkloadState;
  reason: string | null;
  /** Times that the workload ended by itself since. */
  exits: number;
  elapsed_ms: number;
}

export interface RestartLimits {
  /** The longest that bringing the workload to its end may take. */
  wind_down_ms: number;
  apply_deadline_ms: number;
}

/** @returns null while the restart is still under way. */
export function judgeRestart(view: RestartView, limits: RestartLimits): Result | null {
  const why = view.reason ?? "unknown reason";
  if (view.up === null) return { ok: false, detail: sentence("The workload was stopped during the restart", why) };
  if (view.state === "running") return { ok: true, detail: "The workload has restarted." };
  if (view.state === "failed" || view.exits > 0) {
    return { ok: false, detail: sentence("The workload was stopped but does not start again", why) };
  }
  const within_ms = limits.wind_down_ms + limits.apply_deadline_ms;
  if (view.elapsed_ms < within_ms) return null;
  return { ok: false, detail: `The workload was not ready within ${within_ms / 1000} s of the restart.` };
}

/** What the way down takes beyond its rungs: the applier's next look, and a start that is on its way. */
const STOP_SLACK_MS = 30_000;

export interface StopView extends Pick<RestartView, "up" | "state" | "elapsed_ms"> {
  /** A person's stop is still in force. */
  stopped_here: boolean;
  /** What ran when the stop was commanded has ended. */
  ended: boolean;
}

/** @returns null while the workload is still on its way down. */
export function judgeStop(view: StopView, { wind_down_ms }: Pick<RestartLimits, "wind_down_ms">): Result | null {
  // A failed one has no process, as a stopped one.
  if (view.up === null && (view.state === "stopped" || view.state === "failed")) {
    return { ok: true, detail: "The workload has stopped." };
  }
  if (!view.stopped_here && view.state !== "stopping") {
    if (view.ended) return { ok: true, detail: "The workload has stopped, and was started again." };
    return { ok: false, detail: "The workload was started again before it had stopped." };
  }
  const within_ms = wind_down_ms + STOP_SLACK_MS;
  if (view.elapsed_ms < within_ms) return null;
  return { ok: false, detail: `The workload has not stopped within ${within_ms / 1000} s.` };
}

const MAX_DETAIL_CHARS = 500;

function sentence(what: string, why: string): string {
  return `${what}: ${why}`.slice(0, MAX_DETAIL_CHARS - 1).concat(".");
}

/** What a status holds beside its results is far below this. */
const REST_OF_STATUS_BYTES = 16 * 1024;

/** The first few that fit one status. The first always does: an output is bounded far below a frame. */
export function resultsThatFit(owed: readonly CommandResult[]): CommandResult[] {
  let left_bytes = MAX_FRAME_BYTES - REST_OF_STATUS_BYTES;
  const fitting: CommandResult[] = [];
  for (const result of owed.slice(0, MAX_COMMAND_RESULTS)) {
    left_bytes -= Buffer.byteLength(JSON.stringify(result)) + 1;
    if (left_bytes < 0) break;
    fitting.push(result);
  }
  return fitting;
}

const DEFAULT_LOG_LINES = 200;

/**
 * The last lines, as many as were asked for and an output may hold; of a line that alone is too long, its end.
 * @param clean takes secrets out of a line, which must happen while it is whole.
 */
export function lastLines(
  lines: readonly string[],
  asked: number | undefined,
  clean: (line: string) => string,
): string {
  const wanted = Math.min(asked ?? DEFAULT_LOG_LINES, MAX_LOG_LINES);
  const taken: string[] = [];
  let left_chars = MAX_OUTPUT_CHARS;
  for (const line of lines.slice(-wanted).reverse()) {
    const text = clean(line);
    if (text.length + 1 > left_chars && taken.length > 0) break;
    taken.unshift(text.slice(-left_chars));
    left_chars -= text.length + 1;
  }
  return taken.join("\n").toWellFormed();
}
