/**
 * Rotation of the encryption keys: brings every envelope under the first key of the ring, a page at a time, first in the
 * Bots' own stores, then in the index; what is left is counted before it is called done. Every part may be repeated, and
 * a second driver does no harm: whoever holds the lease goes on.
 */
import {
  type Found,
  nextPlace,
  PAGE,
  type Place,
  type Plan,
  type Present,
  planRotation,
  type Rekeyed,
  type RekeyRequest,
  type Remains,
  type Rotation,
  type RotationError,
  troubleOf,
} from "./key-rotation-plan.ts";
import { reseal, type SealedField, type SealedRow } from "./sealed.ts";
import type { Vault } from "./vault.ts";

const AT_ONCE = 10;

export type IndexedSecrets = SealedRow & { id: string };

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
  /** @returns where it stands, from which nobody else goes on until then; null: somebody does, or it is done */
  lease(rotation: number, holder: string, now: number, until: number): Promise<Rotation | null>;
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
  const { latest, retired } = await platform.present();
  if (latest === null || latest.state === "done") return "idle";
  if (latest.target !== platform.ring[0]) {
    platform.log({ level: "warn", event: "key_rotation_not_ours", target: latest.target, first: platform.ring[0] });
    return "idle";
  }
  const holder = platform.uuid();
  const now = platform.now();
  const rotation = await platform.lease(latest.number, holder, now, now + platform.lease_ms);
  if (rotation === null) return "idle";
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
