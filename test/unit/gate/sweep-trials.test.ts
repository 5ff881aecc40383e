/**
 * Random accounts, swept for forty minutes: whatever is in them, whatever fails, nothing that is not ours is deleted and
 * nothing that a Bot claims.
 */
import fc from "fast-check";
import { describe, it } from "vitest";
import { dropletName, dropletTags, fleetOf } from "../../../src/naming/fleet.ts";
import { defaultLimits } from "../../../src/provider/gate/budget.ts";
import { GateShell } from "../../../src/provider/gate/shell.ts";
import type { ProviderDroplet } from "../../../src/provider/schema.ts";
import type { SweepVerdict } from "../../../src/resources/verdict.ts";
import { depth, tally } from "../../depth.ts";
import { SqliteStorage } from "../../simulation/sqlite-storage.ts";

const MINUTE = 60_000;
const OURS = fleetOf("00c0ffee");
const THEIRS = fleetOf("deadbeef");
const PAGE = 4;
/** Two passes and the quarantine, and some more for what fails. */
const TURNS = 8;
const TRIALS = depth({ full: 1_000, quick: 100 }, process.env.SWEEP_TRIALS);

/** What its Bot, if there is one, would say; `silent`: it cannot be asked. */
type Answer = SweepVerdict | "silent";

interface Planned {
  look: "ours" | "untagged" | "other_fleet" | "same_prefix" | "contradicted" | "fleet_tag_only" | "stranger";
  answer: Answer;
  indexed: boolean;
}
interface Trial {
  droplets: Planned[];
  /** Of D1, as the gate asks it each time: its own, another's (restored, exchanged), none (empty). */
  fleets: ("ours" | "theirs" | "none" | "down")[];
  /** Of each request in turn. */
  faults: ("ok" | "fails" | "short" | "rate_limited")[];
  indexDown: boolean;
  evictions: boolean[];
}

const planned: fc.Arbitrary<Planned> = fc.record({
  look: fc.constantFrom(
    "ours",
    "ours",
    "ours",
    "ours",
    "untagged",
    "other_fleet",
    "same_prefix",
    "contradicted",
    "fleet_tag_only",
    "stranger",
  ),
  answer: fc.constantFrom<Answer>("mine", "mine", "mine_stale", "unknown_bot", "unknown_bot", "silent"),
  indexed: fc.constantFrom(false, false, false, true),
});
const trial: fc.Arbitrary<Trial> = fc.record({
  droplets: fc.array(planned, { maxLength: 10 }),
  fleets: fc.oneof(
    { weight: 4, arbitrary: fc.constant<Trial["fleets"]>(["ours"]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom("ours", "theirs", "none", "down"), { minLength: 1, maxLength: 6 }),
    },
  ),
  faults: fc.oneof(
    { weight: 2, arbitrary: fc.constant<Trial["faults"]>([]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom("ok", "ok", "ok", "fails", "short", "rate_limited"), { maxLength: 12 }),
    },
  ),
  indexDown: fc.constantFrom(false, false, false, false, true),
  evictions: fc.array(fc.boolean(), { maxLength: 6 }),
});

function botId(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;
}

function make({ look }: Planned, index: number): ProviderDroplet {
  const id = 1_000 + index;
  const bot = botId(index);
  const name = dropletName(OURS, bot, 1);
  const tags = dropletTags(OURS, bot, 1);
  const rest = { id, status: "active", ip_address: null } as const;
  switch (look) {
    case "ours":
      return { ...rest, name, tags };
    case "untagged":
      return { ...rest, name, tags: [] };
    case "other_fleet":
      return { ...rest, name: dropletName(THEIRS, bot, 1), tags: dropletTags(THEIRS, bot, 1) };
    case "same_prefix":
      return { ...rest, name: `${name}-copy`, tags };
    case "contradicted":
      return { ...rest, name, tags: [OURS.tag, "bot-of-somebody-else"] };
    case "fleet_tag_only":
      return { ...rest, name: "web-1", tags: [OURS.tag] };
    case "stranger":
      return { ...rest, name: "web-1", tags: ["web"] };
  }
}

