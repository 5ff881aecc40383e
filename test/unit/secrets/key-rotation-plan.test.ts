import { describe, it } from "vitest";
import {
  keyUses,
  nextPlace,
  type Place,
  type Plan,
  planRotation,
  type Rotation,
  troubleOf,
} from "../../../src/secrets/key-rotation-plan.ts";

const NOW = 5_000;

function rotation(changes: Partial<Rotation> = {}): Rotation {
  return {
    number: 1_000,
    target: "k2",
    state: "running",
    phase: "bots",
    cursor: null,
    round: 1,
    started_at: 1_000,
    finished_at: null,
    ...changes,
  };
}
const DONE = rotation({ state: "done", phase: "verify", finished_at: 2_000 });

interface Asked {
  ring: [string, ...string[]];
  latest: Rotation | null;
  retired: string[];
  remains?: boolean;
  wanted?: string;
}

function begin(target: string, retired: string[], number = NOW): Plan {
  const place = { state: "running", phase: "bots", cursor: null, round: 1, finished_at: null } as const;
  return { do: "begin", rotation: { number, target, ...place, started_at: NOW }, retired };
}

describe("asking for a rotation", () => {
  const CASES: [what: string, asked: Asked, plan: Plan][] = [
    ["begins the first", { ring: ["k2", "k1"], latest: null, retired: [] }, begin("k2", ["k1"])],
    ["begins where there is one key only", { ring: ["k2"], latest: null, retired: [] }, begin("k2", [])],
    ["goes on", { ring: ["k2", "k1"], latest: rotation(), retired: ["k1"] }, { do: "go_on" }],
    ["goes on once the old key is gone", { ring: ["k2"], latest: rotation(), retired: ["k1"] }, { do: "go_on" }],
    ["does nothing when all is done", { ring: ["k2", "k1"], latest: DONE, retired: ["k1"] }, { do: "nothing" }],
    [
      "begins again where something was left",
      { ring: ["k2", "k1"], latest: DONE, retired: ["k1"], remains: true },
      begin("k2", ["k1"]),
    ],
    [
      "begins anew for a key that is first by now, and retires all others, those of old too",
      { ring: ["k3", "k2"], latest: DONE, retired: ["k1"] },
      begin("k3", ["k1", "k2"]),
    ],
    [
      "begins anew where another key has come into the ring behind the target",
      { ring: ["k2", "k1", "k0"], latest: rotation(), retired: ["k1"] },
      begin("k2", ["k1", "k0"]),
    ],
    [
      "is refused to a Worker whose first key was rotated away from",
      { ring: ["k1"], latest: rotation(), retired: ["k1"] },
      { refuse: "first_key_is_retired" },
    ],
    [
      "goes back to such a key where it is named",
      { ring: ["k1", "k2"], latest: DONE, retired: ["k1"], wanted: "k1" },
      begin("k1", ["k2"]),
    ],
    [
      "is refused where another key was named than the first",
      { ring: ["k1"], latest: null, retired: [], wanted: "k2" },
      { refuse: "not_the_first_key" },
    ],
    [
      "is numbered after the one before, whatever the clock says",
      { ring: ["k3", "k2"], latest: { ...DONE, number: NOW + 7 }, retired: ["k1"] },
      begin("k3", ["k1", "k2"], NOW + 8),
    ],
  ];
  for (const [what, { ring, latest, retired, remains = false, wanted = null }, plan] of CASES) {
    it(what, ({ expect }) => {
      expect(planRotation({ ring, latest, retired, remains, now: NOW }, wanted)).toEqual(plan);
    });
  }
});

