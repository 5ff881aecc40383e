import type { BotEvent, DropletFacts, EventBody, EventData, RecordedEvent } from "../../../src/bot/model/events.ts";
import { apply, applyFirst } from "../../../src/bot/model/fold.ts";
import { defaultPolicy, type Policy } from "../../../src/bot/model/policy.ts";
import { adoptedDroplet, type BotState, type Droplet } from "../../../src/bot/model/state.ts";
import { type Decision, Runtime } from "../../../src/bot/reconcile/decision.ts";
import type { Finished } from "../../../src/bot/reconcile/effects.ts";
import { effectKey, learn } from "../../../src/bot/reconcile/effects.ts";
import { reconcile } from "../../../src/bot/reconcile/reconcile.ts";
import { wayBack } from "../../../src/bot/reconcile/rollout.ts";
import { recorded } from "../../../src/bot/shell/history.ts";
import { dropletName, dropletTags } from "../../../src/naming/fleet.ts";
import type { DropletStatus, HoldOwner, OperationKind } from "../../../src/wire/enums.ts";
import type { Limit } from "../../../src/wire/trading-report.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const START = Date.UTC(2026, 10, 20, 12);

export const BOT_ID = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
export const FLEET = { prefix: "sp-00c0ffee", tag: "spawnpoint-00c0ffee" };
const CONFIG = { id: configId(1), version: 1 };
const ADDRESS = "203.0.113.7";

const ACCEPTED: EventData["accepted"] = {
  id: BOT_ID,
  account_id: "a0000000-0000-4000-8000-000000000001",
  name: "Night Owl",
  persona: "beginner",
  policies: { healing: "reboot", start: null },
  paper_mode: true,
  fleet: FLEET,
  config: CONFIG,
  operation_id: "operation-1",
};

/**
 * One bot in a test: what happens is told to it as events, and the pure core says what is next. The words below bring
 * it to where a test begins; the clock moves only by `wait`.
 */
export class Life {
  now = START;
  rt: Runtime = Runtime.parse({});
  bot: BotState;
  readonly history: BotEvent[];
  #operations = 1;
  #droplets = 1000;

  constructor(accepted: Partial<EventData["accepted"]> = {}) {
    const first: BotEvent = {
      kind: "accepted",
      data: { ...ACCEPTED, ...accepted },
      seq: 1,
      at: this.now,
      actor: "operator",
    };
    this.history = [first];
    this.bot = applyFirst(first);
  }

  tell(...events: EventBody[]): this {
    for (const body of events) {
      const event: BotEvent = { ...body, seq: this.bot.revision + 1, at: this.now, actor: "spawnpoint" };
      this.bot = apply(this.bot, event);
      this.history.push(event);
    }
    return this;
  }

  wait(ms: number): this {
    this.now += ms;
    return this;
  }

  decide(policy: Policy = defaultPolicy): Decision {
    return reconcile(this.bot, this.rt, this.now, policy);
  }

  /** What an outcome teaches; the call has just ended, having begun `took` ago. */
  learn(finished: Finished, took = 0): EventBody[] {
    return learn(this.bot, finished, { began_at: this.now - took, ended_at: this.now, policy: defaultPolicy });
  }

  /** A call by this key has just ended. */
  called(key: string): this {
    this.rt = { ...this.rt, done: { ...this.rt.done, [key]: this.now } };
    return this;
  }

  /** The droplet that the bot lives on. */
  get droplet(): Droplet {
    const droplet = adoptedDroplet(this.bot);
    if (droplet === null) throw new Error("this bot has no droplet");
    return droplet;
  }

  /** A droplet of this bot as DigitalOcean shows it; of the present generation unless said otherwise. */
  facts(more: Partial<DropletFacts> = {}): DropletFacts {
    const generation = more.generation ?? this.bot.generation;
    return {
      id: ++this.#droplets,
      name: dropletName(FLEET, this.bot.id, generation),
      generation,
      status: "new",
      ip_address: null,
      ...more,
    };
  }

  /** The POST is under way. */
  posted(): this {
    const { generation } = this.bot;
    return this.tell({
      kind: "intent_opened",
      data: {
        intent_id: `intent-${this.bot.intents.length + 1}-g${generation}`,
        generation,
        droplet_name: dropletName(FLEET, this.bot.id, generation),
        tags: dropletTags(FLEET, this.bot.id, generation),
        token_hash: "a".repeat(64),
        token_expires_at: this.now + HOUR,
        region: "nyc3",
        size: "s-1vcpu-2gb",
        image: "ubuntu-22-04-x64",
      },
    });
  }

  get intentId(): string {
    const intent = this.bot.intents.at(-1);
    if (intent === undefined) throw new Error("this bot has no intent");
    return intent.id;
  }

  /** The POST ended without an answer. */
  unanswered(): this {
    return this.tell({
      kind: "intent_unanswered",
      data: { intent_id: this.intentId, ended_at: this.now, detail: "timeout" },
    });
  }

  looked(how: "name" | "tag" | "list"): this {
    return this.tell({
      kind: "intent_looked",
      data: { intent_id: this.intentId, how, began_at: this.now, found: [] },
    });
  }

  /** A droplet was made and answered 202. */
  made(): this {
    this.posted();
    return this.tell({
      kind: "intent_adopted",
      data: { intent_id: this.intentId, droplet: this.facts(), via: "post" },
    });
  }

  /** A read by id answered 200 just now. */
  read(status: DropletStatus, ip_address: string | null = ADDRESS): this {
    const { id, name, generation } = this.droplet;
    const droplet = { id, name, generation, status, ip_address };
    return this.tell({ kind: "droplet_observed", data: { droplet, via: "id" } }).called(`get_droplet:${id}`);
  }

