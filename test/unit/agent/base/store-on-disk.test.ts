/** The store on file systems that are really full, read-only or without an inode, and over a file that fails at will. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { whyRefused, whyUnwritable } from "../../../../bootstrap/agent/base/disk.ts";
import { openStore } from "../../../../bootstrap/agent/base/open-store.ts";
import { Store } from "../../../../bootstrap/agent/base/store.ts";
import { type Row, SqliteFile, type StoreFile, type Write } from "../../../../bootstrap/agent/base/store-file.ts";
import { AgentConfig } from "../../../../src/wire/config.ts";
import { agentConfig, configId } from "../fixtures/control-plane.ts";
import { canMount, SmallDisk, UNLESS_MOUNTED } from "../fixtures/small-disk.ts";

const all = mkdtempSync(join(tmpdir(), "spawnpoint-store-"));
afterAll(() => rmSync(all, { recursive: true }));

/** One that needs more room than is taken in advance. */
function bigConfig(version: number): AgentConfig {
  const plain = AgentConfig.parse(agentConfig("0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d", version, "sk-good-one-key"));
  const custom_assets = Array.from({ length: 50_000 }, () => "SOL");
  return { ...plain, trading_config: { ...plain.trading_config, custom_assets } };
}

describe.skipIf(!canMount)(`the store on a disk of its own${UNLESS_MOUNTED}`, () => {
  let disk: SmallDisk;
  let path: string;
  let said: string[];
  const stores: Store[] = [];
  beforeEach(() => {
    disk = new SmallDisk();
    path = join(disk.path, "agent.db");
    said = [];
  });
  const closeAll = () => {
    for (const store of stores.splice(0)) store.close();
  };
  afterEach(() => {
    closeAll();
    disk.dispose();
  });
  const open = () => {
    const store = openStore(path, (event) => said.push(event));
    stores.push(store);
    return store;
  };
  /** The agent dies, and another one starts. */
  const restart = () => {
    closeAll();
    return open();
  };
  const asideIsNothing = () => {
    expect(said).toEqual([]);
    expect(existsSync(`${path}.unreadable`)).toBe(false);
  };

  it("that is full keeps what a person commands, also across a restart, and the rest until there is room", () => {
    const store = open();
    store.set("applied", configId(1));
    disk.fill();
    expect(whyUnwritable(disk.path)).toBe("disk full");
    store.keepConfig(bigConfig(2), 1);
    expect([store.durable, whyRefused(store.trouble)]).toEqual([false, "disk full"]);
    store.set("stopped_here", true);
    expect(store.durable).toBe(true);
    expect(store.config(configId(2))).not.toBeNull();
    expect(new Store(path, () => {}).get("stopped_here")).toBe(true);
    disk.makeRoom();
    store.retry();
    expect(store.trouble).toBeNull();
    const again = restart();
    expect([again.get("applied"), again.get("stopped_here")]).toEqual([configId(1), true]);
    expect(again.config(configId(2))).not.toBeNull();
    asideIsNothing();
  });

  it("that was full from the first does without a file until there is room", () => {
    disk.fill();
    const store = open();
    store.set("stopped_here", true);
    expect([store.durable, store.get("stopped_here")]).toEqual([false, true]);
    disk.makeRoom();
    store.retry();
    expect(restart().get("stopped_here")).toBe(true);
    asideIsNothing();
  });

  it("that is read-only is read, and written once it is writable", () => {
    open().set("stopped_here", true);
    closeAll();
    disk.makeReadOnly();
    expect(whyUnwritable(disk.path)).toBe("disk full (read-only)");
    const store = open();
    expect(store.get("stopped_here")).toBe(true);
    store.set("applied", configId(1));
    expect([store.durable, whyRefused(store.trouble)]).toEqual([false, "disk full (read-only)"]);
    disk.makeWritable();
    store.retry();
    expect(store.trouble).toBeNull();
    const again = restart();
    expect([again.get("applied"), again.get("stopped_here")]).toEqual([configId(1), true]);
    asideIsNothing();
  });

  it("that has no inode left is read, and written where it is written over", () => {
    open().set("applied", configId(1));
    closeAll();
    disk.useUpInodes();
    expect(whyUnwritable(disk.path)).toBe("disk full (no inodes left)");
    open().set("stopped_here", true);
    const again = restart();
    expect([again.get("applied"), again.get("stopped_here")]).toEqual([configId(1), true]);
    asideIsNothing();
  });

  describe("with the file of an earlier release, whose agent was killed", () => {
    /** Its last words stand in the log beside it. */
    const leave = (shm: boolean) => {
      const elsewhere = join(mkdtempSync(join(all, "earlier-")), "agent.db");
      new Store(elsewhere, () => {}).close();
      const earlier = new DatabaseSync(elsewhere);
      earlier.exec("PRAGMA journal_mode = WAL");
      earlier.exec("INSERT OR REPLACE INTO kept VALUES ('stopped_here', 'true')");
      for (const beside of ["", "-wal", ...(shm ? ["-shm"] : [])]) copyFileSync(elsewhere + beside, path + beside);
      earlier.close();
    };

    it.each([
      ["full", () => disk.fill()],
      ["without an inode", () => disk.useUpInodes()],
      ["read-only", () => disk.makeReadOnly()],
    ])("knows of the stop on a disk that is %s", (_what, spoil) => {
      leave(true);
      spoil();
      expect(open().get("stopped_here")).toBe(true);
      asideIsNothing();
    });

    it("says that it cannot read it where that is so, and goes by it as soon as it can", () => {
      leave(false);
      disk.makeReadOnly();
      const store = open();
      store.set("applied", configId(1));
      expect(store.trouble).not.toBeNull();
      disk.makeWritable();
      store.retry();
      expect([store.trouble, store.get("stopped_here")]).toEqual([null, true]);
      const again = restart();
      expect([again.get("applied"), again.get("stopped_here")]).toEqual([configId(1), true]);
      asideIsNothing();
    });
  });

  it("that is full does not keep a damaged file from being set aside", () => {
    open().close();
    stores.splice(0);
    writeFileSync(path, "x".repeat(readFileSync(path).length));
    disk.fill();
    const store = open();
    expect(said).toEqual(["database_put_aside"]);
    store.set("stopped_here", true);
    expect(store.get("stopped_here")).toBe(true);
    disk.makeRoom();
    expect(restart().get("stopped_here")).toBe(true);
  });
});

