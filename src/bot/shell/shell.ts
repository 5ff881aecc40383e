/**
 * The thin shell around the lifecycle: the only writer of a Bot's truth. It reads, asks the pure core, and commits state,
 * events, outbox and the one alarm together. Calls to the outside happen only in `alarm()`.
 */
import type { Caller } from "../../records/caller.ts";
import type { ConfigRow, OutboxEntry } from "../../records/rows.ts";
import type { RetiredKeys } from "../../secrets/key-rotation-plan.ts";
import type { BotEvent, EventBody } from "../model/events.ts";
import { apply } from "../model/fold.ts";
import type { BotState, Instant } from "../model/state.ts";
import type { Runtime } from "../reconcile/decision.ts";
import { reconcile } from "../reconcile/reconcile.ts";
import { nextAlarm } from "../reconcile/schedule.ts";
import { auditOfChange } from "./audit.ts";
import { recorded } from "./history.ts";
import { botRow, changedDroplets } from "./outbox-rows.ts";
import type { Platform } from "./ports.ts";
import { eraseSecretTexts } from "./secret-texts.ts";
import { type CommandRow, type Loaded, Store } from "./store.ts";
import { withhold } from "./withhold.ts";

const MAX_CONCLUSIONS = 8;
const BROKEN_STATE_ALARM_MS = 60 * 60 * 1000;

export interface Change {
  events?: readonly EventBody[];
  /** Who caused it, where nobody asked for it: `agent`, else `spawnpoint`. */
  actor?: string;
  /** Who asked for it: the events are theirs, and the audit log is told. */
  by?: Caller;
  rt?: Runtime;
  /** A new config version that goes with the events. */
  config?: ConfigRow;
  /** Commands that are new or have a result. */
  commands?: readonly CommandRow[];
  /** Rows that the index has lost and is sent again. */
  entries?: readonly OutboxEntry[];
  /** The answer to remember, in the same commit as the effect. */
  answer?: { key: string; body_hash: string; result: unknown };
  /** Keys that no secret may be sealed with any more. */
  retired_keys?: RetiredKeys;
  /** The secrets go from every config version that is kept. */
  erase_secrets?: true;
  /** The bot is destroyed, whatever release has changed it. */
  ends_bot?: true;
  /** A call is about to be made: wake at this instant if we die during it. */
  safety_at?: Instant;
}

export interface Live {
  bot: BotState;
  rt: Runtime;
}

/**
 * Told after each commit, once it is stored. What goes wrong with a follower is its own trouble: it must not throw.
 * @param before null where the commit created the bot
 */
export type Follower = (shell: BotShell, before: BotState | null, after: Live) => void;

export class BotShell {
  readonly platform: Platform;
  readonly store: Store;
  readonly #followers: readonly Follower[];
  #loaded: Loaded | null = null;
  #repaired = false;

  constructor(platform: Platform, followers: readonly Follower[]) {
    this.platform = platform;
    this.#followers = followers;
    this.store = new Store(platform);
    if (this.store.exists()) this.store.migrate();
  }

  /** Says which bot it is, and in which generation, as far as that is known without a read. */
  log(entry: Record<string, unknown>): void {
    const bot = this.#loaded?.kind === "bot" ? this.#loaded.bot : null;
    this.platform.log({ ...(bot && { bot_id: bot.id, generation: bot.generation }), ...entry });
  }

  /** What is stored, read once and then kept in step by `commit`. */
  load(): Loaded {
    this.#loaded ??= this.store.load();
    return this.#loaded;
  }

  /** The bot, or null where it was never created or cannot be read. */
  live(): Live | null {
    const loaded = this.load();
    return loaded.kind === "bot" ? loaded : null;
  }

  /** As `live`, after an await by a caller that has already seen the bot: it cannot have ceased to exist. */
  present(): Live {
    const live = this.live();
    if (live === null) throw new Error("the bot's state went away under a running call");
    return live;
  }

