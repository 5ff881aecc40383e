/**
 * The gate: one for each DigitalOcean token. It decides who may spend a request, and grants nothing while it does not
 * know that the token still belongs to the team that it was first used for.
 */

import type { Storage } from "../../cloudflare/storage-port.ts";
import { fleetOf } from "../../naming/fleet.ts";
import { DROPLET, dropletKind } from "../../resources/droplet.ts";
import { namedOwner } from "../../resources/ownership.ts";
import type { Outcome } from "../outcome.ts";
import type { ProviderAccount } from "../schema.ts";
import { healLimits, type Limits, leftOf, limitsFor, waitFor } from "./budget.ts";
import { GateState, Ledger } from "./ledger.ts";
import type { Ask, GateStatus, Permit, Report } from "./permit.ts";
import type { SweepLease, SweepPlatform } from "./sweeper.ts";
import { Sweepers } from "./sweepers.ts";
import type { SweptAccount } from "./swept-kind.ts";

export interface GatePlatform extends Storage, SweepPlatform, SweptAccount {
  getAccount(): Promise<Outcome<ProviderAccount>>;
  /** Tells tokens apart; says nothing of the token itself. */
  token_fingerprint: string;
  /** How many bots are meant to live. */
  countLiveBots(): Promise<number>;
  /** As D1 has it; null: no bot was ever made. @throws where D1 cannot be asked */
  fleetId(): Promise<string | null>;
  limits: Limits;
}

export type NamedBots = { ok: true; bot_ids: string[]; last: boolean } | { ok: false; reason: string; wait_ms: number };

const VERIFY_EVERY_MS = 60 * 60_000;
const RETRY_MS = 30_000;
const SAFETY_MS = 60_000;
/** The first verification takes one request: whoever asks meanwhile comes back soon. */
const IDENTITY_PENDING_MS = 500;
const VERIFYING_MS = 5_000;
const CIRCUIT_OPEN_MS = 60_000;
const HEAL_RETRY_MS = 60_000;
/** Deadlines of a fleet that fell silent together spread over this long: nobody is healed before all were heard of. */
const HEAL_SETTLE_MS = 120_000;
/** Why nothing is granted where the gate's own state is damaged, and how often it is said. */
const UNREADABLE = "gate_unreadable";
const UNREADABLE_ALARM_MS = 60 * 60_000;
/** Weight of the newest create in the average. */
const AVERAGE_WEIGHT = 0.2;

export class GateShell {
  readonly #platform: GatePlatform;
  readonly #ledger: Ledger;
  readonly #sweepers: Sweepers;

  constructor(platform: GatePlatform) {
    this.#platform = platform;
    this.#ledger = new Ledger(platform.sql);
    this.#sweepers = new Sweepers(platform);
    platform.transactionSync(() => this.#ledger.migrate());
  }

  permit(ask: Ask): Permit {
    return this.#platform.transactionSync(() => {
      const now = this.#platform.now();
      const state = this.#ledger.state();
      const refused = this.#closed(state, now) ?? this.#heldBack(ask, state, now);
      if (refused) {
        this.#ledger.wait(ask, now, now + refused.wait_ms);
        return refused;
      }
      this.#ledger.stopWaiting(ask.bot_id, now);
      this.#ledger.spend(ask.kind, now);
      if (ask.kind === "create") this.#ledger.leaseCreate(ask, now);
      if (ask.kind === "heal") this.#ledger.grantHeal(ask.bot_id, now);
      return { granted: true, create_ms: this.#createMs(state) };
    });
  }

