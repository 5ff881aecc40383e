import { describe, it } from "vitest";
import { runAlarm } from "../../../src/bot/alarm/run.ts";
import { botRow } from "../../../src/bot/shell/outbox-rows.ts";
import type { Platform } from "../../../src/bot/shell/ports.ts";
import { SqliteStorage } from "../../simulation/sqlite-storage.ts";
import { Life, MINUTE, SECOND } from "./life.ts";
import { stored } from "./stored.ts";

const generous = { permit: async () => ({ granted: true, create_ms: 0 }) as const, report: async () => undefined };

describe("an alarm", () => {
  it("that meets an error ends without one, and is set again", async ({ expect }) => {
    const life = new Life();
    const storage = new SqliteStorage();
    const errors: unknown[] = [];
    const shell = stored(life, { log: (entry) => errors.push(entry.event) }, storage);
    await expect(runAlarm(shell)).resolves.toBeUndefined();
    expect(errors).toEqual(["alarm_failed"]);
    expect(storage.alarmAt).toBeGreaterThan(life.now);
    expect(storage.alarmAt).toBeLessThanOrEqual(life.now + 5 * MINUTE);
  });

  it("takes a create that throws for one without an answer: its droplet is looked for", async ({ expect }) => {
    const life = new Life();
    const shell = stored(life, { gate: generous, index: { push: async () => undefined } });
    await runAlarm(shell);
    expect(shell.present().bot.intents).toMatchObject([{ state: "open", ended_at: life.now }]);
  });

  it("gives the place among the creates back where the create was refused", async ({ expect }) => {
    const life = new Life();
    const reports: unknown[] = [];
    const report = async (said: unknown) => void reports.push(said);
    const createDroplet = async () => ({ kind: "refused", reason: "quota", status: 422, detail: "no" }) as const;
    const provider = new Proxy({}, { get: () => createDroplet }) as Platform["provider"];
    const index = { push: async () => undefined };
    await runAlarm(stored(life, { gate: { ...generous, report }, index, provider }));
    expect(reports).toEqual([{ kind: "create_refused", bot_id: life.bot.id }]);
  });

  it("keeps why a row could not be delivered, without the row", async ({ expect }) => {
    const life = new Life();
    const storage = new SqliteStorage();
    const push = () =>
      Promise.reject(new Error(`Failed query: insert into bots values (?)\nparams: a note,${"x".repeat(9_000)}`));
    const shell = stored(life, { gate: generous, index: { push } }, storage);
    shell.commit({ entries: [{ kind: "bot", row: botRow(life.bot, life.rt) }] });
    await runAlarm(shell);
    const [row] = storage.sql.exec<{ last_error: string }>(
      "SELECT last_error FROM outbox WHERE last_error IS NOT NULL",
    );
    expect(row?.last_error).toBe("Failed query: insert into bots values (?) params: [redacted]");
  });

  it("that a deploy has eaten is set again by the next caller, once it is a minute late", async ({ expect }) => {
    for (const [late, repaired] of [
      [59 * SECOND, false],
      [61 * SECOND, true],
    ] as const) {
      const life = new Life().online();
      life.rt = { ...life.rt, alarm_at: life.now };
      const storage = new SqliteStorage();
      stored(life.wait(late), {}, storage).repairAlarm();
      expect(storage.alarmAt !== null).toBe(repaired);
    }
  });
});
