/** What a person reads, derived from facts. Pure. */
import type { BotStatus } from "../../wire/enums.ts";
import { NEWER_RELEASE } from "../../wire/newer-release.ts";
import { workloadHolds } from "./holds.ts";
import { asKnown, isOfNewerRelease } from "./newer-release.ts";
import { factsOf } from "./operations.ts";
import { adoptedDroplet, type BotState, isDoomed, isOff, isRunning, openIntent } from "./state.ts";
import { workloadOrder } from "./workload-order.ts";

interface StatusView {
  status: BotStatus;
  reason: string | null;
  confirmed_by: string | null;
}

/** The agent of the present generation is heard and has applied a config. */
export function isServing(bot: BotState): boolean {
  return bot.agent !== null && bot.presence === "heard" && bot.config.applied !== null;
}

/** Its workload has been ready since its start, or may not run. Readiness that is lost later does not count. */
function isReady(bot: BotState): boolean {
  return bot.starting_since === null || bot.status === "online" || workloadOrder(bot) !== "run";
}

/** The agent serves, and nothing but the workload's readiness is awaited. */
export function isStarting(bot: BotState): boolean {
  return isServing(bot) && !isReady(bot);
}

/** It is to be stopped, and that is what it was found to be. */
export function isSuspended(bot: BotState): boolean {
  return bot.suspension !== null && bot.suspension.confirmed_at !== null && isOff(bot);
}

/** Status, why, and what told us so. `bot.status` is the status before the event that is being folded in. */
export function deriveStatus(bot: BotState): StatusView {
  if (bot.destroyed_at !== null) {
    const left = bot.droplets.length > 0 || openIntent(asKnown(bot)) !== null;
    return left
      ? { status: "destroyed", reason: "droplet_not_confirmed_gone", confirmed_by: "spawnpoint" }
      : { status: "destroyed", reason: "droplet_confirmed_gone", confirmed_by: "provider" };
  }
  if (isOfNewerRelease(bot)) return { status: bot.status, reason: NEWER_RELEASE, confirmed_by: bot.confirmed_by };
  if (isRunning(bot.operation)) return statusDuring(bot);
  if (bot.error) return { status: "error", reason: bot.error.code, confirmed_by: "spawnpoint" };
  if (bot.suspension !== null && isSuspended(bot)) {
    return { status: "suspended", reason: bot.suspension.reason, confirmed_by: "provider" };
  }
  return statusAtRest(bot);
}

function statusDuring(bot: BotState): StatusView {
  const { operation } = bot;
  switch (factsOf(operation.kind).status) {
    case "kept":
      return { status: bot.status, reason: operation.kind, confirmed_by: bot.confirmed_by };
    case "healing":
      if (operation.recreating || isStarting(bot)) return building(bot);
      return {
        status: bot.presence === "heard" ? "online" : "unresponsive",
        reason: bot.waiting ?? operation.kind,
        confirmed_by: "deadline",
      };
    case "waking":
      if (!operation.recreating && adoptedDroplet(bot)?.status === "off") {
        return { status: "paused", reason: operation.kind, confirmed_by: "provider" };
      }
      return building(bot);
    case "replacing":
      return operation.recreating
        ? building(bot)
        : { status: "provisioning", reason: bot.waiting ?? operation.kind, confirmed_by: "spawnpoint" };
  }
}

function building(bot: BotState): StatusView {
  if (isServing(bot) && isReady(bot)) return { status: "online", reason: null, confirmed_by: "heartbeat" };
  return {
    status: hasBegun(bot) ? "provisioning" : "pending",
    reason: bot.waiting ?? bot.operation.kind,
    confirmed_by: bot.adopted === null ? "spawnpoint" : "provider",
  };
}

/** There is a droplet, or one may be on its way. */
function hasBegun(bot: BotState): boolean {
  return bot.adopted !== null || bot.droplets.length > 0 || openIntent(bot) !== null;
}

function statusAtRest(bot: BotState): StatusView {
  if (isOff(bot)) {
    return { status: "paused", reason: bot.adopted === null ? "droplet_gone" : "pause", confirmed_by: "provider" };
  }
  if (bot.presence === "silent") return { status: "unresponsive", reason: silentReason(bot), confirmed_by: "deadline" };
  if (isStarting(bot)) return { status: "provisioning", reason: "workload_starting", confirmed_by: "heartbeat" };
  if (isServing(bot)) {
    const reason = heldReason(bot) ?? (bot.start_held ? "start_held" : bot.config.failed ? "config_failed" : null);
    return { status: "online", reason, confirmed_by: "heartbeat" };
  }
  return { status: hasBegun(bot) ? "provisioning" : "pending", reason: bot.waiting, confirmed_by: "spawnpoint" };
}

/** By whom a bot is held that is on all the same. */
function heldReason(bot: BotState): string | null {
  const [hold] = workloadHolds(bot);
  return hold === undefined ? null : `held_by_${hold.owner}`;
}

function silentReason(bot: BotState): string {
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return "droplet_gone";
  return droplet.status === "off" ? "droplet_off" : "heartbeat_missed";
}

/** Which step of the operation under way, from the facts; null at rest, unless the workload's readiness is awaited. */
export function stepOf(bot: BotState): string | null {
  const { operation } = bot;
  if (bot.status === "provisioning" && isStarting(bot)) return "starting";
  if (!isRunning(operation)) return null;
  if (operation.state === "queued") return "accepted";
  const intent = openIntent(bot);
  if (intent) return intent.ended_at === null ? "requesting_droplet" : "confirming_create";
  const { removesDroplet, course } = factsOf(operation.kind);
  const removing = removesDroplet || operation.recreating || operation.replacing;
  const doomed = bot.droplets.find(
    (droplet) => (droplet.id === bot.adopted && isDoomed(droplet)) || (removing && !operation.recreating),
  );
  if (doomed) return doomed.delete_sent_at === null ? "deleting_droplet" : "confirming_deletion";
  switch (operation.recreating ? "boots" : course) {
    case "switches_off":
      if (adoptedDroplet(bot)?.status === "new") return "waiting_for_droplet";
      return operation.power?.action === "power_off" ? "powering_off" : "shutting_down";
    case "removes":
      return "confirming_deletion";
    case "heals":
      return operation.power?.action ?? "looking";
    case "boots":
      return bootStep(bot);
  }
}

function bootStep(bot: BotState): string {
  const droplet = adoptedDroplet(bot);
  if (droplet === null) return "requesting_droplet";
  if (droplet.status === "off") return "powering_on";
  if (droplet.active_at === null) return "waiting_for_droplet";
  if (bot.presence !== "heard") return bot.stage ? `bootstrap_${bot.stage.stage}` : "waiting_for_agent";
  return "waiting_for_config";
}
