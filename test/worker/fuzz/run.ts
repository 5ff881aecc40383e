/** Rounds of requests: hostile ones, after which everything must be as it was, and such as fit, which move the world on. */
import * as fc from "fast-check";
import type { Document, Operation } from "./document.ts";
import { differences, type Fingerprint, freeze } from "./fingerprint.ts";
import { type Crafted, type Fault, faultsOf, requestsOf, type Stock } from "./requests.ts";
import { type Answer, codeOf, fault, type Sent, send } from "./send.ts";
import type { World } from "./world.ts";

const HOSTILE_EACH = 5;
const FITTING_EACH = 2;
const AT_ONCE = 6;
/** Hostile writes between two looks at all that is stored. */
const BATCH = 15;
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
/** Most requests that an operation is asked with alone: one in a few fits in all its parts. */
const ALONE = 60;

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
    const dice = (part: number) => mixed(mixed(seed, round), part);
    const hostile = sample(operations, world.stock("quiet"), HOSTILE_EACH, hostileFaults, dice(1));
    let before = await freeze();
    for (const batch of batches(hostile)) {
      const { complaints, after } = await changesNothing(report, batch, before);
      report.complaints.push(...complaints);
      before = after;
    }
    const fits = sample(operations, world.stock("busy"), FITTING_EACH, () => ["nothing"], dice(2));
    note(report, await exchange(fits));
  }
  await askAlone(operations, world, report, seed);
  return report;
}

/** What nothing has reached, as where each of its requests came after a sign-out, is asked again with nobody beside it. */
async function askAlone(operations: readonly Operation[], world: World, report: Report, seed: number): Promise<void> {
  for (const [index, operation] of operations.entries()) {
    for (let trial = 0; trial < ALONE && !report.reached.has(operation.id); trial++) {
      await world.mend();
      const dice = mixed(mixed(seed, -1 - trial), index);
      note(report, await exchange(sample([operation], world.stock("busy"), 1, () => ["nothing"], dice)));
    }
  }
}

/** Whether more than the parsers and the credential's judge have looked at it. */
function isBehindParsers({ status, text }: Answer): boolean {
  return ![400, 401, 413, 415, 422, 426].includes(status) || /"code":"(token_invalid|wrong_password)"/.test(text);
}

/** Seeds that lie side by side begin alike: these do not (the finalizer of MurmurHash3). */
function mixed(seed: number, part: number): number {
  let hash = (seed ^ Math.imul(part + 1, 0x9e3779b1)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
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
    const made = fc.sample(fc.oneof(...kinds), { numRuns: each, seed: mixed(seed, index) });
    return made.map((crafted) => ({ operation, crafted }));
  });
}

/** So that few hold one that is accepted: reads, what is refused more often than not, and the rest. */
function batches(planned: readonly Planned[]): Planned[][] {
  const reads = planned.filter(({ operation }) => operation.method === "GET");
  const writes = planned.filter(({ operation }) => operation.method !== "GET");
  const accepted = writes.filter(({ crafted }) => ["header", "query"].includes(crafted.fault));
  const refused = writes.filter(({ crafted }) => !["header", "query"].includes(crafted.fault));
  const small = Array.from({ length: Math.ceil(refused.length / BATCH) }, (_, n) =>
    refused.slice(n * BATCH, (n + 1) * BATCH),
  );
  return [reads, ...small, accepted];
}

/** Sends the requests, and complains of every refusal that has changed something. @param frozen all as it is before */
async function changesNothing(report: Report, planned: readonly Planned[], frozen: Fingerprint) {
  let before = frozen;
  const first = await exchange(planned);
  let refused = note(report, first);
  let after = await freeze(before);
  const still = !first.some(moves);
  // What was accepted among them has changed something: those that were refused are sent again without it.
  for (let replay = 0; replay < REPLAYS && !still && differences(before, after).length > 0; replay++) {
    before = after;
    refused = refusals(await exchange(refused.map(anew)));
    after = await freeze(before);
  }
  const changed = differences(before, after);
  return changed.length === 0 ? { complaints: [], after } : culprits(refused, changed);
}

/** Whether the request may change something, by its answer. */
function moves({ operation, sent }: Exchange): boolean {
  if (!isAnswer(sent) || NOTED.has(codeOf(sent))) return true;
  return (
    sent.status === 101 || (sent.status < 400 && (operation.method !== "GET" || operation.security.includes("agent")))
  );
}

/** The same request under another Idempotency-Key: a second one under the same key may do less than the first. */
function anew({ operation, crafted }: Planned): Planned {
  const key = crafted.headers["idempotency-key"];
  if (key === undefined || !/^[\x21-\x7e]{1,200}$/.test(key)) return { operation, crafted };
  const headers = { ...crafted.headers, "idempotency-key": `${key.slice(0, 200)}~${crypto.randomUUID()}` };
  return { operation, crafted: { ...crafted, headers } };
}

async function culprits(refused: readonly Planned[], stores: string[]) {
  const found: string[] = [];
  let was = await freeze();
  for (const planned of refused) {
    const [again] = await exchange([anew(planned)]);
    const is = await freeze();
    const changed = differences(was, is);
    if (changed.length > 0 && again && refusals([again]).length > 0)
      found.push(describe(again, `changed ${changed.join(", ")}`));
    was = is;
  }
  const unknown = `one of ${refused.length} refused requests changed ${stores.join(", ")}`;
  return { complaints: found.length > 0 ? found : [unknown], after: was };
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
    if (isBehindParsers(sent)) report.reached.add(operation.id);
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
