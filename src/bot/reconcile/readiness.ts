/**
 * The workload of a bot that is to become online: it has to be ready once since its start, and has a deadline for that.
 * Whatever it does, its droplet is not touched: a workload alone is no reason to switch a machine off or to replace it. Pure.
 */
import { type BotState, type Instant, isRunning } from "../model/state.ts";
import { isStarting } from "../model/status.ts";
import type { Decision } from "./decision.ts";
import { silenceDeadline } from "./silence.ts";
import type { Situation } from "./situation.ts";
import { fail, record, succeed, waitUntil } from "./steps.ts";

const CODE = "workload_not_ready";
const AWAITED = "workload_ready";

/** Null: it is not awaited. */
function readyDeadline({ bot, rt, policy }: Situation): Instant | null {
  if (bot.starting_since === null || !isStarting(bot)) return null;
  const { starting_since, order_since, presence_since, config } = bot;
  return Math.max(starting_since, order_since, presence_since, config.since, rt.deaf_until) + policy.ready_deadline_ms;
}

/** Of an operation whose agent serves; null: it has what it was for. */
export function awaitReady(s: Situation): Decision | null {
  const deadline = readyDeadline(s);
  if (deadline === null || s.bot.agent === null) return null;
  const silentAt = silenceDeadline(s.rt, s.bot.agent.bound_at, s.policy);
  // The agent was there, and has gone: that is judged, and healed, as of any bot at rest.
  if (s.now >= silentAt) return succeed(s);
  return s.now < deadline ? waitUntil(Math.min(deadline, silentAt), AWAITED) : fail(s, CODE, detailOf(s));
}

/** As after a heal, or a silence that ended by itself: nothing is under way, and the bot is not online yet. */
export function awaitReadyAtRest(s: Situation): Decision | null {
  const deadline = readyDeadline(s);
  if (deadline === null || s.bot.error !== null || isRunning(s.bot.operation)) return null;
  if (s.now < deadline) return waitUntil(deadline, AWAITED);
  return record({ kind: CODE, data: { detail: detailOf(s) } });
}

function detailOf({ bot, rt }: Situation): string {
  const state = rt.telemetry?.workload.state ?? "unknown";
  const since = bot.starting_since ?? 0;
  const why = rt.crashes?.reason && rt.crashes.last_at >= since ? `; its last crash: ${rt.crashes.reason}` : "";
  return `OpenClaw has not become ready since it was started${configOf(bot)} (state: ${state})${why}`;
}

function configOf({ config }: BotState): string {
  return config.applied === null ? "" : ` with config ${config.applied.version}`;
}
