import { readObject } from "./create.ts";
import { readableDroplet } from "./droplets.ts";
import { type Answer, badRequest, MESSAGE, notFound, unprocessable } from "./errors.ts";
import type { FaultRule } from "./faults.ts";
import { listPage } from "./listing.ts";
import type { DropletRecord, PowerEffect } from "./records.ts";
import type { Call } from "./routes.ts";
import { actionBody } from "./views.ts";
import type { World } from "./world.ts";

const POWER_TYPES = ["power_on", "power_off", "shutdown", "reboot", "power_cycle"] as const;
type PowerType = (typeof POWER_TYPES)[number];

/** `POST /v2/droplets/{id}/actions`: 201, and the effect comes later or not at all. */
export function postAction(world: World, id: number | null, body: string, fault: FaultRule | null): Answer {
  const droplet = id === null ? undefined : world.droplets.get(id);
  if (droplet === undefined) return notFound();
  const input = readObject(body);
  if (input === null) return badRequest();
  const type = POWER_TYPES.find((each) => each === input.type);
  if (type === undefined) return unprocessable(MESSAGE.bad_action);
  if (droplet.deleting || world.isBusy(droplet)) return unprocessable(MESSAGE.pending_event);
  if (type === "power_off" && !droplet.powered) return unprocessable(MESSAGE.already_off);
  if (type === "power_on" && droplet.powered && world.knobs.power_on_active === "refuse") {
    return unprocessable(MESSAGE.already_on);
  }
  return begin(world, droplet, type, fault?.fault === "lost_action" ? fault : null);
}

function begin(world: World, droplet: DropletRecord, type: PowerType, lost: FaultRule | null): Answer {
  const { knobs } = world;
  const nothing_to_do = type === "shutdown" && !droplet.powered;
  const action = world.startAction(droplet, type, !nothing_to_do);
  if (nothing_to_do) {
    world.endAction(action.id, "completed");
    return { status: 201, body: { action: actionBody(action) } };
  }
  const effect = lost === null ? effectOf(droplet, type, knobs.guest_ignores_acpi) : "none";
  if (type === "shutdown" && effect === "off") world.tell("shutting_down", droplet);
  // What a reboot of a machine that is off does is not documented; it ends badly here, as the worst for a client.
  const impossible = (type === "reboot" || type === "power_cycle") && !droplet.powered;
  world.timeline.plan({
    kind: "action_ends",
    at: world.at + (lost?.delay_ms ?? world.draw(type === "shutdown" ? knobs.shutdown_ms : knobs.power_ms)),
    droplet: droplet.id,
    action: action.id,
    effect: impossible ? "none" : effect,
    errored: lost?.ends === "errored" || impossible,
  });
  return { status: 201, body: { action: actionBody(action) } };
}

function effectOf(droplet: DropletRecord, type: PowerType, guest_ignores_acpi: boolean): PowerEffect {
  switch (type) {
    case "power_on":
      return droplet.powered ? "none" : "on";
    case "power_off":
      return "off";
    case "shutdown":
      return guest_ignores_acpi ? "none" : "off";
    case "reboot":
      return guest_ignores_acpi ? "none" : "rebooted";
    case "power_cycle":
      return "power_cycled";
  }
}

/** `GET /v2/droplets/{id}/actions`. */
export function listActions(world: World, call: Call): Answer {
  const droplet = readableDroplet(world, call.droplet_id);
  if (droplet === undefined) return notFound();
  const rows = [...world.actions.values()].filter((each) => each.droplet_id === droplet.id).map(actionBody);
  return listPage(world, call, "actions", rows);
}

/** `GET /v2/actions/{id}` and `GET /v2/droplets/{id}/actions/{id}`. Actions outlive their droplet, by the first path. */
export function getAction(world: World, call: Call): Answer {
  const action = call.action_id === null ? undefined : world.actions.get(call.action_id);
  if (action === undefined) return notFound();
  if (call.droplet_id !== null) {
    const droplet = readableDroplet(world, call.droplet_id);
    if (droplet === undefined || action.droplet_id !== droplet.id) return notFound();
  }
  return { status: 200, body: { action: actionBody(action) } };
}
