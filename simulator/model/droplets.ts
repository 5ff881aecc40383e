import { type Answer, MESSAGE, notFound, unprocessable } from "./errors.ts";
import type { FaultRule } from "./faults.ts";
import type { DropletRecord } from "./records.ts";
import type { Call } from "./routes.ts";
import { dropletBody, isTagged } from "./views.ts";
import type { World } from "./world.ts";

/** The droplet as a read shows it now. */
export function shownDroplet(world: World, droplet: DropletRecord) {
  return dropletBody(droplet, world.at, {
    tags: isTagged(droplet, world.at),
    locked: world.knobs.locked_while_pending && world.isBusy(droplet),
  });
}

/** The droplet if a read of it would find it: not while the replica has not heard of it. */
export function readableDroplet(world: World, id: number | null): DropletRecord | undefined {
  const droplet = id === null ? undefined : world.droplets.get(id);
  return droplet !== undefined && world.at >= droplet.readable_at ? droplet : undefined;
}

/** `GET /v2/droplets/{id}`. */
export function getDroplet(world: World, call: Call): Answer {
  const droplet = readableDroplet(world, call.droplet_id);
  return droplet === undefined ? notFound() : { status: 200, body: { droplet: shownDroplet(world, droplet) } };
}

/** `DELETE /v2/droplets/{id}`: 204 means that the command was taken, not that anything is gone. */
export function deleteDroplet(world: World, id: number | null, fault: FaultRule | null): Answer {
  const droplet = id === null ? undefined : world.droplets.get(id);
  if (droplet === undefined) return notFound();
  const { knobs } = world;
  if (droplet.deleting && knobs.repeated_delete === "pending_event") return unprocessable(MESSAGE.pending_event);

  const creating = droplet.status === "new" && droplet.pending_action !== null;
  const refused = creating ? knobs.delete_while_new === "pending_event" : world.isBusy(droplet);
  if (!droplet.deleting && refused) return unprocessable(MESSAGE.pending_event);

  const ineffective = fault?.fault === "lost_action" || (creating && knobs.delete_while_new === "ineffective");
  countDelete(world, droplet);
  if (!ineffective) beginDelete(world, droplet);
  return { status: 204 };
}

/** `DELETE /v2/droplets?tag_name=`: takes every droplet with the tag, ours or not. */
export function deleteByTag(world: World, call: Call): Answer {
  world.counters.deletes_by_tag += 1;
  const tag = call.query.get("tag_name");
  if (tag === null || tag === "") return unprocessable("tag_name is required");
  for (const droplet of [...world.droplets.values()]) {
    if (!isTagged(droplet, world.at) || !droplet.tags.includes(tag)) continue;
    countDelete(world, droplet);
    beginDelete(world, droplet);
  }
  return { status: 204 };
}

function countDelete(world: World, droplet: DropletRecord): void {
  droplet.delete_commands += 1;
  world.counters.deletes_by_droplet.set(droplet.id, droplet.delete_commands);
}

function beginDelete(world: World, droplet: DropletRecord): void {
  if (droplet.deleting) return;
  droplet.deleting = true;
  const mode = world.knobs.deleting_status;
  if (mode === "archive" || (mode === "mixed" && world.random() < 0.5)) droplet.status = "archive";
  world.tell("deleting", droplet);
  world.timeline.plan({ kind: "delete_ends", at: world.at + world.draw(world.knobs.delete_ms), droplet: droplet.id });
}
