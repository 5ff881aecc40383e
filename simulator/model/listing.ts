import { shownDroplet } from "./droplets.ts";
import { type Answer, MESSAGE, unprocessable } from "./errors.ts";
import type { FaultRule } from "./faults.ts";
import type { DropletRecord } from "./records.ts";
import type { Call } from "./routes.ts";
import { isListed, isTagged } from "./views.ts";
import type { World } from "./world.ts";

const DEFAULT_PER_PAGE = 20;
const MAX_PER_PAGE = 200;
const OMITTED_MS = 60_000;

interface Page {
  page: number;
  per_page: number;
}

/** `GET /v2/droplets`. Pages are not snapshots: what changes between two of them is skipped or seen twice. */
export function listDroplets(world: World, call: Call, fault: FaultRule | null): Answer {
  const page = readPage(world, call);
  if (page === null) return unprocessable(MESSAGE.bad_page);
  const tag = call.query.get("tag_name");
  const name = call.query.get("name");
  const type = call.query.get("type");
  if (tag !== null && (name !== null || type !== null)) return unprocessable(MESSAGE.filters_together);

  const wanted = name?.toLowerCase();
  const find = () =>
    type === "gpus"
      ? []
      : [...world.droplets.values()].filter(
          (droplet) =>
            isListed(droplet, world.at) &&
            (tag === null || (isTagged(droplet, world.at) && droplet.tags.includes(tag))) &&
            (wanted === undefined || droplet.name.toLowerCase() === wanted),
        );
  let found = find();
  if (fault?.fault === "list_omits") {
    omit(world, found, fault);
    found = find();
  }
  const rows = fault?.fault === "list_duplicate_row" ? rowsWithDuplicate(found, page) : rowsOf(found, page);
  const body = { droplets: rows.map((droplet) => shownDroplet(world, droplet)), ...around(world, call, page, found) };
  return { status: 200, body };
}

/** Any other collection, paged the same way. `rows` are already in their wire form. */
export function listPage(world: World, call: Call, key: string, rows: readonly unknown[]): Answer {
  const page = readPage(world, call);
  if (page === null) return unprocessable(MESSAGE.bad_page);
  return { status: 200, body: { [key]: rowsOf(rows, page), ...around(world, call, page, rows) } };
}

function readPage(world: World, call: Call): Page | null {
  const page = Number(call.query.get("page") ?? 1);
  const per_page = Number(call.query.get("per_page") ?? DEFAULT_PER_PAGE);
  if (!Number.isSafeInteger(page) || !Number.isSafeInteger(per_page) || page < 1 || per_page < 1) return null;
  if (per_page > MAX_PER_PAGE && world.knobs.per_page_over_limit === "refuse") return null;
  return { page, per_page: Math.min(per_page, MAX_PER_PAGE) };
}

function rowsOf<Row>(rows: readonly Row[], { page, per_page }: Page): Row[] {
  return rows.slice((page - 1) * per_page, page * per_page);
}

/** As if a droplet had been inserted ahead of the page: its first row was the last of the page before. */
function rowsWithDuplicate<Row>(rows: readonly Row[], page: Page): Row[] {
  const start = (page.page - 1) * page.per_page;
  if (start > 0) return rows.slice(start - 1, start - 1 + page.per_page);
  const first = rowsOf(rows, page);
  return [...first, ...first.slice(0, 1)];
}

/** `links` and `meta`. A single page has no `pages`, and a link that makes no sense is left out. */
function around(world: World, call: Call, { page, per_page }: Page, rows: readonly unknown[]) {
  const last = Math.max(1, Math.ceil(rows.length / per_page));
  const pages: Record<string, string> = {};
  const url = (to: number) => pageUrl(world.base_url, call, to, per_page);
  if (page > 1) {
    pages.first = url(1);
    pages.prev = url(Math.min(page - 1, last));
  }
  if (page < last) {
    pages.next = url(page + 1);
    pages.last = url(last);
  }
  return { links: page === 1 && last === 1 ? {} : { pages }, meta: { total: rows.length } };
}

function pageUrl(base_url: string, call: Call, page: number, per_page: number): string {
  const query = new URLSearchParams(call.query);
  query.set("page", String(page));
  query.set("per_page", String(per_page));
  return `${base_url}${call.path}?${query}`;
}

function omit(world: World, found: readonly DropletRecord[], fault: FaultRule): void {
  const until = world.at + (fault.duration_ms ?? OMITTED_MS);
  const chosen =
    fault.droplet === undefined
      ? found.slice(-1)
      : found.filter((each) => each.id === fault.droplet || each.name === fault.droplet);
  for (const droplet of chosen) droplet.omitted_until = until;
}
