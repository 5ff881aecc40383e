/**
 * Runs the sweep of one kind, a bounded part at a time: lists everything, asks the Bots, deletes what nobody answered
 * for. It is called from the gate's alarm only, so there is never more than one pass. The inventory lives in memory:
 * whoever loses it lists again and goes on behind the cursor.
 */

import type { Storage } from "../../cloudflare/storage-port.ts";
import type { Fleet } from "../../naming/fleet.ts";
import type { SweepVerdict } from "../../resources/verdict.ts";
import type { Outcome } from "../outcome.ts";
import { Orphans, type SweepReport, type SweepState } from "./orphans.ts";
import type { Permit } from "./permit.ts";
import {
  compareIds,
  type Inventory,
  judgeDeletions,
  judgeFinding,
  type Kinship,
  kinshipOf,
  type Listed,
  noteFinding,
  type Orphan,
  type ResourceId,
} from "./sweep.ts";
import type { SweptKind } from "./swept-kind.ts";

export interface SweepPlatform extends Pick<Storage, "sql" | "transactionSync"> {
  now(): number;
  log(entry: Record<string, unknown>): void;
  /** Which of these bots the index knows. @throws where it cannot be asked */
  indexed(botIds: string[]): Promise<Set<string>>;
  sweep_mode: "delete" | "dry_run" | "off";
}

/** What the gate lends to the sweep. */
export interface SweepLease {
  permit(): Permit;
  failed(outcome: Outcome<unknown>): void;
  /** The names and tags of our fleet, or why they are not known beyond doubt. */
  fleet: Fleet | { unknown: string };
}

const CLAIMS_A_RUN = 200;
const CLAIMS_AT_ONCE = 10;
const GO_ON_MS = 1_000;
/** A listing that takes longer is no picture of any moment. */
const INVENTORY_MAX_MS = 10 * 60_000;
/** A resource that is somebody's again and again is asked about less and less often. */
const ASK_AGAIN_MAX_MS = 60 * 60_000;

interface Candidate<T extends Listed> {
  listed: T;
  kin: Exclude<Kinship, { kind: "foreign" }>;
}

type Pass = NonNullable<SweepState["pass"]>;
interface Listing<T extends Listed> extends Inventory<T> {
  page: number;
  complete: boolean;
}

export class Sweeper<T extends Listed = Listed> {
  readonly #platform: SweepPlatform;
  readonly #swept: SweptKind<T>;
  readonly #orphans: Orphans;
  #listing: Listing<T> | null = null;
  /** When each resource was first and last said to be somebody's. */
  readonly #claimed = new Map<ResourceId, { first: number; last: number }>();

  constructor(platform: SweepPlatform, swept: SweptKind<T>) {
    this.#platform = platform;
    this.#swept = swept;
    this.#orphans = new Orphans(platform.sql, swept.store);
  }

  /** The cron's wish for a pass, or a person's: theirs may be a dry run, and is granted where sweeping is off. */
  want(asked: { dry_run: boolean } | null): void {
    const mode = this.#platform.sweep_mode;
    if (asked === null && mode === "off") return;
    const state = this.#orphans.state();
    const dry_run = asked?.dry_run === true || mode !== "delete";
    if (state.wanted === null || asked !== null) this.#orphans.saveState({ ...state, wanted: { dry_run } });
  }

  get busy(): boolean {
    const { wanted, pass } = this.#orphans.state();
    return wanted !== null || pass !== null;
  }

