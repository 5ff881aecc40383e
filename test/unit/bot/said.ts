/** What is said of bots, row by row. */
import { describe, it } from "vitest";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { viewBot } from "../../../src/bot/view/bot.ts";
import { summarise } from "../../../src/bot/view/summary.ts";
import { type Life, MINUTE } from "./life.ts";

/** The status and the reason that a row is about, the life that has them, and what is said of it. */
export type Said = [status: string, reason: string | null, life: () => Life, says: string];

export function describeSaid(what: string, table: readonly Said[]): void {
  describe(what, () => {
    for (const [status, reason, life, says] of table) {
      it(`${status}, ${reason ?? "nothing in particular"}: ${says}`, ({ expect }) => {
        const lived = life();
        expect(lived.bot).toMatchObject({ status, reason });
        expect(summaryOf(lived)).toBe(says);
        expect(viewBot(lived.bot, lived.rt, lived.now, defaultPolicy).summary).toBe(says);
      });
    }
  });
}

export function summaryOf(life: Life): string {
  return summarise(life.bot, life.rt, life.decide(), life.now);
}

export function waits(reason: string) {
  return { kind: "waiting", data: { reason } } as const;
}

/** Nothing may be tried for ten minutes. */
export function holdingBack(life: Life): Life {
  life.rt = { ...life.rt, not_before: life.now + 10 * MINUTE };
  return life;
}
