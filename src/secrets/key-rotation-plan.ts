/** What a rotation of the encryption keys decides: whether it begins, where it goes on, what each key is still needed for. Pure. */
import type { RotationPhase, RotationState, SecretStore } from "../wire/enums.ts";

/** So many Bots, or rows of the index, are one step. */
export const PAGE = 100;

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

/** The keys that nothing may be sealed with any more, and the rotation that says so; 0: none has been begun. */
export interface RetiredKeys {
  rotation: number;
  ids: string[];
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

/** What a Bot is asked. */
export interface RekeyRequest {
  /** Grows from one rotation to the next. */
  rotation: number;
  target: string;
  /** Keys that nothing may be sealed with any more. */
  retired: readonly string[];
}

/**
 * `absent`: the object knows of no bot. `superseded`: a later rotation has asked it. `behind`: it still runs with a ring
 * whose first key is not the target, or is too busy. `unreadable`: texts that stay as they are, with why.
 */
export type Rekeyed =
  | { kind: "absent" | "superseded" | "behind" }
  | { kind: "rekeyed"; resealed: number; unreadable: { place: string; detail: string }[] };

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
export type Found = { page: readonly string[] } | { remains: Remains };

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

/** @returns null where all of the Bot's own secrets are under the target */
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
