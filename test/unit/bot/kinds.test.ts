/** A later release may have left resources of kinds that this one does not know among those of the bot. */
import { describe, it } from "vitest";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { BotState } from "../../../src/bot/model/state.ts";
import { reconcile } from "../../../src/bot/reconcile/reconcile.ts";
import { nextAlarm } from "../../../src/bot/reconcile/schedule.ts";
import { HOUR, Life, MINUTE } from "./life.ts";

/** The bot as it is read back once what it still works on is of another kind. */
function ofAnotherKind({ bot }: Life): BotState {
  const kind = "volume";
  const intents = bot.intents.map((intent) => (intent.state === "open" ? { ...intent, kind } : intent));
  return BotState.parse({ ...bot, intents, droplets: bot.droplets.map((droplet) => ({ ...droplet, kind })) });
}

const LIVES: [string, () => Life][] = [
  ["an unanswered create, long ago", () => new Life().posted().unanswered().wait(HOUR)],
  ["an unanswered create while it is destroyed", () => destroying(new Life().posted().unanswered()).wait(HOUR)],
  ["something to be deleted", () => destroying(new Life().online())],
  ["something surplus", () => withSurplus(new Life().online()).wait(MINUTE)],
  ["something left after it was destroyed", () => withSurplus(new Life().online().destroyed()).wait(HOUR)],
];

describe.for(LIVES)("of an unknown kind, %s", ([, live]) => {
  it("is neither looked for, deleted nor concluded, and is left for the release that knows it", ({ expect }) => {
    const life = live();
    const bot = ofAnotherKind(life);
    const decision = reconcile(bot, life.rt, life.now, defaultPolicy);
    expect(decision).toEqual({ wait: life.now + HOUR, for: "newer_release" });
    const { at } = nextAlarm(bot, life.rt, life.now, defaultPolicy, null);
    expect(at).toBeGreaterThan(life.now);
    expect(at).toBeLessThanOrEqual(life.now + HOUR);
  });
});

function destroying(life: Life): Life {
  return life.requested("destroy").tell({ kind: "credential_revoked", data: {} });
}

function withSurplus(life: Life): Life {
  return life.tell({ kind: "droplet_found", data: { droplet: life.facts({ id: 77 }), via: "tag" } });
}