/** A file that does what it is told to. */
class FaultyFile implements StoreFile {
  readonly #file = new SqliteFile(":memory:");
  fails = false;
  /** Rows that are too many for what room there is. */
  most = Number.POSITIVE_INFINITY;

  read(): Row[] {
    this.#fail(this.fails);
    return this.#file.read();
  }

  write(writes: readonly Write[]): void {
    this.#fail(this.fails || writes.length > this.most);
    this.#file.write(writes);
  }

  replace(rows: readonly Row[]): void {
    this.#fail(this.fails || rows.length > this.most);
    this.#file.replace(rows);
  }

  close(): void {}

  #fail(fails: boolean): void {
    if (fails) throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
  }
}

describe("the store over a file that fails", () => {
  let file: FaultyFile;
  beforeEach(() => {
    file = new FaultyFile();
  });
  const open = () => new Store(file, () => {});

  it("has in force what the file did not take, and brings it there later, all of it", () => {
    const store = open();
    store.set("applied", configId(1));
    file.fails = true;
    store.transaction(() => {
      store.beginCommand(configId(7), 1);
      store.set("stopped_here", true);
    });
    store.set("applied", null);
    store.queueAck({ config_id: configId(2), result: "applied" });
    expect(store.durable).toBe(false);
    expect([store.get("stopped_here"), store.get("applied"), store.command(configId(7))]).toEqual([
      true,
      null,
      "begun",
    ]);
    file.fails = false;
    expect(open().get("stopped_here")).toBeNull();
    store.retry();
    const again = open();
    expect([again.get("stopped_here"), again.get("applied"), again.command(configId(7))]).toEqual([
      true,
      null,
      "begun",
    ]);
    expect(again.nextAck()?.body.config_id).toBe(configId(2));
  });

  it("writes what is new by itself where there is no room for all that is owed", () => {
    const store = open();
    file.most = 1;
    store.transaction(() => {
      store.set("applied", configId(1));
      store.set("proven", configId(1));
    });
    expect(store.durable).toBe(false);
    store.set("stopped_here", true);
    expect([store.durable, store.trouble]).toEqual([true, expect.anything()]);
    expect(open().get("stopped_here")).toBe(true);
  });

  it("puts nothing in the place of what it has not read, and lets what was decided meanwhile stand", () => {
    const before = open();
    before.set("stopped_here", true);
    before.set("applied", configId(1));
    before.set("child", { pid: 7, start_ticks: "1" });
    file.fails = true;
    const store = open();
    expect(store.get("stopped_here")).toBeNull();
    store.set("applied", configId(2));
    store.set("child", null);
    file.fails = false;
    store.retry();
    for (const one of [store, open()]) {
      expect([one.get("stopped_here"), one.get("applied"), one.get("child")]).toEqual([true, configId(2), null]);
    }
  });

  it("forgets a transaction that was given up, in the file as well", () => {
    const store = open();
    const give_up = () =>
      store.transaction(() => {
        store.set("stopped_here", true);
        throw new Error("given up");
      });
    expect(give_up).toThrow("given up");
    store.set("applied", configId(1));
    expect([store.get("stopped_here"), open().get("stopped_here")]).toEqual([null, null]);
  });
});
