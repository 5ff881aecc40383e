import { defaultLimits } from "../../../src/provider/gate/budget.ts";
import type { Ask } from "../../../src/provider/gate/permit.ts";
import { GateShell } from "../../../src/provider/gate/shell.ts";
import type { Outcome } from "../../../src/provider/outcome.ts";
import type { ProviderAccount } from "../../../src/provider/schema.ts";
import { SqliteStorage } from "../../simulation/sqlite-storage.ts";

export function account(team: string): Outcome<ProviderAccount> {
  return {
    kind: "ok",
    value: { uuid: "someone", status: "active", droplet_limit: 25, team: { uuid: team, name: null } },
  };
}

/** A gate on a clock that the test moves, and an account that answers what the test says. */
export async function newGate() {
  const storage = new SqliteStorage();
  const world = {
    now: 1_800_000_000_000,
    answer: account("ours"),
    token: "a",
    bots: 100,
    listing: { kind: "unknown", detail: "not asked here" } as Outcome<never>,
    log: [] as Record<string, unknown>[],
  };
  const boot = () =>
    new GateShell({
      sql: storage.sql,
      transactionSync: (run) => storage.transactionSync(run),
      setAlarm: (at) => storage.setAlarm(at),
      now: () => world.now,
      log: (entry) => world.log.push(entry),
      getAccount: async () => world.answer,
      limits: defaultLimits,
      token_fingerprint: world.token,
      countLiveBots: async () => world.bots,
      fleetId: async () => "00c0ffee",
      listPage: async () => world.listing,
      deleteDroplet: async () => ({ kind: "unknown", detail: "not asked here" }),
      claim: async () => "mine",
      indexed: async () => new Set(),
      sweep_mode: "off",
    });
  let shell = boot();
  const gate = {
    world,
    storage,
    permit: (bot_id: string, kind: Parameters<GateShell["permit"]>[0]["kind"] = "poll") =>
      shell.permit({ bot_id, kind }),
    ask: (ask: Ask) => shell.permit(ask),
    report: (report: Parameters<GateShell["report"]>[0]) => shell.report(report),
    alarm: () => shell.alarm(),
    sweep: () => shell.sweep({ dry_run: true }),
    /** Eviction: only what was stored is left. */
    evict: () => {
      shell = boot();
    },
  };
  await gate.alarm();
  return gate;
}