  report(): { last: SweepReport | null; under_way: boolean; orphans: Orphan[] } {
    return { last: this.#orphans.state().last, under_way: this.busy, orphans: this.#orphans.all() };
  }

  /** @returns when to go on, ms; null: nothing is under way */
  async run(lease: SweepLease): Promise<number | null> {
    const pass = this.#begin();
    if (pass === null) return null;
    if ("unknown" in lease.fleet) return this.#end(pass, lease.fleet.unknown, [], []);
    const listed = await this.#list(lease);
    if (typeof listed === "number") return listed;
    if (typeof listed === "string") return this.#end(pass, listed, [], []);
    const candidates = this.#candidates(lease.fleet, listed);
    const asked = await this.#ask(pass, candidates, listed);
    if (asked.more) return this.#platform.now() + GO_ON_MS;
    return this.#conclude(asked.pass, candidates, listed, lease);
  }

  #begin(): Pass | null {
    const state = this.#orphans.state();
    if (state.pass !== null) return state.pass;
    if (state.wanted === null) return null;
    this.#listing = null;
    const pass = { began_at: this.#platform.now(), ...state.wanted, cursor: 0, asked: 0, unanswered: 0 };
    this.#orphans.saveState({ ...state, wanted: null, pass });
    return pass;
  }

  /** @returns the inventory, or when to go on, or why there is none */
  async #list(lease: SweepLease): Promise<Inventory<T> | number | string> {
    const { now } = this.#platform;
    this.#listing ??= { began_at: now(), resources: [], page: 1, complete: false };
    const listing = this.#listing;
    const found = new Map(listing.resources.map((listed) => [listed.id, listed]));
    while (!listing.complete) {
      if (now() - listing.began_at > INVENTORY_MAX_MS) return "the listing took too long";
      const permit = lease.permit();
      if (!permit.granted) return now() + permit.wait_ms;
      const outcome = await this.#swept.listPage(listing.page);
      if (outcome.kind !== "ok") {
        lease.failed(outcome);
        return `the listing failed: ${outcome.kind}`;
      }
      for (const listed of outcome.value.resources) found.set(listed.id, listed);
      listing.resources = [...found.values()];
      listing.page++;
      listing.complete = outcome.value.last;
      if (listing.complete && found.size < (outcome.value.total ?? 0))
        return `the listing missed a ${this.#swept.kind.kind}`;
    }
    return listing;
  }

  /** Asks about the next resources behind the cursor; one Bot that cannot be asked does not stop the others. */
  async #ask(pass: Pass, candidates: Candidate<T>[], inventory: Inventory<T>): Promise<{ pass: Pass; more: boolean }> {
    const known = new Map(this.#orphans.all().map((orphan) => [orphan.id, orphan]));
    const left = candidates.filter(
      ({ listed: { id } }) => compareIds(id, pass.cursor) > 0 && (known.has(id) || this.#isDue(id, inventory.began_at)),
    );
    let next = pass;
    for (let at = 0; at < Math.min(left.length, CLAIMS_A_RUN); at += CLAIMS_AT_ONCE) {
      const some = left.slice(at, at + CLAIMS_AT_ONCE);
      const verdicts = await Promise.all(some.map((candidate) => this.#askOne(candidate, inventory, pass.dry_run)));
      const indexed = await this.#indexed(some.filter((_, index) => verdicts[index] === "unknown_bot"));
      next = {
        ...next,
        cursor: some.at(-1)?.listed.id ?? next.cursor,
        asked: next.asked + some.length,
        unanswered: next.unanswered + verdicts.filter((verdict) => verdict === null).length,
      };
      this.#platform.transactionSync(() => {
        for (const [index, candidate] of some.entries()) {
          this.#note(candidate, verdicts[index] ?? null, indexed, known.get(candidate.listed.id) ?? null, inventory);
        }
        this.#orphans.saveState({ ...this.#orphans.state(), pass: next });
      });
    }
    return { pass: next, more: left.length > CLAIMS_A_RUN };
  }

  #isDue(id: ResourceId, now: number): boolean {
    const claimed = this.#claimed.get(id);
    return claimed === undefined || now - claimed.last >= Math.min(ASK_AGAIN_MAX_MS, claimed.last - claimed.first);
  }

