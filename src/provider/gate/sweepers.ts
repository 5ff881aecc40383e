/** The sweeps of all kinds: asked for together, run one after the other. */
import type { ProviderDroplet } from "../schema.ts";
import { Sweeper, type SweepLease, type SweepPlatform } from "./sweeper.ts";
import { type SweptAccount, sweptDroplets } from "./swept-kind.ts";

export class Sweepers {
  readonly #droplets: Sweeper<ProviderDroplet>;
  readonly #all: readonly Pick<Sweeper, "want" | "busy" | "run">[];

  constructor(account: SweepPlatform & SweptAccount) {
    this.#droplets = new Sweeper(account, sweptDroplets(account));
    this.#all = [this.#droplets];
  }

  /** The cron's wish for a pass, or a person's: theirs may be a dry run, and is granted where sweeping is off. */
  want(asked: { dry_run: boolean } | null): void {
    for (const sweeper of this.#all) sweeper.want(asked);
  }

  get busy(): boolean {
    return this.#all.some((sweeper) => sweeper.busy);
  }

  /** What was found of droplets. */
  report() {
    const { orphans, last, under_way } = this.#droplets.report();
    return {
      last: last && { ...last, deleted: last.deleted.map(Number) },
      under_way,
      orphans: orphans.map(({ id, ...orphan }) => ({ droplet_id: Number(id), ...orphan })),
    };
  }

  /** @returns when to go on, ms; null: nothing is under way */
  async run(lease: SweepLease): Promise<number | null> {
    let next: number | null = null;
    for (const sweeper of this.#all) {
      const at = await sweeper.run(lease);
      if (at !== null) next = Math.min(next ?? at, at);
    }
    return next;
  }
}
