import { describe, it } from "vitest";
import { Waiters, waitFor } from "../../../src/bot/calls/wait.ts";
import type { Scope } from "../../../src/records/caller.ts";
import type { BotStatus } from "../../../src/wire/enums.ts";
import { Life } from "./life.ts";
import { stored } from "./stored.ts";

const OPERATOR = { every_account: true } as const;
const MAX_WAITERS = 5;
const silent = { kind: "agent_silent", data: { last_seen_at: null } } as const;
const heard = { kind: "agent_heard", data: { via: "http" } } as const;

function setUp(life = new Life().online()) {
  const waiters = new Waiters();
  const shell = stored(life, {}, undefined, waiters);
  const waiting = (status: BotStatus, scope: Scope = OPERATOR) => {
    const patience = Promise.withResolvers<void>();
    return { answer: waitFor(shell, waiters, { scope, status }, patience.promise), end: patience.resolve };
  };
  return { shell, waiters, waiting };
}

/** Their answers are on their way: it takes no time, only turns. */
async function noneWaits(waiters: Waiters): Promise<void> {
  for (let turn = 0; waiters.count > 0; turn++) {
    if (turn > 100) throw new Error(`${waiters.count} still wait`);
    await Promise.resolve();
  }
}

describe("whoever waits for a status", () => {
  it("is answered at once where the bot has it", async ({ expect }) => {
    const { waiters, waiting } = setUp();
    expect(await waiting("online").answer).toMatchObject({ ok: true, value: { reached: true } });
    expect(waiters.count).toBe(0);
  });

  it("is answered by the commit that brings it, with the bot as that commit left it", async ({ expect }) => {
    const { shell, waiters, waiting } = setUp();
    const [first, second] = [waiting("unresponsive"), waiting("unresponsive")];
    shell.commit({});
    expect(waiters.count).toBe(2);
    shell.commit({ events: [silent] });
    const { revision } = shell.present().bot;
    // By the time of the answer it is over again: it has been reached all the same.
    shell.commit({ events: [heard] });
    await noneWaits(waiters);
    for (const { answer } of [first, second]) {
      expect(await answer).toMatchObject({ value: { reached: true, bot: { status: "unresponsive", revision } } });
    }
    expect(waiters.count).toBe(0);
  });

  it("is not answered by another status", async ({ expect }) => {
    const { shell, waiters, waiting } = setUp();
    const { answer, end } = waiting("paused");
    shell.commit({ events: [silent] });
    expect(waiters.count).toBe(1);
    end();
    expect(await answer).toMatchObject({ value: { reached: false, bot: { status: "unresponsive" } } });
    expect(waiters.count).toBe(0);
  });

  it("is answered when the bot is destroyed: nothing else comes", async ({ expect }) => {
    const { shell, waiters, waiting } = setUp(new Life().online().requested("destroy"));
    const { answer } = waiting("online");
    expect(await answer).toMatchObject({ value: { reached: true } });
    const { answer: paused } = waiting("paused");
    shell.commit({ events: [{ kind: "destroyed", data: {} }] });
    await noneWaits(waiters);
    expect(await paused).toMatchObject({ value: { reached: false, bot: { status: "destroyed" } } });
    expect(await waiting("online").answer).toMatchObject({ value: { reached: false } });
    expect(await waiting("destroyed").answer).toMatchObject({ value: { reached: true } });
  });

  it("is one of five; an end makes room", async ({ expect }) => {
    const { waiters, waiting } = setUp();
    const callers = Array.from({ length: MAX_WAITERS }, () => waiting("paused"));
    const sixth = waiting("paused");
    sixth.end();
    expect(await sixth.answer).toMatchObject({ ok: false, code: "too_many_waiters", retry_after_s: 5 });
    // Whoever need not wait takes no place.
    expect(await waiting("online").answer).toMatchObject({ value: { reached: true } });
    callers[0]?.end();
    await callers[0]?.answer;
    const late = waiting("paused");
    expect(waiters.count).toBe(MAX_WAITERS);
    for (const { end } of [...callers, late]) end();
    await Promise.all([...callers, late].map(({ answer }) => answer));
    expect(waiters.count).toBe(0);
  });

  it("waits for its own account's bots only", async ({ expect }) => {
    const { waiting } = setUp();
    const stranger = { account_id: "a0000000-0000-4000-8000-00000000ffff" };
    expect(await waiting("online", stranger).answer).toMatchObject({ ok: false, code: "bot_not_found" });
  });
});
