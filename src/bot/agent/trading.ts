/** What the workload reports of its trading: kept to be shown, and held against the limits of the config that runs. */
import type { HeartbeatRequest } from "../../wire/agent.ts";
import type { EventBody } from "../model/events.ts";
import { judgeReport } from "../model/limits.ts";
import type { Instant } from "../model/state.ts";
import type { Runtime } from "../reconcile/decision.ts";
import type { BotShell, Live } from "../shell/shell.ts";

type Trading = Runtime["trading"];

/**
 * What a heartbeat says of it, and what follows. Nothing is read or written where the report and the config are those of
 * the last one.
 * @returns the very same object where nothing is new
 */
export function hearReport(
  shell: BotShell,
  { bot, rt }: Live,
  beat: HeartbeatRequest,
  now: Instant,
): { trading: Trading; events: EventBody[] } {
  const before = rt.trading;
  const report = beat.report ?? null;
  const report_error = beat.report_error ?? null;
  if (report === null && report_error === null) return { trading: null, events: [] };
  const { effective, applied } = bot.config;
  const running = effective ?? applied;
  const known =
    before !== null && before.report_error === report_error && JSON.stringify(before.report) === JSON.stringify(report);
  if (known && before.judged === (running?.id ?? null)) return { trading: before, events: [] };
  const trading = { report, report_error, received_at: known ? before.received_at : now, judged: running?.id ?? null };
  const config = running === null || report === null ? null : shell.store.config(running.version);
  return { trading, events: report === null || config === null ? [] : judgeReport(bot, report, config) };
}