/** @returns which droplets the sweep deleted, and in how many passes it came to an end */
async function sweepFor(plan: Trial): Promise<{ deleted: Set<number>; passes: number }> {
  const storage = new SqliteStorage();
  const account = new Map(plan.droplets.map((each, index) => [1_000 + index, make(each, index)]));
  const planOf = new Map(plan.droplets.map((each, index) => [botId(index), each]));
  const deleted = new Set<number>();
  let [now, requests, asked, passes] = [1_800_000_000_000, 0, 0, 0];
  const boot = () =>
    new GateShell({
      sql: storage.sql,
      transactionSync: (run) => storage.transactionSync(run),
      setAlarm: (at) => storage.setAlarm(at),
      now: () => now,
      log: ({ event }) => {
        if (event === "swept") passes++;
      },
      getAccount: async () => ({
        kind: "ok",
        value: { uuid: "us", status: "active", droplet_limit: 25, team: { uuid: "us", name: null } },
      }),
      limits: defaultLimits,
      token_fingerprint: "ours",
      countLiveBots: async () => 0,
      async fleetId() {
        const said = plan.fleets[Math.min(asked++, plan.fleets.length - 1)] ?? "ours";
        if (said === "down") throw new Error("D1 is down");
        return said === "none" ? null : said === "ours" ? "00c0ffee" : "deadbeef";
      },
      async listPage(page) {
        const fault = plan.faults[requests++] ?? "ok";
        if (fault === "fails") return { kind: "unknown", detail: "no answer" };
        if (fault === "rate_limited") return { kind: "rate_limited", wait_ms: MINUTE };
        const all = [...account.values()];
        const shown = all.slice((page - 1) * PAGE, page * PAGE);
        const last = page * PAGE >= all.length;
        return { kind: "ok", value: { droplets: fault === "short" ? shown.slice(1) : shown, last, total: all.length } };
      },
      async deleteDroplet(id) {
        deleted.add(id);
        account.delete(id);
        return { kind: "ok", value: null };
      },
      async claim(id) {
        const answer = planOf.get(id)?.answer ?? "silent";
        if (answer === "silent") throw new Error("the Bot cannot be asked");
        return answer;
      },
      async indexed(ids) {
        if (plan.indexDown) throw new Error("D1 is down");
        return new Set(ids.filter((id) => planOf.get(id)?.indexed));
      },
      sweep_mode: "delete",
    });
  let gate = boot();
  for (let turn = 0; turn < TURNS; turn++) {
    gate.sweep(null);
    const end = now + 5 * MINUTE;
    while (storage.alarmAt !== null && storage.alarmAt <= end) {
      now = Math.max(now, storage.takeAlarm() ?? now);
      await gate.alarm();
      if (plan.evictions[turn] && now < end) gate = boot();
    }
    now = end;
  }
  return { deleted, passes };
}

function mayGo({ look, answer, indexed }: Planned, { indexDown }: Trial): boolean {
  return look === "ours" && answer === "unknown_bot" && !indexed && !indexDown;
}

/** The fleet of the first D1 that answers is the gate's for good. */
function firstFleet({ fleets }: Trial): string | undefined {
  return fleets.find((fleet) => fleet === "ours" || fleet === "theirs");
}

describe("sweep trials", () => {
  it(
    `touch nothing that is not ours and nothing that a Bot claims, in ${TRIALS} accounts`,
    async (test) => {
      const { expect } = test;
      const begun = Date.now();
      let [deletions, ended] = [0, 0];
      await fc.assert(
        fc.asyncProperty(trial, async (plan) => {
          const { deleted, passes } = await sweepFor(plan);
          deletions += deleted.size;
          ended += passes;
          for (const [index, each] of plan.droplets.entries()) {
            const id = 1_000 + index;
            if (!deleted.has(id)) continue;
            const allowed = firstFleet(plan) === "theirs" ? each.look === "other_fleet" : mayGo(each, plan);
            if (!allowed) throw new Error(`deleted ${JSON.stringify(each)}`);
          }
          const ours = plan.droplets.filter(({ look }) => look === "ours" || look === "untagged").length;
          const orphans = plan.droplets.filter((each) => mayGo(each, plan)).length;
          // Without faults and within the brake everything that may go does go.
          const calm = plan.fleets.every((fleet) => fleet === "ours") && plan.faults.length === 0;
          if (calm && orphans <= Math.max(2, ours * 0.05)) expect(deleted.size).toBe(orphans);
        }),
        { numRuns: TRIALS },
      );
      tally(test, { trials: TRIALS });
      console.log(`${TRIALS} trials, ${ended} passes, ${deletions} deletions, ${Date.now() - begun} ms`);
      expect(deletions).toBeGreaterThan(TRIALS / 20);
    },
    1_800_000 + TRIALS * 20,
  );
});