  #createMs(state: GateState): number {
    return state.create_ms ?? this.#platform.limits.usual_create_ms;
  }

  /** Why nobody gets anything just now, or null. */
  #closed(state: GateState, now: number): Extract<Permit, { granted: false }> | null {
    if (state.open) {
      // The account is asked at once: where the refusal was about one call only, all go on in a moment.
      const pending = now < state.open.since + VERIFYING_MS;
      return {
        granted: false,
        wait_ms: pending ? IDENTITY_PENDING_MS : CIRCUIT_OPEN_MS,
        reason: state.open.reason,
      };
    }
    if (state.team_uuid === null || state.token_fingerprint !== this.#platform.token_fingerprint) {
      this.#platform.setAlarm(now);
      return { granted: false, wait_ms: IDENTITY_PENDING_MS, reason: "provider_identity_pending" };
    }
    if (now < state.paused_until)
      return { granted: false, wait_ms: state.paused_until - now, reason: "provider_rate_limited" };
    return null;
  }

  #heldBack(ask: Ask, state: GateState, now: number): Extract<Permit, { granted: false }> | null {
    if (ask.kind === "heal") {
      const held = this.#holdHeal(ask.bot_id, state, now);
      if (held !== null) return { granted: false, wait_ms: HEAL_RETRY_MS, reason: held };
    }
    const limits = limitsFor(ask.resource, { ...this.#platform.limits, usual_create_ms: this.#createMs(state) });
    if (limits === null) return { granted: false, wait_ms: RETRY_MS, reason: "unknown_resource" };
    const wait_ms = waitFor(ask.kind, this.#ledger.load(ask, now, limits.usual_create_ms), limits);
    return wait_ms === null ? null : { granted: false, wait_ms, reason: "provider_budget" };
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
        case "create_refused":
          this.#ledger.endCreate(report, now);
          return;
        case "create_done": {
          const held = this.#ledger.endCreate(report, now);
          // How long the other kinds take is not measured.
          if (held === null || (report.resource ?? DROPLET) !== DROPLET) return;
          this.#ledger.save({
            ...state,
            create_ms: this.#createMs(state) * (1 - AVERAGE_WEIGHT) + held * AVERAGE_WEIGHT,
          });
        }
      }
    });
  }

  /** Asks for a pass of the sweep: the cron every few minutes, a person at any time. */
  sweep(asked: { dry_run: boolean } | null): void {
    this.#platform.transactionSync(() => {
      this.#sweepers.want(asked);
      if (this.#sweepers.busy) this.#platform.setAlarm(this.#platform.now());
    });
  }

  /** What an operator wants to know of the budget and its brakes. */
  status(): GateStatus {
    const now = this.#platform.now();
    const { limits } = this.#platform;
    const { open, paused_until, team_uuid, verified_at, fleet_id, fleet_hold_since, live_bots } =
      this.#ledger.readable()
        ? this.#ledger.state()
        : { ...GateState.parse({}), open: { reason: UNREADABLE, since: now } };
    const { waiting, ...usage } = this.#ledger.usage(now);
    return {
      left: leftOf(limits, usage),
      waiting,
      circuit: open,
      paused_until: paused_until > now ? paused_until : null,
      team_uuid,
      verified_at: verified_at === 0 ? null : verified_at,
      fleet_id,
      fleet_hold_since,
      live_bots,
    };
  }

  orphans(): ReturnType<Sweepers["report"]> {
    return this.#sweepers.report();
  }

  /** Verifies whose token this is, counts the fleet, sweeps. Never throws. */
  async alarm(): Promise<void> {
    const { setAlarm, now } = this.#platform;
    if (!this.#ledger.readable()) {
      this.#platform.log({ level: "error", event: UNREADABLE });
      setAlarm(now() + UNREADABLE_ALARM_MS);
      return;
    }
    setAlarm(now() + SAFETY_MS);
    if (this.#verifyAt() <= now()) {
      await this.#guarded("gate_alarm_failed", async () => {
        await this.#verify();
        await this.#count();
      });
    }
    const verified = this.#verifyAt() > now();
    const goOnAt = await this.#guarded("sweep_failed", () => this.#sweep());
    // Whoever asked meanwhile has set an alarm that this one replaces.
    const again = this.#sweepers.busy ? (goOnAt ?? now() + (goOnAt === null ? 0 : RETRY_MS)) : Number.POSITIVE_INFINITY;
    setAlarm(Math.min(verified ? this.#verifyAt() : now() + RETRY_MS, again));
  }

  /** When the token is to be verified next: what is not known to be ours is asked about at once. */
  #verifyAt(): number {
    const { open, verified_at, team_uuid, token_fingerprint } = this.#ledger.state();
    const known = open === null && team_uuid !== null && token_fingerprint === this.#platform.token_fingerprint;
    return known ? verified_at + VERIFY_EVERY_MS : this.#platform.now();
  }

  /** @returns undefined where it threw */
  async #guarded<T>(event: string, run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#platform.log({ level: "error", event, detail });
      return undefined;
    }
  }

  /** @param page of the unfiltered list, from 1 */
  async namedBots(page: number): Promise<NamedBots> {
    const permit = this.permit({ bot_id: "rebuild", kind: "poll" });
    if (!permit.granted) return { ok: false, reason: permit.reason, wait_ms: permit.wait_ms };
    const fleet = await this.#fleet();
    if ("unknown" in fleet) return { ok: false, reason: fleet.unknown, wait_ms: RETRY_MS };
    const outcome = await this.#platform.listPage(page);
    if (outcome.kind !== "ok") return { ok: false, reason: outcome.kind, wait_ms: RETRY_MS };
    const ids = outcome.value.droplets.flatMap(({ name }) => namedOwner(dropletKind, fleet, name) ?? []);
    return { ok: true, bot_ids: [...new Set(ids)], last: outcome.value.last };
  }

  async #sweep(): Promise<number | null> {
    if (!this.#sweepers.busy) return null;
    const fleet = await this.#fleet();
    return this.#sweepers.run({
      fleet,
      permit: () => this.permit({ bot_id: "sweep", kind: "poll" }),
      failed: (outcome) => {
        if (outcome.kind === "rate_limited") this.report({ kind: "rate_limited", wait_ms: outcome.wait_ms });
        if (outcome.kind === "unauthorized") this.report({ kind: "unauthorized" });
      },
    });
  }

  /** The gate remembers the fleet that it first met: a D1 that says otherwise is another one's, or a restored one. */
  async #fleet(): Promise<SweepLease["fleet"]> {
    const named = await this.#platform.fleetId();
    return this.#platform.transactionSync(() => {
      const state = this.#ledger.state();
      if (named === null) return { unknown: state.fleet_id === null ? "there is no fleet yet" : "fleet_id_missing" };
      if (state.fleet_id === null) this.#ledger.save({ ...state, fleet_id: named });
      else if (state.fleet_id !== named) {
        this.#platform.log({ level: "error", event: "fleet_mismatch", gate: state.fleet_id, database: named });
        return { unknown: "fleet_mismatch" };
      }
      return fleetOf(named);
    });
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