  /** Null: it cannot be asked, so the resource counts as its own. */
  async #askOne(
    { listed, kin }: Candidate<T>,
    { began_at }: Inventory,
    dry_run: boolean,
  ): Promise<SweepVerdict | null> {
    if (kin.kind !== "ours") return "mine";
    try {
      return await this.#swept.claim(kin.bot_id, {
        kind: this.#swept.kind.kind,
        droplet: listed,
        listed_ms_ago: this.#platform.now() - began_at,
        dry_run,
      });
    } catch (error) {
      this.#platform.log({ level: "warn", event: "claim_unanswered", bot_id: kin.bot_id, detail: String(error) });
      return null;
    }
  }

  /** Where the index cannot be asked, it may know them all. */
  async #indexed(unknown: Candidate<T>[]): Promise<Set<string>> {
    const ids = unknown.flatMap(({ kin }) => kin.bot_id ?? []);
    if (ids.length === 0) return new Set();
    try {
      return await this.#platform.indexed(ids);
    } catch (error) {
      this.#platform.log({ level: "warn", event: "index_unanswered", detail: String(error) });
      return new Set(ids);
    }
  }

  #note(
    { listed, kin }: Candidate<T>,
    verdict: SweepVerdict | null,
    indexed: ReadonlySet<string>,
    before: Orphan | null,
    { began_at }: Inventory,
  ): void {
    const finding = judgeFinding(kin, verdict, kin.bot_id !== null && indexed.has(kin.bot_id));
    if (finding === null) {
      const { first } = this.#claimed.get(listed.id) ?? { first: began_at };
      if (verdict === "mine") this.#claimed.set(listed.id, { first, last: began_at });
      if (verdict !== null) this.#orphans.forget(listed.id);
      return;
    }
    this.#claimed.delete(listed.id);
    if (before === null) {
      const { state, why } = finding;
      this.#warn("orphan_found", listed, { state, why });
    }
    this.#orphans.save(noteFinding(before, listed, kin.bot_id, finding, began_at));
  }

  async #conclude(
    pass: Pass,
    candidates: Candidate<T>[],
    inventory: Inventory<T>,
    lease: SweepLease,
  ): Promise<number | null> {
    const { now } = this.#platform;
    const present = new Set<ResourceId>(inventory.resources.map(({ id }) => id));
    for (const id of this.#claimed.keys()) if (!present.has(id)) this.#claimed.delete(id);
    for (const { id } of this.#orphans.all()) if (!present.has(id)) this.#orphans.forget(id);
    this.#orphans.forgetOld(now());
    const ours = candidates.filter(({ kin }) => kin.kind === "ours").length;
    const { ids, held } = judgeDeletions(this.#swept.kind, this.#orphans.all(), ours, inventory, now());
    if (held !== null) this.#platform.log({ level: "error", event: "sweep_held", detail: held });
    const deleted: ResourceId[] = [];
    for (const id of pass.dry_run ? [] : ids) {
      const permit = lease.permit();
      // What is not deleted now is due in the next pass as well.
      if (!permit.granted) break;
      if (await this.#delete(id, lease)) deleted.push(id);
    }
    return this.#end(pass, held, deleted, candidates, inventory.resources.length);
  }

  async #delete(id: T["id"], lease: SweepLease): Promise<boolean> {
    const orphan = this.#orphans.all().find((each) => each.id === id);
    if (orphan === undefined) return false;
    // Said before it is done: a deletion that nobody remembers cannot be explained.
    this.#warn("orphan_deleted", orphan, { why: orphan.why });
    this.#orphans.save({ ...orphan, state: "deleted", since: this.#platform.now() });
    const outcome = await this.#swept.remove(id);
    if (outcome.kind !== "ok") lease.failed(outcome);
    return true;
  }

  #warn(event: string, { id, name }: { id: ResourceId; name: string }, more: Record<string, string>): void {
    this.#platform.log({ level: "warn", event, [`${this.#swept.kind.kind}_id`]: id, name, ...more });
  }

  #end(pass: Pass, held: string | null, deleted: ResourceId[], candidates: Candidate<T>[], droplets = 0): null {
    this.#listing = null;
    const { began_at, dry_run, asked, unanswered } = pass;
    const rows = this.#orphans.all();
    const last: SweepReport = {
      began_at,
      ended_at: this.#platform.now(),
      dry_run,
      held,
      droplets,
      ours: candidates.filter(({ kin }) => kin.kind === "ours").length,
      asked,
      unanswered,
      stale: rows.filter(({ state }) => state === "stale").length,
      quarantined: rows.filter(({ state }) => state === "quarantined").length,
      deleted,
    };
    this.#orphans.saveState({ ...this.#orphans.state(), pass: null, last });
    this.#platform.log({ event: "swept", ...last });
    return null;
  }

  /** What may be ours, in the order in which it is asked about. */
  #candidates(fleet: Fleet, { resources }: Inventory<T>): Candidate<T>[] {
    return resources
      .flatMap((listed): Candidate<T>[] => {
        const kin = kinshipOf(this.#swept.kind, fleet, listed);
        return kin.kind === "foreign" ? [] : [{ listed, kin }];
      })
      .sort((a, b) => compareIds(a.listed.id, b.listed.id));
  }
}
