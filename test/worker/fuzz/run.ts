/** Rounds of requests: hostile ones, after which everything must be as it was, and such as fit, which move the world on. */
import * as fc from "fast-check";
import type { Document, Operation } from "./document.ts";
import { differences, type Fingerprint, freeze } from "./fingerprint.ts";
import { type Crafted, type Fault, faultsOf, requestsOf, type Stock } from "./requests.ts";
import { type Answer, fault, type Sent, send } from "./send.ts";
import type { World } from "./world.ts";

const HOSTILE_EACH = 5;
const FITTING_EACH = 2;
const AT_ONCE = 6;
/** A body of a megabyte costs as much as a hundred others. */
const WEIGHTS: Partial<Record<Fault, number>> = {
  field: 8,
  garbage: 4,
  encoding: 6,
  path: 5,
  query: 5,
  header: 6,
  credential: 4,
  deep: 2,
};
/** Refusals that are evidence: that somebody else tries is noted with the bot, once, whoever it is. */
const NOTED = new Set(["wrong_droplet", "credential_conflict", "duplicate_agent", "registration_pending"]);
const REPLAYS = 4;

export interface Report {
  sent: number;
  unsendable: number;
  /** Requests by their fault and the status that they were answered with. */
  outcomes: Map<string, number>;
  /** Operations that were answered by more than their parsers. */
  reached: Set<string>;
  slowest_ms: number;
  complaints: string[];
}

interface Exchange {
  operation: Operation;
  crafted: Crafted;
  sent: Sent;
}

export async function fuzz({ operations }: Document, world: World, requests: number, seed: number): Promise<Report> {
  const report: Report = {
    sent: 0,
    unsendable: 0,
    outcomes: new Map(),
    reached: new Set(),
    slowest_ms: 0,
    complaints: [],
  };
  for (let round = 0; report.sent < requests && report.complaints.length < 10; round++) {
    await world.mend();
    const dice = (offset: number) => (seed + round * 7919 + offset * 104_729) | 0;
    const hostile = sample(operations, world.stock("quiet"), HOSTILE_EACH, hostileFaults, dice(1));
    report.complaints.push(...(await changesNothing(report, hostile)));
    const fits = sample(operations, world.stock("busy"), FITTING_EACH, () => ["nothing"], dice(2));
    note(report, await exchange(fits));
  }
  return report;
}

function hostileFaults(operation: Operation): Fault[] {
  return faultsOf(operation).filter((kind) => kind !== "nothing");
}

type Planned = { operation: Operation; crafted: Crafted };

function sample(
  operations: readonly Operation[],
  stock: Stock,
  each: number,
  faults: (operation: Operation) => Fault[],
  seed: number,
): Planned[] {
  return operations.flatMap((operation, index) => {
    const kinds = faults(operation).map((kind) => ({
      weight: WEIGHTS[kind] ?? 1,
      arbitrary: requestsOf(operation, kind, stock),
    }));
    const made = fc.sample(fc.oneof(...kinds), { numRuns: each, seed: seed + index });
    return made.map((crafted) => ({ operation, crafted }));
  });
}

/** Sends the requests, and complains of every refusal that has changed something. */
async function changesNothing(report: Report, planned: readonly Planned[]): Promise<string[]> {
  let before = await freeze();
  let refused = note(report, await exchange(planned));
  let after = await freeze();
  // What was accepted among them has changed something: those that were refused are sent again without it.
  for (let replay = 0; replay < REPLAYS && differences(before, after).length > 0; replay++) {
    before = after;
    refused = refusals(await exchange(refused));
    after = await freeze();
  }
  return differences(before, after).length === 0 ? [] : culprits(refused, before, after);
}

async function culprits(refused: readonly Planned[], before: Fingerprint, after: Fingerprint): Promise<string[]> {
  const found: string[] = [];
  let was = after;
  for (const planned of refused) {
    const [again] = await exchange([planned]);
    const is = await freeze();
    const changed = differences(was, is);
    if (changed.length > 0 && again && refusals([again]).length > 0)
      found.push(describe(again, `changed ${changed.join(", ")}`));
    was = is;
  }
  return found.length > 0
    ? found
    : [`some of ${refused.length} refused requests changed ${differences(before, after).join(", ")}`];
}

async function exchange(planned: readonly Planned[]): Promise<Exchange[]> {
  const queue = planned.values();
  const done: Exchange[] = [];
  const worker = async () => {
    // The workers share one iterator: each takes the next request as it comes free.
    for (const { operation, crafted } of queue) done.push({ operation, crafted, sent: await send(crafted) });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return done;
}

/** Counts and judges. @returns those that were refused without leaving a note */
function note(report: Report, exchanges: readonly Exchange[]): Planned[] {
  for (const { operation, crafted, sent } of exchanges) {
    const wrong = fault(operation, crafted, sent);
    if (wrong !== null) report.complaints.push(describe({ operation, crafted, sent }, wrong));
    if (sent === "unsendable") report.unsendable++;
    if (typeof sent === "string") continue;
    report.sent++;
    report.slowest_ms = Math.max(report.slowest_ms, sent.ms);
    if (![400, 401, 413, 415, 422, 426].includes(sent.status)) report.reached.add(operation.id);
    const outcome = `${crafted.fault} ${sent.status}`;
    report.outcomes.set(outcome, (report.outcomes.get(outcome) ?? 0) + 1);
  }
  return refusals(exchanges);
}

function refusals(exchanges: readonly Exchange[]): Exchange[] {
  return exchanges.filter(
    ({ sent }) => isAnswer(sent) && sent.status >= 400 && sent.status < 500 && !NOTED.has(codeOf(sent)),
  );
}

function isAnswer(sent: Sent): sent is Answer {
  return typeof sent !== "string";
}

function codeOf({ text }: Answer): string {
  return /"code":"([a-z_]+)"/.exec(text)?.[1] ?? "";
}

function describe({ crafted, sent }: Exchange, wrong: string): string {
  const { operation, fault: kind, method, path, headers, body } = crafted;
  const answer = isAnswer(sent) ? `${sent.status} ${sent.text.slice(0, 300)}` : sent;
  const shown = [
    `${method} ${path.slice(0, 300)}`,
    cut(JSON.stringify(headers)),
    cut(typeof body === "string" ? body : JSON.stringify([...(body ?? [])])),
  ];
  return `${operation} (${kind}): ${wrong}\n  ${shown.join("\n  ")}\n  -> ${answer}`;
}

function cut(text: string): string {
  return text.length > 700 ? `${text.slice(0, 500)}… (${text.length} characters) …${text.slice(-150)}` : text;
}
