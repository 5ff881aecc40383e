/**
 * The gate: one for each DigitalOcean token. It decides who may spend a request, and grants nothing while it does not
 * know that the token still belongs to the team that it was first used for.
 */
import type { Storage } from "../../storage.ts";
import type { Outcome } from "../outcome.ts";
import type { ProviderAccount } from "../schema.ts";
import { healLimits, type Limits, waitFor } from "./budget.ts";
import { type GateState, Ledger } from "./ledger.ts";
import type { Ask, Permit, Report } from "./permit.ts";

export interface GatePlatform extends Storage {
  now(): number;
  log(entry: Record<string, unknown>): void;
  getAccount(): Promise<Outcome<ProviderAccount>>;
  /** Tells tokens apart; says nothing of the token itself. */
  token_fingerprint: string;
  /** How many bots are meant to live. */
  countLiveBots(): Promise<number>;
  limits: Limits;
}

const VERIFY_EVERY_MS = 60 * 60_000;
const RETRY_MS = 30_000;
const SAFETY_MS = 60_000;
/** The first verification takes one request: whoever asks meanwhile comes back soon. */
const IDENTITY_PENDING_MS = 500;
const CIRCUIT_OPEN_MS = 60_000;
const HEAL_RETRY_MS = 60_000;
/** Deadlines of a fleet that fell silent together spread over this long: nobody is healed before all were heard of. */
const HEAL_SETTLE_MS = 120_000;
/** Weight of the newest create in the average. */
const AVERAGE_WEIGHT = 0.2;

export class GateShell {
  readonly #platform: GatePlatform;
  readonly #ledger: Ledger;

  constructor(platform: GatePlatform) {
    this.#platform = platform;
    this.#ledger = new Ledger(platform.sql);
    platform.transactionSync(() => this.#ledger.migrate());
  }

  permit(ask: Ask): Permit {
    return this.#platform.transactionSync(() => {
      const now = this.#platform.now();
      const state = this.#ledger.state();
      const refused = this.#closed(state, now) ?? this.#heldBack(ask, state, now);
      if (refused) {
        this.#ledger.wait(ask, now, refused.until);
        return refused;
      }
      this.#ledger.stopWaiting(ask.bot_id, now);
      this.#ledger.spend(ask.kind, now);
      if (ask.kind === "create") this.#ledger.leaseCreate(ask.bot_id, now);
      if (ask.kind === "heal") this.#ledger.grantHeal(ask.bot_id, now);
      return { granted: true, create_ms: this.#createMs(state) };
    });
  }

  #createMs(state: GateState): number {
    return state.create_ms ?? this.#platform.limits.usual_create_ms;
  }

  /** Why nobody gets anything just now, or null. */
  #closed(state: GateState, now: number): Extract<Permit, { granted: false }> | null {
    if (state.open) return { granted: false, until: now + CIRCUIT_OPEN_MS, reason: state.open.reason };
    if (state.team_uuid === null || state.token_fingerprint !== this.#platform.token_fingerprint) {
      this.#platform.setAlarm(now);
      return { granted: false, until: now + IDENTITY_PENDING_MS, reason: "provider_identity_pending" };
    }
    if (now < state.paused_until) return { granted: false, until: state.paused_until, reason: "provider_rate_limited" };
    return null;
  }

  #heldBack(ask: Ask, state: GateState, now: number): Extract<Permit, { granted: false }> | null {
    if (ask.kind === "heal") {
      const held = this.#holdHeal(ask.bot_id, state, now);
      if (held !== null) return { granted: false, until: now + HEAL_RETRY_MS, reason: held };
    }
    const wait = waitFor(ask.kind, this.#ledger.load(ask, now, this.#createMs(state)), this.#platform.limits);
    return wait === null ? null : { granted: false, until: now + wait, reason: "provider_budget" };
  }

  /** When very many bots fall silent together the outage is probably ours: then nobody is healed. */
  #holdHeal(botId: string, state: GateState, now: number): string | null {
    const { asked, granted, mine, asking_ms } = this.#ledger.askHeal(botId, now);
    const { at_once, hold_above } = healLimits(state.live_bots);
    if (asked > hold_above) {
      if (state.fleet_hold_since === null) {
        this.#platform.log({ level: "error", event: "fleet_hold", asked, live_bots: state.live_bots });
        this.#ledger.save({ ...state, fleet_hold_since: now });
      }
      return "fleet_hold";
    }
    if (state.fleet_hold_since !== null) this.#ledger.save({ ...state, fleet_hold_since: null });
    if (mine) return null;
    if (asking_ms < HEAL_SETTLE_MS) return "heal_settling";
    return granted < at_once ? null : "heal_budget";
  }

  report(report: Report): void {
    this.#platform.transactionSync(() => {
      const now = this.#platform.now();
      const state = this.#ledger.state();
      switch (report.kind) {
        case "rate_limited":
          this.#ledger.save({ ...state, paused_until: Math.max(state.paused_until, now + report.wait_ms) });
          return;
        case "unauthorized":
          // One refusal may be about one call: until the account itself has answered, nobody else is let through.
          if (state.open === null) this.#open(state, "provider_unauthorized", now);
          this.#platform.setAlarm(now);
          return;
        case "create_done": {
          const held = this.#ledger.endCreate(report.bot_id, now);
          if (held === null) return;
          this.#ledger.save({
            ...state,
            create_ms: this.#createMs(state) * (1 - AVERAGE_WEIGHT) + held * AVERAGE_WEIGHT,
          });
        }
      }
    });
  }

  /** Verifies whose token this is and counts the fleet. Never throws. */
  async alarm(): Promise<void> {
    const { setAlarm, now, log } = this.#platform;
    setAlarm(now() + SAFETY_MS);
    try {
      await this.#verify();
      await this.#count();
    } catch (error) {
      log({
        level: "error",
        event: "gate_alarm_failed",
        detail: error instanceof Error ? error.message : String(error),
      });
    }
    const { open, verified_at } = this.#ledger.state();
    const settled = open === null && verified_at > now() - VERIFY_EVERY_MS;
    setAlarm(now() + (settled ? VERIFY_EVERY_MS : RETRY_MS));
  }

  async #verify(): Promise<void> {
    const { token_fingerprint } = this.#platform;
    const outcome = await this.#platform.getAccount();
    const now = this.#platform.now();
    this.#platform.transactionSync(() => {
      const state = this.#ledger.state();
      if (outcome.kind === "unauthorized") return this.#open(state, "provider_unauthorized", now);
      if (outcome.kind !== "ok") return;
      const team_uuid = outcome.value.team?.uuid ?? outcome.value.uuid;
      // Another team's droplets are not ours, and ours would look gone.
      if (state.team_uuid !== null && state.team_uuid !== team_uuid)
        return this.#open(state, "provider_team_mismatch", now);
      if (state.open) this.#platform.log({ event: "circuit_closed", after_ms: now - state.open.since });
      this.#ledger.save({ ...state, team_uuid, token_fingerprint, verified_at: now, open: null });
    });
  }

  #open(state: GateState, reason: string, now: number): void {
    if (state.open?.reason === reason) return;
    this.#platform.log({ level: "error", event: "circuit_opened", reason });
    this.#ledger.save({ ...state, open: { reason, since: now } });
  }

  async #count(): Promise<void> {
    const live_bots = await this.#platform.countLiveBots();
    const now = this.#platform.now();
    this.#platform.transactionSync(() => this.#ledger.save({ ...this.#ledger.state(), live_bots, counted_at: now }));
  }
}