describe("where the next step begins", () => {
  const full = Array.from({ length: 100 }, (_, at) => `id-${at}`);
  const at = (place: Partial<Place>): Place => ({
    state: "running",
    phase: "bots",
    cursor: null,
    round: 1,
    finished_at: null,
    ...place,
  });
  const CASES: [what: string, place: Place, found: Parameters<typeof nextPlace>[1], next: Place][] = [
    ["behind a full page", at({}), { page: full }, at({ cursor: "id-99" })],
    ["in the index after the last bots", at({ cursor: "x" }), { page: ["y"] }, at({ phase: "index" })],
    ["in the index where there are no bots", at({}), { page: [] }, at({ phase: "index" })],
    ["behind a full page of rows", at({ phase: "index" }), { page: full }, at({ phase: "index", cursor: "id-99" })],
    ["with the count after the last rows", at({ phase: "index", cursor: "x" }), { page: [] }, at({ phase: "verify" })],
    [
      "nowhere once nothing is left, whatever can never be done",
      at({ phase: "verify" }),
      { remains: { bots: 0, rows: 0, final: 3 } },
      at({ phase: "verify", state: "done", finished_at: NOW }),
    ],
    [
      "at the first bot again where one could not be asked",
      at({ phase: "verify" }),
      { remains: { bots: 1, rows: 0, final: 0 } },
      at({ round: 2 }),
    ],
    [
      "at the first bot again where a row is left",
      at({ phase: "verify", round: 2 }),
      { remains: { bots: 0, rows: 1, final: 0 } },
      at({ round: 3 }),
    ],
  ];
  for (const [what, place, found, next] of CASES) {
    it(what, ({ expect }) => {
      expect(nextPlace(place, found, NOW)).toEqual(next);
    });
  }
});

describe("what a Bot's answer means", () => {
  const CASES: [Parameters<typeof troubleOf>[0], ReturnType<typeof troubleOf>][] = [
    [{ kind: "rekeyed", resealed: 2, unreadable: [] }, null],
    [
      { kind: "rekeyed", resealed: 2, unreadable: [{ place: "config 3", detail: "it was altered" }] },
      { reason: "config 3: it was altered", final: true },
    ],
    [{ kind: "absent" }, { reason: "object_lost", final: true }],
    [{ kind: "behind" }, { reason: "runs_with_other_keys", final: false }],
    [{ kind: "superseded" }, { reason: "asked_by_a_later_rotation", final: false }],
  ];
  for (const [answer, trouble] of CASES) {
    it(`${answer.kind}: ${trouble === null ? "nothing is left" : trouble.reason}`, ({ expect }) => {
      expect(troubleOf(answer)).toEqual(trouble);
    });
  }
});

describe("what each key is needed for", () => {
  const ring = ["k2", "k1"] as const;
  const present = { latest: DONE, retired: ["k1"] };
  const removable = (given: Parameters<typeof keyUses>) =>
    keyUses(...given).flatMap(({ id, removable: free }) => (free ? [id] : []));

  it("counts a Bot that was not asked to every key but the target", ({ expect }) => {
    const uses = keyUses(ring, present, { bots: 5, asked: 3, envelopes: { k2: 7, k1: 1, k0: 2, "": 1 } });
    expect(uses).toEqual([
      { id: "k2", in_ring: true, retired: false, envelopes: 7, bots: 3, removable: false },
      { id: "k1", in_ring: true, retired: true, envelopes: 1, bots: 2, removable: false },
      { id: "k0", in_ring: false, retired: false, envelopes: 2, bots: 2, removable: false },
    ]);
  });

  const all = { bots: 5, asked: 5, envelopes: { k2: 7 } };
  const CASES: [what: string, given: Parameters<typeof keyUses>, ids: string[]][] = [
    ["a retired key that nothing names", [ring, present, all], ["k1"]],
    ["no key of which an envelope is left", [ring, present, { ...all, envelopes: { k1: 1 } }], []],
    ["no key while a Bot may use it", [ring, present, { ...all, asked: 4 }], []],
    ["no key that was never rotated away from", [["k2", "k3"], present, all], []],
    ["never the first", [["k1", "k2"], present, { ...all, envelopes: {} }], []],
    ["none before the first rotation", [ring, { latest: null, retired: [] }, { ...all, asked: 0 }], []],
  ];
  for (const [what, given, ids] of CASES) {
    it(`lets go of ${what}`, ({ expect }) => {
      expect(removable(given)).toEqual(ids);
    });
  }
});
