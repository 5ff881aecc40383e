/** What every bot's stored state has to be at any time, whatever dies or goes wrong. */
import { isDeepStrictEqual } from "node:util";
import type { BotEvent } from "../../../src/bot/model/events.ts";
import { apply } from "../../../src/bot/model/fold.ts";
import { type BotState, isRunning } from "../../../src/bot/model/state.ts";
import { type Loaded, Store } from "../../../src/bot/shell/store.ts";
import { storageOf } from "../../../src/cloudflare/storage.ts";
import { complaintsOfHolds } from "../../simulation/holds.ts";

/** A bot as its object's storage has it. */
export interface Sight {
  loaded: Loaded;
  /** Those that were not seen before. */
  events: BotEvent[];
  /** When the outbox wants to be tried next; null where it is empty. */
  delivery_at: number | null;
}

export class History {
  readonly #last = new Map<string, BotState>();
  readonly #intended = new Set<string>();
  readonly #complaints: string[] = [];

  complain(what: string): void {
    this.#complaints.push(what);
  }

  /** The first thing that did not hold; null: all did. */
  get complaint(): string | null {
    return this.#complaints[0] ?? null;
  }

  /** Reads an object's storage; nothing is judged before it is durable. */
  see(bot: string, storage: DurableObjectStorage): Sight {
    const store = new Store(storageOf(storage));
    const loaded = store.load();
    if (loaded.kind === "absent") return { loaded, events: [], delivery_at: null };
    const events = store.history.events(this.#last.get(bot)?.revision ?? 0, 10_000);
    return { loaded, events, delivery_at: store.nextDeliveryAt() };
  }

  /** @param sight which has become durable: whoever dies now cannot take it back */
  judge(id: string, { loaded, events }: Sight): void {
    const before = this.#last.get(id) ?? null;
    if (loaded.kind === "absent") {
      if (before) this.complain(`${id} has forgotten everything`);
      return;
    }
    if (loaded.kind === "broken") {
      this.complain(`the stored state of ${id} does not parse: ${loaded.detail}`);
      return;
    }
    const { bot } = loaded;
    // Somebody looked later and was judged sooner.
    if (before && bot.revision < before.revision) return;
    let folded = before;
    for (const event of events) {
      if (event.seq <= (folded?.revision ?? 0)) continue;
      const after = apply(folded, event);
      if (folded !== null) for (const what of complaintsOfHolds(folded, event, after)) this.complain(what);
      folded = after;
      if (event.kind === "intent_opened") this.#intended.add(event.data.droplet_name);
    }
    if (!isDeepStrictEqual(folded, bot)) this.complain(`state ${bot.revision} of ${id} is not the fold of its history`);
    this.#last.set(id, bot);
    this.#judgeStep(id, before, bot);
  }

  #judgeStep(id: string, before: BotState | null, after: BotState): void {
    const { desired, applied } = after.config;
    if (applied && applied.version > desired.version) this.complain(`${id} applied what was never desired`);
    if (!before) return;
    if (before.destroyed_at !== null && after.destroyed_at === null) this.complain(`${id} rose from destroyed`);
    if (desired.version < before.config.desired.version || after.generation < before.generation)
      this.complain(`${id} went back to an earlier version or generation`);
    if (isRunning(after.operation) || after.operation.state !== "succeeded") return;
    const open = after.intents.some(({ state }) => state === "open");
    // A destroy by force says so in its answer and in the bot's reason.
    if (open && after.reason !== "droplet_not_confirmed_gone")
      this.complain(`${after.operation.kind} of ${id} succeeded with an open intent`);
  }

  /** Whether an intent for a droplet of this name has been seen to be durable. */
  isIntended(dropletName: string): boolean {
    return this.#intended.has(dropletName);
  }

  /** The bot as it was last seen. */
  last(bot: string): BotState | null {
    return this.#last.get(bot) ?? null;
  }
}
