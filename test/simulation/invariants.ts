/** What must hold at any time, fault or not: checked at every commit, and whenever no handler runs. */
import { isDeepStrictEqual } from "node:util";
import type { BotEvent } from "../../src/bot/events.ts";
import { apply } from "../../src/bot/fold.ts";
import { NOT_ACKNOWLEDGED } from "../../src/bot/rollout.ts";
import { type BotState, isRunning } from "../../src/bot/state.ts";
import type { Agents } from "./agents.ts";
import type { Cloud } from "./cloud.ts";
import type { Host } from "./host.ts";

export class Violation extends Error {
  override name = "Violation";
}

export class Invariants {
  /** What did not hold at some commit: a commit must not throw, for what catches it would hide it. */
  readonly #seen: string[] = [];
  readonly #folded = new Map<string, BotState>();
  /** The droplet names that some intent was made for. */
  readonly #intended = new Set<string>();
  /** Failed versions that were rolled back, by bot. */
  readonly #rolledBack = new Set<string>();

  checkCommit(id: string, host: Host): void {
    const before = this.#folded.get(id) ?? null;
    const state = host.shell.store.load();
    if (state.kind !== "bot") {
      this.#seen.push(`the stored state of ${id} does not parse`);
      return;
    }
    let folded = before;
    for (const event of host.shell.store.events(before?.revision ?? 0, 1000)) {
      if (folded !== null) this.#checkRollout(id, folded, event);
      folded = apply(folded, event);
      if (event.kind === "intent_opened") this.#intended.add(event.data.droplet_name);
    }
    this.#folded.set(id, state.bot);
    if (!isDeepStrictEqual(folded, state.bot)) this.#seen.push(`state of ${id} is not the fold of its history`);
    this.#checkStep(id, before, state.bot);
    if (isRunning(state.bot.operation) && host.alarmAt === null)
      this.#seen.push(`${id} works on ${state.bot.operation.kind} without an alarm`);
  }

  #checkRollout(id: string, before: BotState, event: BotEvent): void {
    const { desired, delivered } = before.config;
    if (event.kind === "rolled_back") {
      const { failed_version, version, restored_from } = event.data;
      if (this.#rolledBack.has(`${id} ${failed_version}`))
        this.#seen.push(`version ${failed_version} of ${id} was rolled back twice`);
      this.#rolledBack.add(`${id} ${failed_version}`);
      if (desired.version !== version || version !== failed_version + 1 || restored_from >= failed_version)
        this.#seen.push(`version ${failed_version} of ${id} was not replaced by what it was rolled back to`);
    }
    if (event.kind === "config_failed" && event.data.reason === NOT_ACKNOWLEDGED && !delivered)
      this.#seen.push(`version ${desired.version} of ${id} failed before it was delivered`);
  }

  #checkStep(id: string, before: BotState | null, after: BotState): void {
    const { desired, applied } = after.config;
    if (before?.destroyed_at && after.destroyed_at === null) this.#seen.push(`${id} rose from destroyed`);
    if (applied && applied.version > desired.version) this.#seen.push(`${id} applied what was never desired`);
    const last = before?.config.desired.version ?? desired.version;
    if (desired.version < last || desired.version > last + 1)
      this.#seen.push(`the desired version of ${id} went from ${last} to ${desired.version}`);
    const concluded = before !== null && isRunning(before.operation) && !isRunning(after.operation);
    const open = after.intents.some(({ state }) => state === "open");
    // A destroy by force says so in its answer and in the bot's reason.
    if (concluded && open && after.operation.state === "succeeded" && after.reason !== "droplet_not_confirmed_gone")
      this.#seen.push(`${after.operation.kind} of ${id} succeeded with an open intent`);
  }

  /** @throws Violation */
  check(hosts: ReadonlyMap<string, Host>, cloud: Cloud, agents: Agents): void {
    const [violation] = [...this.#seen, ...agents.violations];
    if (violation !== undefined) throw new Violation(violation);
    for (const [id, { errors }] of hosts) {
      if (errors.length > 0) throw new Violation(`${id} logged an error: ${JSON.stringify(errors[0])}`);
    }
    for (const droplet of cloud.ours.droplets()) {
      if (!droplet.foreign && !this.#intended.has(droplet.name)) {
        throw new Violation(`droplet ${droplet.name} exists without an intent`);
      }
    }
    if (cloud.ours.counters.deletes_by_tag > 0) throw new Violation("somebody deleted by tag");
    const strayed = cloud.anotherTeams.requests.find(({ operation }) => operation !== "get_account");
    if (strayed) throw new Violation(`another team was asked to ${strayed.operation}`);
  }

  /** The whole history folded anew. @throws Violation */
  refold(id: string, host: Host): void {
    let folded: BotState | null = null;
    for (const event of host.shell.store.events(0, 100_000)) folded = apply(folded, event);
    if (!isDeepStrictEqual(folded, host.shell.present().bot))
      throw new Violation(`the whole history of ${id} does not fold into its state`);
  }
}
