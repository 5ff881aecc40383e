/** What a bot is, in a sentence or two for a person. Pure. */
import type { BotStatus } from "../../wire/enums.ts";
import { workloadHolds } from "../model/holds.ts";
import { factsOf } from "../model/operations.ts";
import { rolloutState } from "../model/rollout-state.ts";
import { adoptedDroplet, type BotState, type Instant, isRunning } from "../model/state.ts";
import { type Decision, lastHeardAt, type Runtime } from "../reconcile/decision.ts";
import { OPERATIONS } from "../reconcile/operations.ts";
import { degradedOf, isOfDisk } from "./health.ts";
import { isStoppingWorkload, phaseOf } from "./phase.ts";
import { ending, holdInWords, inWords } from "./reasons.ts";

interface Seen {
  bot: BotState;
  rt: Runtime;
  decision: Decision;
  now: Instant;
}

/** E.g. "Online for 3 h. The agent was last heard 12 s ago and runs config 4." */
export function summarise(bot: BotState, rt: Runtime, decision: Decision, now: Instant): string {
  const seen: Seen = { bot, rt, decision, now };
  return [SAY[bot.status](seen), ...afterthoughts(seen)].join(" ");
}

const SAY: Readonly<Record<BotStatus, (seen: Seen) => string>> = {
  pending: (seen) => `Waiting for a droplet ${lasting(seen)}${held(seen)}.`,
  provisioning: (seen) => `Provisioning ${lasting(seen)}${held(seen) || step(seen)}.`,
  online: (seen) => `Online ${lasting(seen)}. ${agent(seen)}${online(seen.bot)}${degraded(seen)}`,
  unresponsive: (seen) => `Unresponsive ${lasting(seen)}: ${silence(seen)}.`,
  paused: (seen) =>
    seen.bot.adopted === null
      ? `Paused ${lasting(seen)}. The droplet is gone; resume creates a new one.`
      : `Paused ${lasting(seen)}; the droplet is off.`,
  suspended: (seen) =>
    `Suspended ${lasting(seen)}: ${ending(inWords(seen.bot.suspension?.reason ?? "no reason given"))} Its data is kept.`,
  error: (seen) => `Failed ${ago(seen.bot.since, seen.now)}: ${ending(seen.bot.error?.detail ?? "no reason given")}`,
  destroyed: (seen) =>
    `Destroyed ${ago(seen.bot.destroyed_at ?? seen.bot.since, seen.now)}; ${
      seen.bot.reason === "droplet_not_confirmed_gone"
        ? "the droplet is not confirmed gone, and will be deleted if it is found."
        : "the droplet is confirmed gone."
    }`,
};

/** What holds the work up, as the end of a clause. */
function held({ bot }: Seen): string {
  return bot.waiting === null ? "" : `: ${inWords(bot.waiting)}`;
}

const STEPS: Readonly<Record<string, string>> = {
  accepted: "about to replace the droplet",
  requesting_droplet: "requesting the droplet",
  confirming_create: "checking whether the droplet was created",
  waiting_for_droplet: "waiting for the droplet to be created",
  powering_on: "powering on the droplet",
  waiting_for_agent: "the droplet is booting; waiting for the agent",
  waiting_for_config: "waiting for the agent to apply the config",
  starting: "waiting for OpenClaw to become ready",
  stopping_workload: "waiting for the workload to stop",
  deleting_droplet: "deleting the old droplet",
  confirming_deletion: "confirming that the old droplet is gone",
};

/** How far the building has come; what else may be under way says so by itself. */
function step({ bot, decision }: Seen): string {
  const name = phaseOf(bot, decision);
  if (name === null || (isRunning(bot.operation) && factsOf(bot.operation.kind).status === "kept")) return "";
  const bootstrap = /^bootstrap_(.+)$/.exec(name)?.[1];
  return `: ${bootstrap ? `bootstrap stage "${inWords(bootstrap)}"` : (STEPS[name] ?? inWords(name))}`;
}

