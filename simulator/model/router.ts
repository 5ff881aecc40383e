import { getAction, listActions, postAction } from "./actions.ts";
import { IMAGES, REGIONS, SIZES } from "./catalogue.ts";
import { createDroplets } from "./create.ts";
import { deleteByTag, deleteDroplet, getDroplet } from "./droplets.ts";
import { type Answer, noSuchPath } from "./errors.ts";
import type { FaultRule } from "./faults.ts";
import { listDroplets, listPage } from "./listing.ts";
import type { Call, MutatingCall } from "./routes.ts";
import type { World } from "./world.ts";

/** Does what a call asks for. */
export function answer(world: World, call: Call, fault: FaultRule | null): Answer {
  switch (call.operation) {
    case "create_droplet":
    case "delete_droplet":
    case "droplet_action":
      return takeEffect(world, { operation: call.operation, droplet_id: call.droplet_id, body: call.body }, fault);
    case "get_account":
      return { status: 200, body: { account: accountBody(world) } };
    case "list_droplets":
      return listDroplets(world, call, fault);
    case "get_droplet":
      return getDroplet(world, call);
    case "delete_by_tag":
      return deleteByTag(world, call);
    case "list_actions":
      return listActions(world, call);
    case "get_action":
      return getAction(world, call);
    case "list_sizes":
      return listPage(world, call, "sizes", SIZES);
    case "list_regions":
      return listPage(world, call, "regions", REGIONS);
    case "list_images":
      return listPage(world, call, "images", IMAGES);
    case "unknown":
      return noSuchPath();
  }
}

/** The calls that change a single droplet: now, or long after their caller gave up. */
export function takeEffect(world: World, call: MutatingCall, fault: FaultRule | null): Answer {
  switch (call.operation) {
    case "create_droplet":
      return createDroplets(world, call.body, fault);
    case "delete_droplet":
      return deleteDroplet(world, call.droplet_id, fault);
    case "droplet_action":
      return postAction(world, call.droplet_id, call.body, fault);
  }
}

/** Whether a call can be kept and take effect later. */
export function isMutating(call: Call): call is Call & MutatingCall {
  return (
    call.operation === "create_droplet" || call.operation === "delete_droplet" || call.operation === "droplet_action"
  );
}

function accountBody({ account }: World) {
  return {
    droplet_limit: account.droplet_limit,
    floating_ip_limit: 5,
    reserved_ip_limit: 5,
    volume_limit: 100,
    email: "operator@example.com",
    name: "Simulated Operator",
    uuid: "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
    email_verified: true,
    status: account.status,
    status_message: "",
    team: { uuid: account.team_uuid, name: "Simulated Team" },
  };
}
