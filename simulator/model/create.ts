import { imageByKey, REGIONS, type Region, regionBySlug, type Size, sizeBySlug } from "./catalogue.ts";
import { type Answer, badRequest, MESSAGE, unprocessable } from "./errors.ts";
import type { FaultRule } from "./faults.ts";
import type { DropletRecord } from "./records.ts";
import { dropletBody } from "./views.ts";
import type { World } from "./world.ts";

const NAME = /^[a-zA-Z0-9]?[a-z0-9A-Z.-]*[a-z0-9A-Z]$/;
const TAG = /^[a-zA-Z0-9_:-]{1,255}$/;
const USER_DATA_BYTES = 64 * 1024;
const MAX_NAMES = 10;

/** What a valid create asks for, the same for each of its names. */
interface Order {
  names: string[];
  many: boolean;
  template: Pick<
    DropletRecord,
    "region" | "size" | "image" | "tags" | "user_data" | "features" | "volume_ids" | "vpc_uuid" | "public_networking"
  >;
}

/** `POST /v2/droplets`. There is no idempotency: the same name twice makes two droplets. */
export function createDroplets(world: World, body: string, fault: FaultRule | null): Answer {
  const order = readOrder(world, body);
  if ("status" in order) return order;
  if (world.droplets.size + order.names.length > world.account.droplet_limit) return unprocessable(MESSAGE.quota);

  const made = order.names.map((name) => begin(world, name, order, fault));
  countConcurrency(world);
  const show = { tags: world.knobs.create_echoes_tags, locked: world.knobs.locked_while_pending };
  const droplets = made.map(({ droplet }) => dropletBody(droplet, world.at, show));
  const links = {
    actions: made.map(({ action }) => ({
      id: action.id,
      rel: "create",
      href: `${world.base_url}/v2/actions/${action.id}`,
    })),
  };
  return { status: 202, body: order.many ? { droplets, links } : { droplet: droplets[0], links } };
}

function begin(world: World, name: string, order: Order, fault: FaultRule | null) {
  const { knobs, at } = world;
  const droplet = newDroplet(world, name, order.template, fault?.fault === "tags_never");
  const action = world.startAction(droplet, "create", true);
  world.counters.creates += 1;
  world.tell("created", droplet);
  if (fault?.fault === "no_address") droplet.addressed_at = at + (fault.duration_ms ?? 60_000);

  const ends_at = at + world.draw(knobs.create_ms);
  const ids = { droplet: droplet.id, action: action.id };
  if (fault?.fault !== "stuck_new") {
    world.timeline.plan({ kind: "create_ends", at: ends_at, ...ids, errored: fault?.fault === "create_errored" });
    return { droplet, action };
  }
  // A stuck droplet frees its event queue in the usual time, so that it can at least be deleted.
  world.timeline.plan({ kind: "queue_freed", at: ends_at, ...ids });
  if (fault.duration_ms !== undefined) {
    world.timeline.plan({ kind: "create_ends", at: at + fault.duration_ms, ...ids, errored: false });
  }
  return { droplet, action };
}

/** A droplet at the moment of its 202. */
export function newDroplet(
  world: World,
  name: string,
  template: Order["template"],
  tags_never: boolean,
): DropletRecord {
  const { knobs, at } = world;
  const missing = knobs.tags_missing_forever > 0 && world.random() < knobs.tags_missing_forever;
  return world.addDroplet({
    name,
    ...template,
    created_at: at,
    status: "new",
    powered: false,
    address: null,
    addressed_at: null,
    readable_at: at + world.draw(knobs.get_lag_ms),
    listed_at: at + world.draw(knobs.list_lag_ms),
    tagged_at: missing || tags_never ? null : at + world.draw(knobs.tag_ms),
    omitted_until: 0,
    pending_action: null,
    busy_until: 0,
    deleting: false,
    delete_commands: 0,
    foreign: false,
  });
}

