/**
 * Rotation of the encryption keys: brings every envelope under the first key of the ring, a page at a time, first in the
 * Bots' own stores, then in the index; what is left is counted before it is called done. Every part may be repeated, and
 * a second driver does no harm: whoever holds the lease goes on.
 */
import type { Rekeyed, RekeyRequest } from "../bot/rekey.ts";
import type { RotationPhase, RotationState, SecretStore } from "../wire/enums.ts";
import { reseal, type SealedField, type SealedRow } from "./sealed.ts";
import type { Vault } from "./vault.ts";

/** So many Bots, or rows of the index, are one step. */
const PAGE = 100;
const AT_ONCE = 10;

export interface Rotation {
  number: number;
  target: string;
  state: RotationState;
  phase: RotationPhase;
  /** The last id that the phase has dealt with; null: none. */
  cursor: string | null;
  round: number;
  started_at: number;
  finished_at: number | null;
}

/** Where a rotation stands: all that a step changes of it. */
export type Place = Pick<Rotation, "state" | "phase" | "cursor" | "round" | "finished_at">;

export type IndexedSecrets = SealedRow & { id: string };

/** What could not be done. `final`: asking again would not help. */
export interface RotationError {
  bot_id: string;
  store: SecretStore;
  reason: string;
  final: boolean;
}

/** The last rotation that was begun, and the keys that nothing may be sealed with any more. */
export interface Present {
  latest: Rotation | null;
  retired: readonly string[];
}

/** What is not known to be under the target. */
export interface Remains {
  /** Bots that have not said that they are, without those whose error is final. */
  bots: number;
  /** Rows of the index, without those of bots whose error is final. */
  rows: number;
  /** Errors that are final: until somebody has done something about them. */
  final: number;
}

/** What a rotation reaches: the keys of this Worker, D1, the Bots. Everything may throw. */
export interface RotationPlatform {
  /** Ids of this Worker's keys; the first seals. */
  ring: readonly [string, ...string[]];
  vault: Vault;
  lease_ms: number;
  now(): number;
  uuid(): string;
  present(): Promise<Present>;
  /** Writes it down with what it retires, unless one newer than `after` has been begun. */
  begin(rotation: Rotation, retired: readonly string[], after: number): Promise<void>;
  /** @returns whether nobody else goes on with it until then */
  lease(rotation: number, holder: string, now: number, until: number): Promise<boolean>;
  /** Ends the lease too; where it is somebody else's by now, nothing happens. */
  move(rotation: number, holder: string, place: Place): Promise<void>;
  findUnasked(rotation: number, after: string | null, limit: number): Promise<string[]>;
  rekey(botId: string, request: RekeyRequest): Promise<Rekeyed>;
  /** Tells the object of a bot that the Worker which accepted it had no time to tell. @returns whether there was one */
  tell(botId: string): Promise<boolean>;
  /** These Bots are under the rotation's target, and have no error any more. */
  noteAsked(rotation: number, botIds: readonly string[]): Promise<void>;
  noteErrors(rotation: number, errors: readonly RotationError[]): Promise<void>;
  findStaleRows(target: string, after: string | null, limit: number): Promise<IndexedSecrets[]>;
  /** Each field only where it still holds what was read, and the target is not retired. */
  replaceSecrets(target: string, rows: readonly { row: IndexedSecrets; fields: Fields }[]): Promise<void>;
  /** With the errors: of every one about the index before a pass over it. */
  forgetIndexErrors(rotation: number): Promise<void>;
  remains(rotation: Rotation): Promise<Remains>;
  log(entry: Record<string, unknown>): void;
}

type Fields = Partial<Record<SealedField, string>>;

export type Plan =
  | { do: "begin"; rotation: Rotation; retired: string[] }
  | { do: "go_on" }
  | { do: "nothing" }
  | { refuse: "not_the_first_key" | "first_key_is_retired" };

/** What is known when somebody asks for a rotation. */
interface Known extends Present {
  ring: readonly [string, ...string[]];
  /** Whether something is left of what was called done: somebody may have done something about it. */
  remains: boolean;
  now: number;
}

