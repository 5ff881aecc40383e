/** The real agent, killed without a word at random moments: what it left is never taken for something else. */
import { existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "vitest";
import { readProcess } from "../../../bootstrap/agent/workload/process-tree.ts";
import { depth, tally } from "../../depth.ts";
import { prng } from "../../simulation/prng.ts";
import { botStates, withDatabase } from "./fixtures/bot-rows.ts";
import { agent, eachHasAnAgent, plane, running, until } from "./fixtures/one-agent.ts";

const SEED = Number(process.env.KILL_SEED ?? 1);
const KILLS = depth({ full: 50, quick: 6 });
/** After its start, or after that of its workload. */
const KILL_WITHIN_MS = 2500;
const SOON_MS = 400;

interface Started {
  pid: number;
  life: number;
  /** Others that were alive when it started. */
  beside: number[];
}

/** Every workload that was ever started, by its own account. */
function started(): Started[] {
  const path = join(agent.workload_state, "lives.log");
  const text = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
}

const isAlive = ({ pid }: Started) => readProcess(pid) !== null;

eachHasAnAgent();

describe(`SIGKILL at ${KILLS} random moments (KILL_SEED=${SEED})`, () => {
  it("leaves a database that can be read, and no workload beside another, unknown to it or that nobody decided on", async (context) => {
    const { expect } = context;
    const random = prng(SEED);
    const command = join(agent.directory, "bin", "openclaw");
    rmSync(command);
    symlinkSync(join(import.meta.dirname, "fixtures/openclaw-alone.mjs"), command);

    let life = 0;
    // Who is heard has ended what it found before.
    const survivors: Started[] = [];
    plane.override = ({ body }) => {
      // Of an earlier life a request may still be on its way.
      if (body?.boot_id === `life-${life}`) {
        survivors.push(...started().filter((each) => each.life < life && isAlive(each)));
      }
      return null;
    };
    const may_start = new Set<number>();
    const begin = (order: typeof plane.order) => {
      plane.order = order;
      if (order === "run") may_start.add(life);
      // A config in whose apply the agent has died is not tried again so soon.
      plane.publish(life + 1, "sk-good-one-key");
      agent.start({ SPAWNPOINT_TEST_LIFE: String(life), BOOT_ID: `life-${life}` });
    };
    const lives = { kills: 0, alive_at_a_kill: 0 };

    for (; life < KILLS; life++) {
      begin(random() < 0.75 ? "run" : random() < 0.5 ? "hold" : "stop");
      if (plane.order === "run" && random() < 0.5) {
        await until(() => expect(started().some((each) => each.life === life)).toBe(true));
        await sleep(random() * SOON_MS);
      } else {
        await sleep(random() * KILL_WITHIN_MS);
      }
      await agent.kill("SIGKILL");
      lives.kills++;
      const alive = started().filter(isAlive);
      if (alive.length > 0) lives.alive_at_a_kill++;
      expect(alive.length, `in life ${life}`).toBeLessThanOrEqual(1);
      if (!existsSync(join(agent.state, "agent.db"))) continue;
      expect(withDatabase(agent, (db) => db.prepare("PRAGMA integrity_check").get())).toEqual({
        integrity_check: "ok",
      });
      for (const { state } of alive.length > 0 ? botStates(agent) : [])
        expect(state, `in life ${life}`).toBe("Running");
    }

    begin("run");
    await until(() => expect(started().some((each) => each.life === life)).toBe(true));
    await until(() => expect(running()).toBe(true));
    expect(await agent.kill("SIGTERM")).toBe(0);
    expect(started().filter(isAlive)).toEqual([]);
    expect(started().filter(({ beside }) => beside.length > 0)).toEqual([]);
    expect(started().filter((each) => !may_start.has(each.life))).toEqual([]);
    expect(survivors).toEqual([]);
    expect(agent.output).not.toContain("database_put_aside");
    // Otherwise the moments were not such that anything could go wrong.
    expect(lives.alive_at_a_kill).toBeGreaterThan(0);
    tally(context, { kills: lives.kills });
  });
});
