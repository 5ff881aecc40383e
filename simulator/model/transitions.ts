import type { DropletRecord, Due, PowerEffect } from "./records.ts";
import type { World } from "./world.ts";

/** What happens when something planned falls due. `late_call` is the router's business, not the world's. */
export function happen(world: World, due: Exclude<Due, { kind: "late_call" }>): void {
  const droplet = world.droplets.get(due.droplet);
  switch (due.kind) {
    case "create_ends":
      world.endAction(due.action, due.errored ? "errored" : "completed");
      if (droplet !== undefined) endCreate(world, droplet, due.errored);
      return;
    case "queue_freed":
      if (droplet?.pending_action === due.action) droplet.pending_action = null;
      return;
    case "action_ends":
      world.endAction(due.action, due.errored ? "errored" : "completed");
      if (droplet !== undefined) endAction(world, droplet, due.effect);
      return;
    case "status_shows":
      if (droplet !== undefined) showPower(droplet);
      return;
    case "delete_ends":
      if (droplet !== undefined) world.remove(droplet, "deleted");
  }
}

function endCreate(world: World, droplet: DropletRecord, errored: boolean): void {
  if (droplet.deleting || droplet.status !== "new") return;
  if (errored) {
    world.remove(droplet, "create_failed");
    return;
  }
  droplet.busy_until = world.at + world.draw(world.knobs.event_tail_ms);
  world.boot(droplet);
}

function endAction(world: World, droplet: DropletRecord, effect: PowerEffect): void {
  switch (effect) {
    case "none":
      return;
    case "on":
    case "off":
      setPower(world, droplet, effect === "on");
      return;
    case "rebooted":
    case "power_cycled":
      if (!droplet.powered) return;
      world.tell(effect, droplet);
  }
}

/** Switches the machine; the API's status follows after the status lag. */
export function setPower(world: World, droplet: DropletRecord, powered: boolean): void {
  if (droplet.powered === powered) return;
  droplet.powered = powered;
  world.tell(powered ? "on" : "off", droplet);
  const lag = world.draw(world.knobs.status_lag_ms);
  if (lag === 0) showPower(droplet);
  else world.timeline.plan({ kind: "status_shows", at: world.at + lag, droplet: droplet.id });
}

function showPower(droplet: DropletRecord): void {
  if (droplet.status === "active" || droplet.status === "off") droplet.status = droplet.powered ? "active" : "off";
}
