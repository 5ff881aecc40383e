/** The droplet, the first kind of resource. DigitalOcean has no idempotency key for it, and its lists and reads lag. */
import { dropletName, dropletTags } from "../naming/fleet.ts";
import type { ResourceKind } from "./kind.ts";

export const DROPLET = "droplet";

/** By its exact name, by its bot's tag, or in the full list, where no filter can hide it. */
export type DropletLook = "name" | "tag" | "list";

const NAME = /-([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})-g([1-9][0-9]{0,8})$/;

export interface DropletKind extends ResourceKind<typeof DROPLET, DropletLook> {
  readonly idempotent: false;
}

export const dropletKind: DropletKind = {
  kind: DROPLET,
  name: dropletName,
  readName(name) {
    const [, ...parts] = NAME.exec(name) ?? [];
    const generation = Number(parts.pop());
    return parts.length === 0 ? null : { bot_id: parts.join("-"), generation };
  },
  tags: dropletTags,
  idempotent: false,
  // The last three decide.
  looks: [
    { share: 1 / 60, how: "name" },
    { share: 1 / 12, how: "tag" },
    { share: 1 / 4, how: "name" },
    { share: 1 / 2, how: "name" },
    { share: 1, how: "name" },
    { share: 1, how: "tag" },
    { share: 1, how: "list" },
  ],
  gone: { misses_unseen: 2, listings: ["name", "tag"] },
};
