/** What must hold at any time, fault or not: checked at every commit, and whenever no handler runs. */
import { isDeepStrictEqual } from "node:util";
import type { BotEvent, EventData } from "../../src/bot/model/events.ts";
import { apply } from "../../src/bot/model/fold.ts";
import { isUp } from "../../src/bot/model/fold-droplets.ts";
import { adoptedDroplet, type BotState, isDoomed, isRunning } from "../../src/bot/model/state.ts";
import { stopping } from "../../src/bot/model/workload-order.ts";
import { NOT_ACKNOWLEDGED } from "../../src/bot/reconcile/rollout.ts";
import type { AgentWorkload } from "./agent-workload.ts";
import type { Agents } from "./agents.ts";
import type { Cloud } from "./cloud.ts";
import { Follower } from "./follower.ts";
import { complaintsOfHolds } from "./holds.ts";
import type { Host } from "./host.ts";

const OFF: readonly string[] = ["shutdown", "power_off"];
const RUNS: readonly string[] = ["starting", "running", "stopping", "crashed"];

export class Violation extends Error {
  override name = "Violation";
}

/** The workload on a droplet, as it really is; absent: there is no such machine. */
type WorkloadOn = (droplet_id: number) => Pick<AgentWorkload, "began_at" | "was_ready"> | undefined;

export class Invariants {
  /** What did not hold at some commit: a commit must not throw, for what catches it would hide it. */
  readonly #seen: string[] = [];
  readonly #folded = new Map<string, BotState>();
  /** The droplet names that some intent was made for. */
  readonly #intended = new Set<string>();
  readonly #follower = new Follower();
  /** Failed versions that were rolled back, by bot. */
  readonly #rolledBack = new Set<string>();
  /** Commands that have ended. */
  readonly #ended = new Set<string>();
  /** The revision at which another release has left a bot. */
  readonly #left = new Map<string, number>();
  /** Credentials that a rotation has replaced: each only once. */
  readonly #rotated = new Set<string>();

  readonly #workloadOn: WorkloadOn;

  constructor(workloadOn: WorkloadOn) {
    this.#workloadOn = workloadOn;
  }

  /** A bot that another release has left: what its history comes to is what was stored. */
  takeOver(id: string, host: Host): void {
    this.#left.set(id, host.shell.present().bot.revision);
    this.checkCommit(id, host);
  }