/**
 * What asking for a rotation comes to. A Worker from before a deploy must not turn it round: to go back to a key that
 * was rotated away from, it has to be named.
 * @param wanted the target that was named; null: none was
 */
export function planRotation({ ring, latest, retired, remains, now }: Known, wanted: string | null): Plan {
  const [target] = ring;
  if (wanted !== null && wanted !== target) return { refuse: "not_the_first_key" };
  if (wanted === null && retired.includes(target)) return { refuse: "first_key_is_retired" };
  const leaves = [...new Set([...retired, ...ring])].filter((id) => id !== target);
  const covers = latest?.target === target && leaves.every((id) => retired.includes(id));
  if (covers && latest.state === "running") return { do: "go_on" };
  if (covers && !remains) return { do: "nothing" };
  const number = Math.max(now, (latest?.number ?? 0) + 1);
  return {
    do: "begin",
    rotation: { number, target, ...firstPlace(1), started_at: now },
    retired: leaves,
  };
}

function firstPlace(round: number): Place {
  return { state: "running", phase: "bots", cursor: null, round, finished_at: null };
}

/** What a step has found: the ids of its page, or, where all was counted, what remains. */
type Found = { page: readonly string[] } | { remains: Remains };

/** Where the next step begins. */
export function nextPlace(place: Place, found: Found, now: number): Place {
  if ("remains" in found) {
    const { bots, rows } = found.remains;
    return bots + rows > 0 ? firstPlace(place.round + 1) : { ...place, state: "done", cursor: null, finished_at: now };
  }
  const last = found.page.at(-1);
  if (found.page.length === PAGE && last !== undefined) return { ...place, cursor: last };
  return { ...place, phase: place.phase === "bots" ? "index" : "verify", cursor: null };
}

/** `idle`: there is nothing to do, or somebody else does it. `round_over`: what was left is for later. */
export type Step = "idle" | "went_on" | "round_over" | "done";

/** Asks for a rotation to this Worker's first key; does nothing of it yet. */
export async function askForRotation(platform: RotationPlatform, wanted: string | null): Promise<Plan> {
  const { latest, retired } = await platform.present();
  const left = latest?.state === "done" ? await platform.remains(latest) : null;
  const remains = left !== null && left.bots + left.rows + left.final > 0;
  const plan = planRotation({ ring: platform.ring, latest, retired, remains, now: platform.now() }, wanted);
  if ("do" in plan && plan.do === "begin") {
    await platform.begin(plan.rotation, plan.retired, latest?.number ?? 0);
    const { number, target } = plan.rotation;
    platform.log({ event: "key_rotation_begun", rotation: number, target, retired: plan.retired });
  }
  return plan;
}

/** One page of the rotation under way, if it is towards this Worker's first key. */
export async function stepRotation(platform: RotationPlatform): Promise<Step> {
  const { latest: rotation, retired } = await platform.present();
  if (rotation === null || rotation.state === "done") return "idle";
  if (rotation.target !== platform.ring[0]) {
    platform.log({ level: "warn", event: "key_rotation_not_ours", target: rotation.target, first: platform.ring[0] });
    return "idle";
  }
  const holder = platform.uuid();
  const now = platform.now();
  if (!(await platform.lease(rotation.number, holder, now, now + platform.lease_ms))) return "idle";
  const found = await dealWithPage(platform, rotation, retired);
  const place = nextPlace(rotation, found, platform.now());
  await platform.move(rotation.number, holder, place);
  if (place.state === "done") {
    platform.log({ event: "key_rotation_done", rotation: rotation.number, target: rotation.target });
    return "done";
  }
  return place.round > rotation.round ? "round_over" : "went_on";
}

async function dealWithPage(
  platform: RotationPlatform,
  rotation: Rotation,
  retired: readonly string[],
): Promise<Found> {
  switch (rotation.phase) {
    case "bots":
      return { page: await askBots(platform, rotation, retired) };
    case "index":
      return { page: await resealRows(platform, rotation) };
    case "verify":
      return { remains: await platform.remains(rotation) };
  }
}