function agent({ bot, rt, now }: Seen): string {
  const heard_at = lastHeardAt(rt);
  const heard = heard_at === null ? "is responding" : `was last heard ${ago(heard_at, now)}`;
  const runs = bot.config.effective?.version;
  return `The agent ${heard}${runs === undefined ? "" : ` and runs config ${runs}`}.`;
}

function degraded({ bot, rt }: Seen): string {
  const [disk, lost] = [degradedOf(bot, rt).filter(isOfDisk), degradedOf(bot, rt).filter((name) => !isOfDisk(name))];
  const runs = rt.telemetry?.workload.state === "running" ? "running, but not ready" : "not ready";
  const of_workload = lost.length === 0 ? "" : ` OpenClaw is ${runs}: ${lost.map(inWords).join(", ")}.`;
  return disk.length === 0 ? of_workload : `${of_workload} The droplet reports: ${disk.join(", ")}.`;
}

/** What of an online bot is not as it should be. */
function online(bot: BotState): string {
  const holding = workloadHolds(bot)
    .map(({ owner, reason }) => ` Held (${inWords(owner)}): ${ending(holdInWords(reason))}`)
    .join("");
  const stopped = bot.workload_stopped ? " The workload was stopped and waits for a manual start." : "";
  const held = bot.start_held ? " The workload waits for a manual start." : "";
  return `${holding || stopped || held}${config(bot)}`;
}

function config(bot: BotState): string {
  const { desired, failed, rolled_back } = bot.config;
  switch (rolloutState(bot)) {
    case "settled":
      return "";
    case "pending_delivery":
      return ` Config ${desired.version} is waiting for delivery.`;
    case "delivered":
      return ` Config ${desired.version} is being applied.`;
    case "failed":
      return ` Config ${desired.version} failed: ${ending(inWords(failed?.reason ?? "no reason given"))}`;
    case "rolled_back":
      return ` Config ${rolled_back?.failed_version} failed and was rolled back: ${ending(inWords(rolled_back?.reason ?? ""))}`;
  }
}

function silence({ bot, rt, now }: Seen): string {
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return "the droplet is gone";
  if (droplet.status === "off") return "the droplet is off unexpectedly";
  const heard_at = lastHeardAt(rt);
  return heard_at === null ? "the agent is not responding" : `the agent was last heard ${ago(heard_at, now)}`;
}

/** Their own sentence says already what the work waits for. */
const SAYS_WHY: readonly BotStatus[] = ["pending", "provisioning"];

function afterthoughts({ bot, decision, now }: Seen): string[] {
  const thoughts: string[] = [];
  const running = isRunning(bot.operation);
  const doing = running ? OPERATIONS[bot.operation.kind].doing : null;
  if (doing !== null && bot.destroyed_at === null) thoughts.push(doing);
  if (doing !== null && isStoppingWorkload(decision)) thoughts.push("Waiting for the workload to stop.");
  // A bot that was suspended and runs all the same is about to be stopped.
  if (bot.suspension !== null && bot.status !== "suspended" && !running) thoughts.push("About to be suspended.");
  if (bot.status === "unresponsive" && !running && bot.policies.healing === "off") {
    thoughts.push("Healing is disabled.");
  }
  if (bot.status === "error" && bot.adopted !== null) thoughts.push(`Droplet ${bot.adopted} is kept.`);
  if (bot.waiting !== null) {
    if (!SAYS_WHY.includes(bot.status)) thoughts.push(`Waiting: ${ending(inWords(bot.waiting))}`);
    if ("wait" in decision && decision.wait > now) thoughts.push(`Next attempt in ${span(decision.wait - now)}.`);
  }
  return thoughts;
}

function lasting({ bot, now }: Seen): string {
  return `for ${span(now - bot.since)}`;
}

function ago(at: Instant, now: Instant): string {
  return `${span(now - at)} ago`;
}

/** In the largest unit that says enough. */
function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 120) return `${min} min`;
  const h = Math.floor(min / 60);
  return h < 48 ? `${h} h` : `${Math.floor(h / 24)} d`;
}
