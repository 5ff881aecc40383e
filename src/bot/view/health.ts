/** Who of the bot is heard, and over what: liveness and the socket's state apart. Pure. */
import { DISK_TROUBLE } from "../../wire/agent.ts";
import type { BotView } from "../../wire/bot.ts";
import { type BotState, type Instant, isOff } from "../model/state.ts";
import { workloadOrder } from "../model/workload-order.ts";
import type { Runtime } from "../reconcile/decision.ts";

type Health = Omit<BotView["health"], "channel_since"> & { channel_since: Instant | null };

export function healthOf(bot: BotState, rt: Runtime): Health {
  return {
    agent: agentHealth(bot),
    workload: workloadOf(bot, rt),
    degraded: degradedOf(bot, rt),
    held_by: bot.holds.map(({ owner }) => owner),
    ...channelOf(rt),
  };
}

function agentHealth({ presence, agent, refused_droplets }: BotState): Health["agent"] {
  if (presence !== "never") return presence;
  // Somebody speaks for the bot, and it is not who may.
  return agent === null && refused_droplets.length > 0 ? "refused" : "never";
}

/** What an agent said last is not what is so once it has fallen silent. */
function workloadOf(bot: BotState, rt: Runtime): string {
  if (isOff(bot) || bot.reason === "droplet_confirmed_gone") return "stopped";
  return bot.presence === "heard" && rt.telemetry ? rt.telemetry.workload.state : "unknown";
}

/** What a workload that starts, or has ended by itself, has lost until it is ready again. */
const LOST: Readonly<Record<string, string>> = {
  starting: "restarting",
  stopping: "restarting",
  crashed: "restarting",
  failed: "failed",
};

/**
 * Of a workload that is not meant to run, or is not heard of, it is no news; nor of one that has not been ready yet. Of the
 * disk it always is.
 */
export function degradedOf(bot: BotState, rt: Runtime): string[] {
  const state = workloadOf(bot, rt);
  const told = bot.presence === "heard" && !isOff(bot) ? (rt.telemetry?.workload.degraded ?? []) : [];
  if (state === "running") return told;
  const lost = bot.status === "online" && workloadOrder(bot) === "run" ? LOST[state] : undefined;
  return [...(lost === undefined ? [] : [lost]), ...told.filter(isOfDisk)];
}

export function isOfDisk(name: string): boolean {
  return name.startsWith(DISK_TROUBLE);
}

function channelOf(rt: Runtime): Pick<Health, "channel" | "channel_since"> {
  if (rt.channel) return { channel: "open", channel_since: rt.channel.opened_at };
  const ended = Math.max(rt.channel_closed_at ?? 0, rt.channel_lost_at ?? 0);
  return ended > 0 ? { channel: "closed", channel_since: ended } : { channel: "never", channel_since: null };
}
