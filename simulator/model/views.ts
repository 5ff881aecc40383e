import { imageByKey, regionBySlug, sizeBySlug } from "./catalogue.ts";
import type { ActionRecord, DropletRecord, DropletStatus } from "./records.ts";

export interface NetworkV4 {
  ip_address: string;
  netmask: string;
  gateway: string;
  type: "public" | "private";
}

/** The truth about a droplet, whatever the API shows of it. */
export interface DropletView {
  id: number;
  name: string;
  status: DropletStatus;
  /** Whether the machine runs; the status may lag behind. */
  powered: boolean;
  region: string;
  size: string;
  image: number;
  /** The tags that were asked for; `tagged` tells whether the API shows them yet. */
  tags: string[];
  tagged: boolean;
  /** Whether lists show it. */
  listed: boolean;
  networks: { v4: NetworkV4[]; v6: [] };
  public_ipv4: string | null;
  user_data: string | null;
  /** Milliseconds since the epoch. */
  created_at: number;
  deleting: boolean;
  delete_commands: number;
  foreign: boolean;
}

const ACTIVE_FEATURES = ["droplet_agent", "private_networking"];

/** ISO 8601 UTC with seconds, as the API writes times. */
function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Whether lists show the droplet at `now`. */
export function isListed(droplet: DropletRecord, now: number): boolean {
  return now >= droplet.listed_at && now >= droplet.omitted_until;
}

/** Whether tags are shown and searchable at `now`. */
export function isTagged(droplet: DropletRecord, now: number): boolean {
  return droplet.tagged_at !== null && now >= droplet.tagged_at;
}

/** The truth, for tests and the process layer. */
export function viewDroplet(droplet: DropletRecord, now: number): DropletView {
  const v4 = networksV4(droplet);
  return {
    id: droplet.id,
    name: droplet.name,
    status: droplet.status,
    powered: droplet.powered,
    region: droplet.region,
    size: droplet.size,
    image: droplet.image,
    tags: [...droplet.tags],
    tagged: isTagged(droplet, now),
    listed: isListed(droplet, now),
    networks: { v4, v6: [] },
    public_ipv4: v4.find((each) => each.type === "public")?.ip_address ?? null,
    user_data: droplet.user_data,
    created_at: droplet.created_at,
    deleting: droplet.deleting,
    delete_commands: droplet.delete_commands,
    foreign: droplet.foreign,
  };
}

/** The droplet as the API shows it at `now`. */
export function dropletBody(droplet: DropletRecord, now: number, show: { tags: boolean; locked: boolean }) {
  const size = sizeBySlug(droplet.size);
  const addressed = droplet.addressed_at !== null && now >= droplet.addressed_at;
  const created = droplet.address !== null;
  return {
    id: droplet.id,
    name: droplet.name,
    memory: size?.memory,
    vcpus: size?.vcpus,
    disk: size?.disk,
    disk_info: [{ type: "local", size: { amount: size?.disk, unit: "gib" } }],
    locked: show.locked,
    status: droplet.status,
    kernel: null,
    created_at: isoSeconds(droplet.created_at),
    features: created ? [...ACTIVE_FEATURES, ...droplet.features] : [],
    backup_ids: [],
    next_backup_window: null,
    snapshot_ids: [],
    image: imageByKey(droplet.image),
    volume_ids: droplet.volume_ids,
    size,
    size_slug: droplet.size,
    networks: { v4: addressed ? networksV4(droplet) : [], v6: [] },
    region: regionBySlug(droplet.region),
    tags: show.tags ? droplet.tags : [],
    // Absent from the 202, present in later reads.
    ...(now > droplet.created_at || created ? { vpc_uuid: droplet.vpc_uuid } : {}),
  };
}

/** An action as the API shows it. There is no reason in it, whatever went wrong. */
export function actionBody(action: ActionRecord) {
  return {
    id: action.id,
    status: action.status,
    type: action.type,
    started_at: isoSeconds(action.started_at),
    completed_at: action.completed_at === null ? null : isoSeconds(action.completed_at),
    resource_id: action.droplet_id,
    resource_type: "droplet",
    region: regionBySlug(action.region),
    region_slug: action.region,
  };
}

/** The private network comes first: who takes `v4[0]` for the public address is wrong here, as upstream. */
function networksV4(droplet: DropletRecord): NetworkV4[] {
  const number = droplet.address;
  if (number === null) return [];
  const [high, low] = [(number >> 8) & 255, number & 255];
  const networks: NetworkV4[] = [
    { ip_address: `10.108.${high}.${low}`, netmask: "255.255.0.0", gateway: "", type: "private" },
  ];
  if (droplet.public_networking) {
    networks.push({
      // 198.18.0.0/15 is reserved for benchmarks: no packet to it ever reaches a stranger.
      ip_address: `198.${18 + ((number >> 16) & 1)}.${high}.${low}`,
      netmask: "255.255.0.0",
      gateway: "198.18.0.1",
      type: "public",
    });
  }
  return networks;
}
