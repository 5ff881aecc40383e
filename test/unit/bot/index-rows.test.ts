import { describe, it } from "vitest";
import { botRow } from "../../../src/bot/shell/outbox-rows.ts";
import { HOUR, Life, MINUTE } from "./life.ts";

function due(life: Life): number | null {
  const { next_due_at } = botRow(life.bot, life.rt);
  return next_due_at === null ? null : next_due_at - life.bot.updated_at;
}

describe("when a bot's work is overdue", () => {
  const cases: { name: string; life: Life; works: boolean }[] = [
    { name: "a create under way", life: new Life(), works: true },
    { name: "online, nothing asked", life: new Life().online(), works: false },
    { name: "paused", life: new Life().paused(), works: false },
    { name: "silent, nothing begun", life: new Life().online().silent(), works: false },
    { name: "a pause under way", life: new Life().online().requested("pause"), works: true },
    {
      name: "a config that its agent has not applied",
      life: new Life().online().tell({
        kind: "config_published",
        data: { config: { id: "c2", version: 2 }, paper_mode: true, restored_from: null },
      }),
      works: true,
    },
    { name: "destroyed", life: new Life().online().destroyed(), works: false },
  ];
  for (const { name, life, works } of cases) {
    it(`${works ? "counts" : "does not count"}: ${name}`, ({ expect }) => {
      expect(due(life)).toBe(works ? 15 * MINUTE : null);
    });
  }

  it("says what is under way, and since when", ({ expect }) => {
    const life = new Life().online().wait(HOUR).requested("pause");
    expect(botRow(life.bot, life.rt)).toMatchObject({ operation_kind: "pause", operation_since: life.now });
    expect(botRow(life.cancelled().bot, life.rt)).toMatchObject({ operation_kind: null, operation_since: null });
  });

  it("counts a surplus droplet of a destroyed bot until it is gone", ({ expect }) => {
    const life = new Life().online().destroyed();
    life.tell({ kind: "droplet_found", data: { droplet: life.facts({ id: 9_001 }), via: "sweep" } });
    expect(due(life)).toBe(15 * MINUTE);
    expect(due(life.gone(9_001))).toBe(null);
  });
});