  checkCommit(id: string, host: Host): void {
    const before = this.#folded.get(id) ?? null;
    let folded = before;
    const events = host.shell.store.history.events(before?.revision ?? 0, 1000);
    // By force nothing is waited for.
    const forced = events.some(({ kind, data }) => kind === "destroyed" && "forced" in data);
    for (const event of events) {
      if (folded !== null) this.#checkRollout(id, folded, event);
      if (folded !== null && !forced) this.#checkCut(id, folded, event, host);
      if (event.kind === "command_ended") this.#checkEnd(id, event.data, folded);
      const after = apply(folded, event);
      if (folded !== null) this.#seen.push(...complaintsOfHolds(folded, event, after));
      // A cancelled operation leaves the bot what it was known to be.
      const becomes = folded !== null && folded.status !== "online" && event.kind !== "operation_cancelled";
      if (becomes && after.status === "online") this.#checkOnline(id, after);
      folded = after;
      if (event.kind === "intent_opened") this.#intended.add(event.data.droplet_name);
    }
    if (folded === null) throw new Error("a commit without a bot");
    this.#folded.set(id, folded);
    if (!this.#isStored(id, host, folded)) this.#seen.push(`state of ${id} is not the fold of its history`);
    this.#checkStep(id, before, folded);
    this.#follower.attend(id, host);
    if (isRunning(folded.operation) && host.alarmAt === null)
      this.#seen.push(`${id} works on ${folded.operation.kind} without an alarm`);
  }

  /** Whoever becomes online has a workload that has been ready since its start, or one that may not run. */
  #checkOnline(id: string, bot: BotState): void {
    // What another release has made of it happened in a world that is gone.
    if (bot.revision <= (this.#left.get(id) ?? 0)) return;
    if (bot.order === "run" && bot.adopted !== null && !this.#workloadOn(bot.adopted)?.was_ready)
      this.#seen.push(`${id} became online before its workload was ready`);
  }

  /** No workload that is heard of is cut off by our doing before it has had its time, or is said to have stopped while it runs. */
  #checkCut(id: string, before: BotState, event: BotEvent, { shell }: Host): void {
    const { adopted, agent, presence, operation, order_since } = before;
    if (adopted === null || agent === null || presence !== "heard" || this.#workloadOn(adopted)?.began_at == null)
      return;
    if (event.kind === "wind_down_ended" && event.data.how === "stopped")
      this.#seen.push(`the workload of ${id} runs, and was taken for stopped`);
    // What follows a first power action only insists.
    const off = event.kind === "power_sent" && operation.power === null && OFF.includes(event.data.action);
    if ((!off && event.kind !== "credential_revoked") || !stopping(before) || operation.wound_down) return;
    const droplet = adoptedDroplet(before);
    const { rt } = shell.present();
    if (droplet === null || !isUp(droplet) || isDoomed(droplet) || !RUNS.includes(rt.telemetry?.workload.state ?? ""))
      return;
    this.#seen.push(
      `the ${operation.kind} of ${id} cut its workload off ${event.at - order_since} ms after the order to stop`,
    );
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

  #checkEnd(id: string, { command_id, kind, ok }: EventData["command_ended"], before: BotState | null): void {
    if (this.#ended.has(command_id)) this.#seen.push(`a command of ${id} ended twice`);
    const { credential_sha256, rotated_from } = before?.agent ?? {};
    if (kind === "rotate_credential" && ok && (!rotated_from || this.#rotated.has(rotated_from)))
      this.#seen.push(`${id} has done a rotation and has the credential ${credential_sha256} as before`);
    if (kind === "rotate_credential" && ok && rotated_from) this.#rotated.add(rotated_from);
    this.#ended.add(command_id);
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
    const [violation] = [...this.#seen, ...this.#follower.violations, ...agents.violations];
    if (violation !== undefined) throw new Violation(violation);
    for (const [id, { errors, shell }] of hosts) {
      if (shell.store.load().kind !== "bot") throw new Violation(`the stored state of ${id} does not parse`);
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

  /** The whole history folded anew, from the last snapshot on; its reader has had it all. @throws Violation */
  refold(id: string, host: Host): void {
    const { history } = host.shell.store;
    const kept = history.events(0, 100_000);
    const [first, last] = [kept[0]?.seq ?? 0, kept.at(-1)?.seq ?? 0];
    if (last - first + 1 !== kept.length) throw new Violation(`the history of ${id} has gaps`);
    let folded: BotState | null = null;
    for (const event of kept.slice((history.snapshotSeq() ?? first) - first)) folded = apply(folded, event);
    if (folded === null || !this.#isStored(id, host, folded))
      throw new Violation(`the whole history of ${id} does not fold into its state`);
    const missing = this.#follower.missing(id, host, last);
    if (missing !== null) throw new Violation(missing);
    const most = 2 * host.shell.platform.policy.history_max;
    if (kept.length > most) throw new Violation(`${id} keeps ${kept.length} events, more than ${most}`);
  }

  /** Compared as text, which is quick; parsed only where the order of fields may differ. */
  #isStored(id: string, { storage, shell }: Host, folded: BotState): boolean {
    const [row] = storage.sql.exec<{ value: string }>("SELECT value FROM document WHERE key = 'state'");
    if (row === undefined || row.value === JSON.stringify(folded)) return row !== undefined;
    const state = shell.store.load();
    if (state.kind === "bot" && isDeepStrictEqual(state.bot, folded)) return true;
    // Until its next event, what another release has left lacks the fields that it did not know.
    const stored: unknown = JSON.parse(row.value);
    return folded.revision === this.#left.get(id) && isDeepStrictEqual(inFieldsOf(stored, folded), stored);
  }
}

/** As much of a value as the other one has fields for. */
function inFieldsOf(shape: unknown, value: unknown): unknown {
  if (typeof shape !== "object" || shape === null || typeof value !== "object" || value === null) return value;
  if (Array.isArray(shape) || Array.isArray(value))
    return Array.isArray(value) ? value.map((each, index) => inFieldsOf(Object(shape)[index], each)) : value;
  const fields = new Map(Object.entries(value));
  return Object.fromEntries(Object.entries(shape).map(([name, each]) => [name, inFieldsOf(each, fields.get(name))]));
}
