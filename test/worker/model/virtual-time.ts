/**
 * Time that passes only when it is told to. The objects are real, in workerd; their clock is set to a day that is far
 * away, so the platform never wakes them by itself, and their alarms run here, in the order in which they are due.
 * What a test sees between two alarms stays as it is until the test goes on.
 */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";

const FAR_AWAY = Date.UTC(2100, 0, 1);

/** Whose alarm it is: a bot's id, or the gate. */
export type Sleeper = string | "gate";

export class VirtualTime {
  constructor() {
    vi.useFakeTimers({ toFake: ["Date"], now: FAR_AWAY });
  }

  get now(): number {
    return Date.now();
  }

  /** Goes on to an instant without waking anybody. */
  goTo(instant: number): void {
    vi.setSystemTime(Math.max(this.now, instant));
  }

  /** Whose alarm is due first, and when; null: nobody awaits anything. */
  async nextAlarm(sleepers: readonly Sleeper[]): Promise<{ who: Sleeper; at: number } | null> {
    const alarms = await Promise.all(
      sleepers.map(async (who) => ({
        who,
        at: await runInDurableObject(stubOf(who), (_object, { storage }) => storage.getAlarm()),
      })),
    );
    return alarms.reduce<{ who: Sleeper; at: number } | null>(
      (first, { who, at }) => (at !== null && (first === null || at < first.at) ? { who, at } : first),
      null,
    );
  }

  /** Runs an alarm at the instant for which it is set. */
  async ring(who: Sleeper, at: number): Promise<void> {
    this.goTo(at);
    await runDurableObjectAlarm(stubOf(who));
  }
}

function stubOf(who: Sleeper): DurableObjectStub {
  const stub = who === "gate" ? env.GATE.getByName("digitalocean") : env.BOT.getByName(who);
  return stub as unknown as DurableObjectStub;
}