function countConcurrency(world: World): void {
  let creating = 0;
  for (const droplet of world.droplets.values()) if (droplet.status === "new") creating += 1;
  const { counters } = world;
  counters.max_concurrent_creates = Math.max(counters.max_concurrent_creates, creating);
  if (creating > world.knobs.max_concurrent_creates) counters.creates_over_concurrency += 1;
}

function readOrder(world: World, body: string): Order | Answer {
  const input = readObject(body);
  if (input === null) return badRequest();

  const many = Array.isArray(input.names);
  const names = Array.isArray(input.names) ? input.names : [input.name];
  if (names.length > MAX_NAMES) return unprocessable(MESSAGE.too_many_names);
  if (names.length === 0 || !names.every(isName)) return unprocessable(MESSAGE.bad_name);

  const size = typeof input.size === "string" ? sizeBySlug(input.size) : undefined;
  if (size === undefined) return unprocessable(MESSAGE.bad_size);
  const image =
    typeof input.image === "string" || typeof input.image === "number" ? imageByKey(input.image) : undefined;
  if (image === undefined) return unprocessable(MESSAGE.bad_image);
  const region = pickRegion(input.region, size);
  if (typeof region === "string") return unprocessable(region);

  const unknown_keys = unknownKeys(world, input.ssh_keys);
  if (unknown_keys.length > 0) {
    return unprocessable(`${unknown_keys.join(", ")} are invalid key identifiers for Droplet creation.`);
  }
  const tags = input.tags ?? [];
  if (!isStrings(tags) || !tags.every((tag) => TAG.test(tag))) return unprocessable(MESSAGE.bad_tags);
  const user_data = typeof input.user_data === "string" ? input.user_data : null;
  if (user_data !== null && utf8Bytes(user_data) > USER_DATA_BYTES) return unprocessable(MESSAGE.user_data_too_long);

  return {
    names,
    many,
    template: {
      region: region.slug,
      size: size.slug,
      image: image.id,
      tags: [...new Set(tags)],
      user_data,
      features: ["monitoring", "backups", "ipv6"].filter((feature) => input[feature] === true),
      volume_ids: isStrings(input.volumes) ? input.volumes : [],
      vpc_uuid: typeof input.vpc_uuid === "string" ? input.vpc_uuid : defaultVpc(region),
      public_networking: input.public_networking !== false,
    },
  };
}

/** A slug, a prefix of slugs ("nyc"), or any region at all when none was named. Returns the refusal as a string. */
function pickRegion(wanted: unknown, size: Size): Region | string {
  const prefix = typeof wanted === "string" ? wanted : "";
  const exact = regionBySlug(prefix);
  if (exact !== undefined) {
    if (!exact.available) return MESSAGE.region_closed;
    return size.regions.includes(exact.slug) ? exact : MESSAGE.size_elsewhere;
  }
  const matching = REGIONS.filter((region) => region.slug.startsWith(prefix));
  if (matching.length === 0) return MESSAGE.bad_region;
  return matching.find((each) => each.available && size.regions.includes(each.slug)) ?? MESSAGE.size_elsewhere;
}

/** One default VPC for each region, always the same. */
export function defaultVpc(region: Region): string {
  const number = REGIONS.indexOf(region) + 1;
  return `760e09ef-dc84-11e8-981e-${number.toString(16).padStart(12, "0")}`;
}

function unknownKeys(world: World, keys: unknown): unknown[] {
  const known = world.ssh_key_ids;
  if (known === null || !Array.isArray(keys)) return [];
  return keys.filter((key) => !known.has(key) && !known.has(Number(key)));
}

/** The request body as an object, or null when it is none. */
export function readObject(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length <= 255 && NAME.test(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function utf8Bytes(text: string): number {
  // Three bytes is the most that one UTF-16 unit can take, so that short texts need no encoding.
  return text.length * 3 <= USER_DATA_BYTES ? text.length : new TextEncoder().encode(text).length;
}
