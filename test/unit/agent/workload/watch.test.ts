import { describe, it } from "vitest";
import { type Vitals, Watch } from "../../../../bootstrap/agent/workload/watch.ts";

const LIMITS = { hung_after_ms: 60_000, start_deadline_ms: 180_000, degraded_after_ms: 10_000 };
const READY: Vitals = { answers: true, ready: true, failing: [] };
const STARTING: Vitals = { answers: true, ready: false, failing: ["startup-sidecars"] };
const LOST: Vitals = { answers: true, ready: false, failing: ["channels"] };
const BARE: Vitals = { answers: true, ready: false, failing: [] };
const DRAINING: Vitals = { answers: true, ready: false, failing: ["gateway-draining"] };
const SILENT: Vitals = { answers: false, ready: false, failing: [] };

type Looks = readonly (readonly [at_s: number, seen: Vitals])[];

function watched(looks: Looks): { watch: Watch; now_ms: number } {
  const watch = new Watch(LIMITS, 0);
  // Silence is looked at again and again.
  for (const [at_s, seen] of looks) {
    for (let look = seen === SILENT ? 0 : 2; look < 3; look++) watch.look(seen, at_s * 1000);
  }
  return { watch, now_ms: (looks.at(-1)?.[0] ?? 0) * 1000 };
}

describe("a workload that is watched", () => {
  it("is not taken for hung by the first look after a pause of our own", ({ expect }) => {
    const { watch } = watched([[20, READY]]);
    for (const [at_ms, hung] of [
      [320_000, null],
      [321_000, null],
      [322_000, "hung: no answer for 302 s"],
    ] as const) {
      watch.look(SILENT, at_ms);
      expect(watch.hung(at_ms)).toBe(hung);
    }
  });

  it("has been healthy for as long as it was ready, though it hangs now", ({ expect }) => {
    const { watch } = watched([
      [20, READY],
      [3620, SILENT],
    ]);
    expect([watch.ready_since_ms, watch.ready_for_ms(4_000_000)]).toEqual([null, 3_600_000]);
  });

  it.for<[string, Looks, string | null]>([
    ["starts slowly", [[170, SILENT]], null],
    ["does not answer at all", [[180, SILENT]], "no answer within 180 s of its start"],
    [
      "starts, and says so",
      [
        [100, STARTING],
        [279, SILENT],
      ],
      null,
    ],
    [
      "stops answering while it starts",
      [
        [100, STARTING],
        [280, SILENT],
      ],
      "no answer within 180 s of its start",
    ],
    [
      "is ready",
      [
        [20, READY],
        [500, READY],
      ],
      null,
    ],
    [
      "misses some looks",
      [
        [20, READY],
        [79, SILENT],
      ],
      null,
    ],
    [
      "answers now and then",
      [
        [20, READY],
        [79, SILENT],
        [80, BARE],
        [139, SILENT],
      ],
      null,
    ],
    [
      "is silent",
      [
        [20, READY],
        [80, SILENT],
      ],
      "hung: no answer for 60 s",
    ],
    [
      "is not ready any more, and says so",
      [
        [20, READY],
        [900, LOST],
      ],
      null,
    ],
  ])("%s: taken for hung or not", ([, looks, reason], { expect }) => {
    const { watch, now_ms } = watched(looks);
    expect(watch.hung(now_ms)).toBe(reason);
  });

  it.for<[string, Looks, string[]]>([
    [
      "before it was ever ready",
      [
        [100, STARTING],
        [170, STARTING],
      ],
      [],
    ],
    ["ready", [[20, READY]], []],
    [
      "for a moment",
      [
        [20, READY],
        [21, LOST],
        [30, LOST],
      ],
      [],
    ],
    [
      "for longer",
      [
        [20, READY],
        [21, LOST],
        [31, LOST],
      ],
      ["channels"],
    ],
    [
      "for longer, without a word why",
      [
        [20, READY],
        [21, BARE],
        [31, BARE],
      ],
      ["not_ready"],
    ],
    [
      "silent",
      [
        [20, READY],
        [21, SILENT],
        [31, SILENT],
      ],
      ["not_ready"],
    ],
    [
      "draining",
      [
        [20, READY],
        [21, DRAINING],
        [900, DRAINING],
      ],
      [],
    ],
    [
      "draining before it was ready",
      [
        [21, DRAINING],
        [900, DRAINING],
      ],
      [],
    ],
    [
      "ready again",
      [
        [20, READY],
        [21, LOST],
        [31, LOST],
        [32, READY],
      ],
      [],
    ],
    [
      "lost anew",
      [
        [20, READY],
        [21, LOST],
        [32, READY],
        [33, LOST],
        [42, LOST],
      ],
      [],
    ],
  ])("%s: what it has lost", ([, looks, lost], { expect }) => {
    const { watch, now_ms } = watched(looks);
    expect(watch.degraded(now_ms)).toEqual(lost);
  });

  it.for<[string, Looks, number | null]>([
    [
      "from the first look that found it ready",
      [
        [20, READY],
        [25, READY],
      ],
      20_000,
    ],
    ["not while it starts", [[20, STARTING]], null],
    [
      "anew after a loss",
      [
        [20, READY],
        [25, LOST],
        [30, READY],
      ],
      30_000,
    ],
    [
      "on, while it drains",
      [
        [20, READY],
        [25, DRAINING],
      ],
      20_000,
    ],
  ])("is ready %s", ([, looks, since], { expect }) => {
    expect(watched(looks).watch.ready_since_ms).toBe(since);
  });
});
