/**
 * Runs the sweep, a bounded part at a time: lists everything, asks the Bots, deletes what nobody answered for. It is
 * called from the gate's alarm only, so there is never more than one. The inventory lives in memory: whoever loses it
 * lists again and goes on behind the cursor.
 */
import type { Storage } from "../../cloudflare/storage-port.ts";
import type { Fleet } from "../../naming/fleet.ts";
import type { ListPage } from "../digitalocean.ts";
import type { Outcome } from "../outcome.ts";
import type { ProviderDroplet } from "../schema.ts";
import { Orphans, type SweepReport, type SweepState } from "./orphans.ts";
import type { Permit } from "./permit.ts";
import {
  type Inventory,
  judgeDeletions,
  judgeFinding,
  type Kinship,
  kinshipOf,
  noteFinding,
  type Orphan,
} from "./sweep.ts";
import type { SweepVerdict, VerdictRequest } from "./verdict.ts";

export interface SweepPlatform extends Pick<Storage, "sql" | "transactionSync"> {
  now(): number;
  log(entry: Record<string, unknown>): void;
  listPage(page: number): Promise<Outcome<ListPage>>;
  deleteDroplet(id: number): Promise<Outcome<null>>;
  /** @throws where the Bot cannot be asked */
  claim(botId: string, request: VerdictRequest): Promise<SweepVerdict>;
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
/** A droplet that is somebody's again and again is asked about less and less often. */
const ASK_AGAIN_MAX_MS = 60 * 60_000;

interface Candidate {
  droplet: ProviderDroplet;
  kin: Exclude<Kinship, { kind: "foreign" }>;
}

type Pass = NonNullable<SweepState["pass"]>;
interface Listing extends Inventory {
  page: number;
  complete: boolean;
}

export class Sweeper {
  readonly #platform: SweepPlatform;
  readonly #orphans: Orphans;
  #listing: Listing | null = null;
  /** When each droplet was first and last said to be somebody's. */
  readonly #claimed = new Map<number, { first: number; last: number }>();

  constructor(platform: SweepPlatform) {
    this.#platform = platform;
    this.#orphans = new Orphans(platform.sql);
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
    const candidates = candidatesOf(lease.fleet, listed);
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
  async #list(lease: SweepLease): Promise<Inventory | number | string> {
    const { now } = this.#platform;
    this.#listing ??= { began_at: now(), droplets: [], page: 1, complete: false };
    const listing = this.#listing;
    const found = new Map(listing.droplets.map((droplet) => [droplet.id, droplet]));
    while (!listing.complete) {
      if (now() - listing.began_at > INVENTORY_MAX_MS) return "the listing took too long";
      const permit = lease.permit();
      if (!permit.granted) return now() + permit.wait_ms;
      const outcome = await this.#platform.listPage(listing.page);
      if (outcome.kind !== "ok") {
        lease.failed(outcome);
        return `the listing failed: ${outcome.kind}`;
      }
      for (const droplet of outcome.value.droplets) found.set(droplet.id, droplet);
      listing.droplets = [...found.values()];
      listing.page++;
      listing.complete = outcome.value.last;
      if (listing.complete && found.size < (outcome.value.total ?? 0)) return "the listing missed a droplet";
    }
    return listing;
  }

  /** Asks about the next droplets behind the cursor; one Bot that cannot be asked does not stop the others. */
  async #ask(pass: Pass, candidates: Candidate[], inventory: Inventory): Promise<{ pass: Pass; more: boolean }> {
    const known = new Map(this.#orphans.all().map((orphan) => [orphan.droplet_id, orphan]));
    const left = candidates.filter(
      ({ droplet: { id } }) => id > pass.cursor && (known.has(id) || this.#isDue(id, inventory.began_at)),
    );
    let next = pass;
    for (let at = 0; at < Math.min(left.length, CLAIMS_A_RUN); at += CLAIMS_AT_ONCE) {
      const some = left.slice(at, at + CLAIMS_AT_ONCE);
      const verdicts = await Promise.all(some.map((candidate) => this.#askOne(candidate, inventory, pass.dry_run)));
      const indexed = await this.#indexed(some.filter((_, index) => verdicts[index] === "unknown_bot"));
      next = {
        ...next,
        cursor: some.at(-1)?.droplet.id ?? next.cursor,
        asked: next.asked + some.length,
        unanswered: next.unanswered + verdicts.filter((verdict) => verdict === null).length,
      };
      this.#platform.transactionSync(() => {
        for (const [index, candidate] of some.entries()) {
          this.#note(candidate, verdicts[index] ?? null, indexed, known.get(candidate.droplet.id) ?? null, inventory);
        }
        this.#orphans.saveState({ ...this.#orphans.state(), pass: next });
      });
    }
    return { pass: next, more: left.length > CLAIMS_A_RUN };
  }

  #isDue(id: number, now: number): boolean {
    const claimed = this.#claimed.get(id);
    return claimed === undefined || now - claimed.last >= Math.min(ASK_AGAIN_MAX_MS, claimed.last - claimed.first);
  }

