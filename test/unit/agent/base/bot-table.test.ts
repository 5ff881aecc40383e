import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { Store } from "../../../../bootstrap/agent/base/store.ts";
import { AgentConfig } from "../../../../src/wire/config.ts";
import { agentConfig, configId } from "../fixtures/control-plane.ts";

const OWN = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
const OTHER = "1d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
const config = (version: number, bot_id = OWN) => AgentConfig.parse(agentConfig(bot_id, version, "sk-very-secret-key"));

const all = mkdtempSync(join(tmpdir(), "spawnpoint-bots-"));
afterAll(() => rmSync(all, { recursive: true }));
let path: string;
let unreadable: string[];
beforeEach(() => {
  path = join(mkdtempSync(join(all, "one-")), "agent.db");
  unreadable = [];
});

function open(): Store {
  return new Store(path, (key) => unreadable.push(key));
}

/** One use of the database, by whoever. */
function using<T>(use: (store: Store) => T): T {
  const store = open();
  try {
    return use(store);
  } finally {
    store.close();
  }
}

function edit(sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

/** agent.db as the release wrote it that had no table of bots. */
const BEFORE = `
  CREATE TABLE kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE configs (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, llm_provider TEXT NOT NULL,
    trading_config TEXT NOT NULL, risk_config TEXT NOT NULL, fetched_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE acks (config_id TEXT PRIMARY KEY, body TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;
  CREATE TABLE commands (
    id TEXT PRIMARY KEY, expires_at_ms INTEGER NOT NULL, result TEXT, told INTEGER NOT NULL
  ) STRICT;
  INSERT INTO kept VALUES ('applied', '"${configId(3)}"'), ('stopped_here', 'true'), ('last_heartbeat_ms', '2000'),
    ('workload', '{"state":"running","reason":null,"started_at_ms":1000,"config_id":"${configId(3)}"}'),
    ('child', '{"pid":77,"start_ticks":"5"}');
  INSERT INTO configs VALUES ('${configId(3)}', 3, 'openai', '${JSON.stringify(config(3).trading_config)}',
    '${JSON.stringify(config(3).risk_config)}', 500);`;

describe("the table of bots", () => {
  it("begins with the agent's own, stopped and without a config", () => {
    const rows = using((store) => {
      store.restoreBots(OWN, 1);
      return store.bots.list();
    });
    const runtime = { state: "Stopped", started_at: null, last_heartbeat: null, error: null };
    expect(rows).toEqual([{ id: OWN, enabled: true, config: null, runtime }]);
  });

  it("takes over what the release before it has kept, which stays there for that release", () => {
    edit(BEFORE);
    using((store) => {
      store.restoreBots(OWN, 9000);
      const runtime = { state: "Stopped", started_at: 1000, last_heartbeat: 2000, error: null };
      expect(store.bots.list()).toMatchObject([{ id: OWN, config: { id: configId(3), version: 3 }, runtime }]);
      expect(store.get("child")).toEqual({ pid: 77, start_ticks: "5" });
    });
    expect(unreadable).toEqual([]);
    const db = new DatabaseSync(path);
    expect(db.prepare("SELECT count(*) AS n FROM kept").get()).toMatchObject({ n: 5 });
    db.close();
  });

  it("has everything stopped after a start, and only the agent's own bot enabled", () => {
    using((store) => {
      store.restoreBots(OTHER, 1);
      store.bots.setConfig(OTHER, config(1, OTHER), 1);
      store.bots.setState(OTHER, { state: "Error", error: "crash loop" }, 5);
    });
    const rows = using((store) => {
      store.restoreBots(OWN, 2);
      store.bots.setState(OWN, { state: "Running", error: null }, 7);
      store.restoreBots(OWN, 3);
      return store.bots.list();
    });
    const stopped = { state: "Stopped", error: null };
    expect(rows).toMatchObject([
      { id: OWN, enabled: true, runtime: { ...stopped, started_at: 7 } },
      { id: OTHER, enabled: false, config: { version: 1 }, runtime: { ...stopped, started_at: 5 } },
    ]);
  });

  it("says which row cannot be read, and shows the others", () => {
    using((store) => {
      for (const id of [OTHER, configId(8), OWN]) {
        store.restoreBots(id, 1);
        store.bots.setConfig(id, config(1, id), 1);
      }
    });
    edit(`UPDATE bot_configs SET risk_config = 'rubbish' WHERE bot_id = '${OTHER}';
      UPDATE bot_configs SET bot_id = 'no uuid' WHERE bot_id = '${configId(8)}';`);
    using((store) => {
      store.restoreBots(OWN, 2);
      expect(store.bots.list().map(({ id }) => id)).toEqual([OWN]);
      expect(unreadable.sort()).toEqual([`bot ${OTHER}`, "bot no uuid"]);
      expect(store.bots.get(OTHER)).toBeNull();
      store.bots.setConfig(OTHER, config(1, OTHER), 3);
      expect(store.bots.get(OTHER)).toMatchObject({ id: OTHER });
    });
  });

  it("keeps a bot's config as it comes, without its secrets", () => {
    using((store) => {
      store.restoreBots(OWN, 1);
      store.keepConfig(config(1), 2);
      store.keepConfig(config(2), 3);
      expect(store.bots.get(OWN)?.config).toMatchObject({ id: configId(2), version: 2, llm_provider: "openai" });
    });
    expect(readFileSync(path, "latin1")).not.toContain("sk-very-secret-key");
  });

  it("remembers when it was started and heard, until it is removed", () => {
    using((store) => {
      store.restoreBots(OWN, 1);
      store.bots.setState(OWN, { state: "Running", error: null }, 5);
      store.bots.setState(OWN, { state: "Error", error: "exit code 1" }, null);
      store.bots.heard(OWN, 6);
      const runtime = { state: "Error", started_at: 5, last_heartbeat: 6, error: "exit code 1" };
      expect(store.bots.get(OWN)?.runtime).toEqual(runtime);
      store.bots.remove(OWN);
      expect(store.bots.list()).toEqual([]);
    });
  });
});
