import { describe, it } from "vitest";
import { pruneHistory } from "../../../src/bot/alarm/compaction.ts";
import { claim, snapshotRows } from "../../../src/bot/calls/maintenance.ts";
import { listEvents } from "../../../src/bot/calls/management.ts";
import { apply } from "../../../src/bot/model/fold.ts";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import type { BotState } from "../../../src/bot/model/state.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import { Life } from "./life.ts";
import { stored } from "./stored.ts";

const BOUNDS = { history_max: 40, history_keep: 20, history_chunk: 7 };

function setUp(life = new Life().online(), bounds: Partial<typeof BOUNDS> = {}) {
  const shell = stored(life, { policy: { ...defaultPolicy, ...BOUNDS, ...bounds } });
  const { history } = shell.store;
  const kept = () => history.events(0, 10_000);
  return { shell, history, kept };
}

/** Something happens so often that the bot has events up to this number. */
function growTo(shell: BotShell, seq: number): void {
  while (shell.present().bot.revision < seq) {
    shell.commit({ events: [{ kind: "changed", data: { name: `Owl ${shell.present().bot.revision}` } }] });
  }
}

/** As often as something may still be pruned. */
function pruneAll(shell: BotShell): void {
  for (let alarm = 0; alarm < 100; alarm++) pruneHistory(shell);
}

describe("a history", () => {
  it("is left alone until there is too much of it", ({ expect }) => {
    const { shell, kept } = setUp();
    growTo(shell, BOUNDS.history_max);
    pruneAll(shell);
    expect(kept()).toHaveLength(BOUNDS.history_max);
    expect(kept().some(({ kind }) => kind === "snapshot")).toBe(false);
  });

  it("is pruned behind a snapshot, a part with each alarm, without a gap", ({ expect }) => {
    const { shell, history, kept } = setUp();
    growTo(shell, 41);
    pruneHistory(shell);
    expect([history.firstSeq(), history.lastSeq(), history.snapshotSeq()]).toEqual([1, 42, 42]);
    const firsts: (number | null)[] = [];
    for (let alarm = 0; alarm < 5; alarm++) {
      pruneHistory(shell);
      firsts.push(history.firstSeq());
    }
    expect(firsts).toEqual([8, 15, 22, 22, 22]);
    expect(kept().map(({ seq }) => seq)).toEqual(Array.from({ length: 21 }, (_, index) => 22 + index));
  });

  it("folds from its snapshot into the state", ({ expect }) => {
    const { shell, history, kept } = setUp();
    for (const end of [50, 90, 133]) {
      growTo(shell, end);
      pruneAll(shell);
      let folded: BotState | null = null;
      for (const event of kept().filter(({ seq }) => seq >= (history.snapshotSeq() ?? 0)))
        folded = apply(folded, event);
      expect(folded).toEqual(shell.present().bot);
    }
    expect(history.firstSeq()).toBeGreaterThan(50);
  });

  it("does not grow beyond its bound however long the bot lives", ({ expect }) => {
    const { shell, kept } = setUp();
    let most = 0;
    for (let end = 20; end < 2_000; end += 5) {
      growTo(shell, end);
      pruneHistory(shell);
      most = Math.max(most, kept().length);
    }
    expect(most).toBeLessThanOrEqual(BOUNDS.history_max + 10);
  });

  it("comes to rest even where as much is to be kept as there may be", ({ expect }) => {
    const { shell, kept } = setUp(new Life().online(), { history_keep: 40 });
    growTo(shell, 60);
    pruneAll(shell);
    const { revision } = shell.present().bot;
    expect(kept().length).toBeLessThanOrEqual(40);
    pruneAll(shell);
    expect(shell.present().bot.revision).toBe(revision);
  });

  it("shows where it begins", ({ expect }) => {
    const { shell, history } = setUp();
    const everybody = { every_account: true } as const;
    expect(listEvents(shell, everybody, 0, 2)).toMatchObject({
      value: { first_seq: 1, events: [{ seq: 1 }, { seq: 2 }] },
    });
    growTo(shell, 41);
    pruneAll(shell);
    const first = history.firstSeq();
    expect(listEvents(shell, everybody, 3, 1)).toMatchObject({ value: { first_seq: first, events: [{ seq: first }] } });
  });

  it("says of each event what came of it, and of one of an earlier release that it does not know", ({ expect }) => {
    const { shell, kept } = setUp();
    const [accepted] = kept();
    expect(accepted).toMatchObject({ before: null, after: { status: "pending", generation: 1 }, reason: "accepted" });
    const [last] = shell.store.history.events(shell.present().bot.revision - 1, 1);
    expect(last).toMatchObject({ before: { status: "online" }, after: { status: "online", generation: 1 } });
    shell.platform.sql.exec("DELETE FROM transition WHERE seq = 1");
    expect(kept()[0]).toMatchObject({ seq: 1, kind: "accepted", before: null, after: null, reason: null });
  });
});

describe("what a pruned history is still asked for", () => {
  const life = () => new Life().online().requested("redeploy").gone(1001).recreating();

  it("is who had the bot made", ({ expect }) => {
    const { shell, history } = setUp();
    expect(snapshotRows(shell)?.created_by).toBe("operator");
    growTo(shell, 41);
    pruneAll(shell);
    expect(history.firstSeq()).toBeGreaterThan(1);
    expect(snapshotRows(shell)?.created_by).toBe("operator");
  });

  it("is which names its droplets were to have, and when they were gone", ({ expect }) => {
    const { shell, history } = setUp(life());
    const asked = { id: 1001, name: nameAskedFor(shell) };
    const before = history.claimHistory(asked);
    expect(before).toEqual({ intended: true, gone_at: expect.any(Number) });
    growTo(shell, 41);
    pruneAll(shell);
    expect(history.events(0, 1_000).some(({ kind }) => kind === "intent_opened" || kind === "droplet_gone")).toBe(
      false,
    );
    expect(history.claimHistory(asked)).toEqual(before);
    expect(history.claimHistory({ id: 7, name: "another" })).toEqual({ intended: false, gone_at: null });
  });

  it("is the latest of two times that a droplet was gone", ({ expect }) => {
    const { shell, history } = setUp(life());
    const times = [1, 2].map((hour) => {
      shell.platform.sql.exec(
        "INSERT INTO event (seq, at, kind, actor, data) VALUES (?, ?, 'droplet_gone', 'x', '{\"droplet_id\":5}')",
        shell.present().bot.revision + hour,
        hour,
      );
      return hour;
    });
    const end = shell.present().bot.revision + times.length;
    history.prune(end, 1_000);
    history.prune(end + 1, 1_000);
    expect(history.claimHistory({ id: 5, name: "x" }).gone_at).toBe(2);
  });

  it("so that the sweep is told the same of an untagged droplet as before", ({ expect }) => {
    const { shell } = setUp(life());
    const name = nameAskedFor(shell);
    const stray = { id: 4_711, name, status: "active", ip_address: null } as const;
    const ask = () => claim(shell, { droplet: { ...stray, tags: [] }, listed_ms_ago: 0, dry_run: true });
    expect(ask()).toBe("mine_stale");
    growTo(shell, 41);
    pruneAll(shell);
    expect(ask()).toBe("mine_stale");
  });
});

/** The name of the first droplet that an intent was made for. */
function nameAskedFor(shell: BotShell): string {
  const opened = shell.store.history.events(0, 100).find((event) => event.kind === "intent_opened");
  if (opened?.kind !== "intent_opened") throw new Error("no droplet was asked for");
  return opened.data.droplet_name;
}