  /** Makes the bot of its `accepted` event; the schema comes with it, in the same commit. */
  create(
    accepted: Extract<EventBody, { kind: "accepted" }>,
    rt: Runtime,
    change: Pick<Change, "actor" | "config" | "retired_keys">,
  ): Live {
    return this.#transact(null, () => {
      this.store.migrate();
      return this.#write(null, rt, { events: [accepted], ...change });
    });
  }

  commit(change: Change): Live {
    const { bot, rt } = this.present();
    return this.#transact(bot, () => this.#write(bot, change.rt ?? rt, withhold(bot, change)));
  }

  /** What the sockets tell, kept in memory: the next commit stores it, and until then it can be read off them again. */
  see(rt: Runtime): void {
    this.#loaded = { kind: "bot", bot: this.present().bot, rt };
  }

  /** The end of an alarm. Where only the agent is awaited, the alarm is all that is written. */
  rest(): void {
    const { bot, rt } = this.present();
    const { at, watching } = nextAlarm(bot, rt, this.platform.now(), this.platform.policy, this.store.nextDeliveryAt());
    if (watching && rt.alarm_at === null) this.platform.setAlarm(at);
    else this.commit({});
  }

  /** Last-seen and telemetry: one row, no event, and the alarm stays where it is. */
  note(rt: Runtime): void {
    const { bot } = this.present();
    this.store.saveRuntime(rt);
    this.#loaded = { kind: "bot", bot, rt };
  }

  /** Re-arms where a deploy ate the alarm. Not for `alarm()` itself: during its delivery there is none to see. */
  repairAlarm(): void {
    const live = this.live();
    if (live === null || this.#repaired) return;
    this.#repaired = true;
    const { alarm_at } = live.rt;
    const now = this.platform.now();
    if (alarm_at !== null && alarm_at < now - this.platform.policy.alarm_late_ms) this.commit({});
  }

  /** Where the stored state cannot be read: nothing is done, and it is said every hour. */
  holdBroken(detail: string): void {
    this.log({ level: "error", event: "bot_state_unreadable", detail });
    this.platform.setAlarm(this.platform.now() + BROKEN_STATE_ALARM_MS);
  }

  #transact(before: BotState | null, run: () => Live): Live {
    let live: Live;
    try {
      live = this.platform.transactionSync(run);
    } catch (error) {
      // The commit was rolled back: what is in memory may be ahead of what is stored.
      this.#loaded = null;
      throw error;
    }
    this.#loaded = { kind: "bot", ...live };
    for (const follow of this.#followers) follow(this, before, live);
    return live;
  }

  #write(before: BotState | null, rt: Runtime, change: Change): Live {
    const { platform, store } = this;
    const now = platform.now();
    let bot = before;
    const actor = change.by?.actor ?? change.actor ?? "spawnpoint";
    for (const body of change.events ?? []) bot = this.#append(bot, body, now, actor);
    if (bot === null) throw new Error("nothing to commit: the bot does not exist");
    if (before !== null && bot !== before) this.#tellAudit(before, bot, change, now);
    if (bot !== before && change.actor === "agent") bot = this.#conclude(bot, rt, now);
    if (bot !== before) this.#saveState(before, bot, rt, now);
    if (change.config) {
      store.saveConfig(change.config);
      store.enqueue({ kind: "config", row: change.config }, bot.revision, now);
    }
    if (change.erase_secrets) eraseSecretTexts(store, now);
    if (change.retired_keys) store.saveRetiredKeys(change.retired_keys);
    for (const command of change.commands ?? []) store.saveCommand(command);
    for (const entry of change.entries ?? []) store.enqueue(entry, bot.revision, now);
    if (change.config || bot.config !== before?.config) {
      const { desired, last_good, effective, applied } = bot.config;
      // The one that runs is what a trading report is held against.
      const kept = [desired, last_good, effective, applied].flatMap((ref) => ref?.version ?? []);
      store.forgetConfigsExcept(kept);
    }
    if (change.answer) store.saveAnswer(change.answer.key, change.answer.body_hash, change.answer.result, now);
    const next = nextAlarm(bot, rt, now, platform.policy, store.nextDeliveryAt());
    const wake_at = change.safety_at ?? next.at;
    const armed: Runtime = { ...rt, alarm_at: change.safety_at === undefined && next.watching ? null : wake_at };
    store.saveRuntime(armed);
    platform.setAlarm(wake_at);
    return { bot, rt: armed };
  }

  #tellAudit(before: BotState, after: BotState, { by, events = [], config }: Change, now: Instant): void {
    if (by === undefined) return;
    const row = auditOfChange(before, after, by, events, config?.note ?? null, now);
    this.store.enqueue({ kind: "audit", row }, after.revision, now);
  }

  #append(bot: BotState | null, body: EventBody, now: Instant, actor: string): BotState {
    const event = { ...body, seq: (bot?.revision ?? 0) + 1, at: now, actor } as BotEvent;
    const next = apply(bot, event);
    // One commit may end an operation and begin the next: how the first one ended is kept too.
    if (bot !== null && next.operation.id !== bot.operation.id) this.store.saveOperation(bot.operation);
    this.store.history.append(recorded(event, bot, next));
    return next;
  }

  /**
   * What follows from an agent's news without a call is said with it: nobody sees a bot online whose create still runs.
   * What a person asked for is left to the alarm, so that it can still be cancelled.
   */
  #conclude(bot: BotState, rt: Runtime, now: Instant): BotState {
    let concluded = bot;
    for (let steps = 0; steps < MAX_CONCLUSIONS; steps++) {
      const decision = reconcile(concluded, rt, now, this.platform.policy);
      if (!("record" in decision)) break;
      concluded = this.#append(concluded, decision.record, now, "spawnpoint");
    }
    return concluded;
  }

  #saveState(before: BotState | null, bot: BotState, rt: Runtime, now: Instant): void {
    this.store.save(bot);
    if (bot.operation !== before?.operation) this.store.saveOperation(bot.operation);
    if (bot.operation.id !== before?.operation.id) this.store.forgetOldOperations();
    this.store.enqueue({ kind: "bot", row: botRow(bot, rt) }, bot.revision, now);
    for (const row of changedDroplets(before, bot)) {
      this.store.enqueue({ kind: "droplet", row }, bot.revision, now);
    }
  }
}