  /** A look found nothing: by id a 404, by name or tag a listing without it. */
  missing(how: "id" | "name" | "tag", droplet_id = this.droplet.id): this {
    if (how === "id") this.called(`get_droplet:${droplet_id}`);
    return this.tell({ kind: "droplet_missing", data: { droplet_id, how, began_at: this.now } });
  }

  registered(): this {
    const data = {
      intent_id: this.intentId,
      credential_sha256: "c".repeat(64),
      droplet_id: this.droplet.id,
      boot_id: "b1",
    };
    return this.tell({ kind: "agent_registered", data }).beat();
  }

  beat(): this {
    this.rt = { ...this.rt, last_seen_at: this.now };
    return this;
  }

  applied(): this {
    return this.tell({ kind: "config_applied", data: { config: this.bot.config.desired } });
  }

  /** A new version is desired. */
  published(): this {
    const version = this.bot.config.desired.version + 1;
    return this.tell({
      kind: "config_published",
      data: { config: { id: configId(version), version }, paper_mode: true, restored_from: null },
    });
  }

  delivered(): this {
    return this.tell({ kind: "config_delivered", data: { config: this.bot.config.desired } });
  }

  /** The agent says that the desired version does not run. */
  configFailed(reason = "does not start"): this {
    return this.tell({ kind: "config_failed", data: { config: this.bot.config.desired, reason } });
  }

  /** What was good before came back. */
  rolledBack(): this {
    const back = wayBack(this.bot);
    if (back === null) throw new Error("this bot has nothing to go back to");
    const { version, restored_from } = back;
    return this.tell(
      {
        kind: "config_published",
        data: { config: { id: configId(version), version }, paper_mode: true, restored_from },
      },
      { kind: "rolled_back", data: back },
    );
  }

  succeeded(): this {
    return this.tell({ kind: "operation_succeeded", data: { operation_id: this.bot.operation.id } });
  }

  failed(code = "create_failed"): this {
    return this.tell({
      kind: "operation_failed",
      data: { operation_id: this.bot.operation.id, code, detail: `${code}, in words` },
    });
  }

  cancelled(): this {
    return this.tell({ kind: "operation_cancelled", data: { operation_id: this.bot.operation.id, why: "asked for" } });
  }

  requested(kind: OperationKind): this {
    return this.tell({
      kind: "operation_requested",
      data: { operation_id: `operation-${++this.#operations}`, kind },
    });
  }

  /** Created, heard, and serving. */
  online(): this {
    return this.made()
      .wait(30 * SECOND)
      .read("active")
      .wait(2 * MINUTE)
      .registered()
      .applied()
      .succeeded();
  }

  powered(action: "shutdown" | "power_off" | "power_on" | "power_cycle"): this {
    return this.tell({ kind: "power_sent", data: { droplet_id: this.droplet.id, action } });
  }

  paused(): this {
    this.online()
      .wait(HOUR)
      .requested("pause")
      .powered("shutdown")
      .wait(10 * SECOND);
    return this.read("off").succeeded();
  }

  suspending(reason = "payment_failed"): this {
    return this.tell({ kind: "suspended", data: { reason } }).requested("suspend");
  }

  suspended(reason?: string): this {
    this.online()
      .wait(HOUR)
      .suspending(reason)
      .powered("shutdown")
      .wait(10 * SECOND);
    return this.read("off").succeeded();
  }

  /** Held for a limit that was passed. */
  held(limit: Limit = "max_daily_loss_pct", owner: HoldOwner = "breach"): this {
    return this.tell(
      { kind: "limit_breached", data: { limit, value: 7, max: 5, version: this.bot.config.desired.version } },
      { kind: "hold_placed", data: { owner, reason: limit } },
    );
  }

  released(owner: HoldOwner = "breach"): this {
    return this.tell({ kind: "hold_released", data: { owner, reason: "seen" } });
  }

  unsuspended(): this {
    return this.tell({ kind: "unsuspended", data: {} });
  }

  silent(): this {
    return this.tell({ kind: "agent_silent", data: { last_seen_at: this.rt.last_seen_at } });
  }

  gone(droplet_id = this.droplet.id): this {
    return this.tell({ kind: "droplet_gone", data: { droplet_id } });
  }

  recreating(why = "redeploy"): this {
    return this.tell({ kind: "generation_started", data: { generation: this.bot.generation + 1, why } });
  }

  destroyed(): this {
    this.requested("destroy").tell({ kind: "credential_revoked", data: {} });
    for (const { id } of this.bot.droplets) this.gone(id);
    return this.tell({ kind: "destroyed", data: {} });
  }
}

/** The history as it is stored: with what each event made of the status. */
export function recordedOf(history: readonly BotEvent[]): RecordedEvent[] {
  let bot: BotState | null = null;
  return history.map((event) => {
    const before = bot;
    const after = apply(before, event);
    bot = after;
    return recorded(event, before, after);
  });
}

function configId(version: number): string {
  return `c0000000-0000-4000-8000-${String(version).padStart(12, "0")}`;
}

/** A decision in one line, for tables: `do get_droplet:1001`, `begin heal`, `wait 5000 droplet_active`. */
export function inWords(decision: Decision, now: number): string {
  if ("settled" in decision) return "settled";
  if ("wait" in decision) return `wait ${decision.wait - now} ${decision.for}`;
  if ("record" in decision) return `record ${decision.record.kind}`;
  if ("begin" in decision) return `begin ${decision.begin}`;
  if ("restore" in decision) return `restore ${decision.restore.restored_from} as ${decision.restore.version}`;
  const { do: effect } = decision;
  return effect.kind === "power" ? `do ${effect.action}` : `do ${effectKey(effect)}`;
}

/** Freezes all the way down: whoever writes to it throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