  /** Null: it cannot be asked, so the droplet counts as its own. */
  async #askOne({ droplet, kin }: Candidate, { began_at }: Inventory, dry_run: boolean): Promise<SweepVerdict | null> {
    if (kin.kind !== "ours") return "mine";
    try {
      return await this.#platform.claim(kin.bot_id, {
        droplet,
        listed_ms_ago: this.#platform.now() - began_at,
        dry_run,
      });
    } catch (error) {
      this.#platform.log({ level: "warn", event: "claim_unanswered", bot_id: kin.bot_id, detail: String(error) });
      return null;
    }
  }

  /** Where the index cannot be asked, it may know them all. */
  async #indexed(unknown: Candidate[]): Promise<Set<string>> {
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
    { droplet, kin }: Candidate,
    verdict: SweepVerdict | null,
    indexed: ReadonlySet<string>,
    before: Orphan | null,
    { began_at }: Inventory,
  ): void {
    const finding = judgeFinding(kin, verdict, kin.bot_id !== null && indexed.has(kin.bot_id));
    if (finding === null) {
      const { first } = this.#claimed.get(droplet.id) ?? { first: began_at };
      if (verdict === "mine") this.#claimed.set(droplet.id, { first, last: began_at });
      if (verdict !== null) this.#orphans.forget(droplet.id);
      return;
    }
    this.#claimed.delete(droplet.id);
    if (before === null) {
      const { state, why } = finding;
      this.#platform.log({
        level: "warn",
        event: "orphan_found",
        droplet_id: droplet.id,
        name: droplet.name,
        state,
        why,
      });
    }
    this.#orphans.save(noteFinding(before, droplet, kin.bot_id, finding, began_at));
  }

  async #conclude(
    pass: Pass,
    candidates: Candidate[],
    inventory: Inventory,
    lease: SweepLease,
  ): Promise<number | null> {
    const { now } = this.#platform;
    const present = new Set(inventory.droplets.map(({ id }) => id));
    for (const id of this.#claimed.keys()) if (!present.has(id)) this.#claimed.delete(id);
    for (const { droplet_id } of this.#orphans.all()) if (!present.has(droplet_id)) this.#orphans.forget(droplet_id);
    this.#orphans.forgetOld(now());
    const ours = candidates.filter(({ kin }) => kin.kind === "ours").length;
    const { droplet_ids, held } = judgeDeletions(this.#orphans.all(), ours, inventory, now());
    if (held !== null) this.#platform.log({ level: "error", event: "sweep_held", detail: held });
    const deleted: number[] = [];
    for (const droplet_id of pass.dry_run ? [] : droplet_ids) {
      const permit = lease.permit();
      // What is not deleted now is due in the next pass as well.
      if (!permit.granted) break;
      if (await this.#delete(droplet_id, lease)) deleted.push(droplet_id);
    }
    return this.#end(pass, held, deleted, candidates, inventory.droplets.length);
  }

  async #delete(droplet_id: number, lease: SweepLease): Promise<boolean> {
    const orphan = this.#orphans.all().find((each) => each.droplet_id === droplet_id);
    if (orphan === undefined) return false;
    const { name, why } = orphan;
    // Said before it is done: a deletion that nobody remembers cannot be explained.
    this.#platform.log({ level: "warn", event: "orphan_deleted", droplet_id, name, why });
    this.#orphans.save({ ...orphan, state: "deleted", since: this.#platform.now() });
    const outcome = await this.#platform.deleteDroplet(droplet_id);
    if (outcome.kind !== "ok") lease.failed(outcome);
    return true;
  }

  #end(pass: Pass, held: string | null, deleted: number[], candidates: Candidate[], droplets = 0): null {
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
}

/** What may be ours, in the order in which it is asked about. */
function candidatesOf(fleet: Fleet, { droplets }: Inventory): Candidate[] {
  return droplets
    .flatMap((droplet): Candidate[] => {
      const kin = kinshipOf(fleet, droplet);
      return kin.kind === "foreign" ? [] : [{ droplet, kin }];
    })
    .sort((a, b) => a.droplet.id - b.droplet.id);
}