async function askBots(
  platform: RotationPlatform,
  { number, target, cursor }: Rotation,
  retired: readonly string[],
): Promise<string[]> {
  const request = { rotation: number, target, retired };
  const ids = await platform.findUnasked(number, cursor, PAGE);
  const asked: string[] = [];
  const errors: RotationError[] = [];
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    await Promise.all(
      ids.slice(at, at + AT_ONCE).map(async (bot_id) => {
        const trouble = await askBot(platform, bot_id, request);
        if (trouble === null) asked.push(bot_id);
        else errors.push({ bot_id, store: "bot", ...trouble });
      }),
    );
  }
  if (errors.length > 0) await platform.noteErrors(number, errors);
  if (asked.length > 0) await platform.noteAsked(number, asked);
  return ids;
}

/** One failure does not stop the others. @returns null where all of the Bot's own secrets are under the target */
async function askBot(
  platform: RotationPlatform,
  bot_id: string,
  request: RekeyRequest,
): Promise<Pick<RotationError, "reason" | "final"> | null> {
  try {
    let answer = await platform.rekey(bot_id, request);
    if (answer.kind === "absent" && (await platform.tell(bot_id))) answer = await platform.rekey(bot_id, request);
    return troubleOf(answer);
  } catch (error) {
    platform.log({ level: "warn", event: "rekey_failed", bot_id, detail: String(error) });
    return { reason: "cannot_be_asked", final: false };
  }
}

export function troubleOf(answer: Rekeyed): Pick<RotationError, "reason" | "final"> | null {
  switch (answer.kind) {
    case "rekeyed": {
      const [first] = answer.unreadable;
      return first ? { reason: `${first.place}: ${first.detail}`, final: true } : null;
    }
    case "absent":
      // The index knows it: what its object held may come back with it.
      return { reason: "object_lost", final: true };
    case "behind":
      return { reason: "runs_with_other_keys", final: false };
    case "superseded":
      return { reason: "asked_by_a_later_rotation", final: false };
  }
}

async function resealRows(platform: RotationPlatform, { number, target, cursor }: Rotation): Promise<string[]> {
  if (cursor === null) await platform.forgetIndexErrors(number);
  const rows = await platform.findStaleRows(target, cursor, PAGE);
  const replaced: { row: IndexedSecrets; fields: Fields }[] = [];
  const errors: RotationError[] = [];
  for (const row of rows) {
    const sealed = await reseal(platform.vault, row, target);
    if (sealed.kind === "resealed") replaced.push({ row, fields: sealed.fields });
    if (sealed.kind === "unreadable") {
      const reason = `config ${row.version}: ${sealed.detail}`;
      errors.push({ bot_id: row.bot_id, store: "index", reason, final: true });
    }
  }
  if (replaced.length > 0) await platform.replaceSecrets(target, replaced);
  if (errors.length > 0) await platform.noteErrors(number, errors);
  return rows.map(({ id }) => id);
}

/** How much is sealed with what, and by how many Bots that is known. */
export interface Census {
  bots: number;
  /** Bots that the present rotation has found, or brought, under its target. */
  asked: number;
  /** Envelopes in the index by the key that they name; `""`: those that name none. */
  envelopes: Readonly<Record<string, number>>;
}

export interface KeyUse {
  id: string;
  in_ring: boolean;
  retired: boolean;
  envelopes: number;
  bots: number;
  removable: boolean;
}

/** What each key is still needed for. A Bot that the rotation has not asked may use any key but its target. */
export function keyUses(
  ring: readonly [string, ...string[]],
  { latest, retired }: Present,
  { bots, asked, envelopes }: Census,
): KeyUse[] {
  const named = Object.keys(envelopes).filter((id) => id !== "");
  return [...new Set([...ring, ...named])].map((id) => {
    const use = {
      id,
      in_ring: ring.includes(id),
      retired: retired.includes(id),
      envelopes: envelopes[id] ?? 0,
      bots: id === latest?.target ? asked : bots - asked,
    };
    // Of a key that is not retired nobody can say that nothing is being sealed with it.
    return { ...use, removable: use.retired && id !== ring[0] && use.envelopes === 0 && use.bots === 0 };
  });
}
