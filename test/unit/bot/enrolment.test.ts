/**
 * An intent's token as two releases share it: this one writes the record `enrolment` beside the fields `token_…`, the one
 * before reads and writes those fields alone.
 */
import { describe, it } from "vitest";
import { z } from "zod";
import type { BotEvent } from "../../../src/bot/model/events.ts";
import { apply } from "../../../src/bot/model/fold.ts";
import { BotState, Intent } from "../../../src/bot/model/state.ts";
import { deepFreeze, Life } from "./life.ts";

type State = "live" | "used" | "killed";
/** What only a newer release knows. */
const UNHEARD_OF = "from_the_future" as State;

/** The release before, as far as it knows of intents and droplets: what it does not know it keeps as it was. */
const before = {
  Intent: z.looseObject({
    id: z.string(),
    generation: z.int(),
    droplet_name: z.string(),
    tags: z.array(z.string()),
    token_hash: z.string(),
    token_expires_at: z.number(),
    token_state: z.enum(["live", "used", "killed"]),
    opened_at: z.number(),
    ended_at: z.number().nullable(),
    looks: z.array(z.looseObject({ how: z.enum(["name", "tag", "list"]), began_at: z.number() })),
    state: z.enum(["open", "adopted", "refused", "absent"]),
    refused_for_good: z.boolean(),
  }),
  /** What it makes of the tokens when an agent registers, or when all credentials are revoked. */
  moveOn: (text: string, token_state: State): unknown => {
    const bot = JSON.parse(text);
    return { ...bot, intents: bot.intents.map((intent: object) => ({ ...before.Intent.parse(intent), token_state })) };
  },
};

const OLD = {
  id: "i",
  generation: 1,
  droplet_name: "sp-00c0ffee-x-g1",
  tags: [],
  token_hash: "h",
  token_expires_at: 5,
  token_state: "live" as State,
  opened_at: 1,
  ended_at: null,
  looks: [],
  state: "open",
  refused_for_good: false,
};

function withEnrolment(token_state: State, state: State) {
  return { ...OLD, token_state, enrolment: { token_hash: "h", expires_at: 5, state } };
}

describe("an intent that is stored", () => {
  it("by the release before is one of a droplet, and its token what the fields say", ({ expect }) => {
    for (const token_state of ["live", "used", "killed"] as const) {
      const enrolment = { token_hash: "h", expires_at: 5, state: token_state };
      expect(Intent.parse({ ...OLD, token_state })).toEqual({ ...OLD, token_state, kind: "droplet", enrolment });
    }
  });

  const TABLE: [was: State, field: State, read: State][] = [
    ["live", "live", "live"],
    ["live", "used", "used"],
    ["live", "killed", "killed"],
    ["used", "killed", "killed"],
    ["used", "live", "used"],
    ["killed", "live", "killed"],
    ["killed", "used", "killed"],
    ["live", UNHEARD_OF, UNHEARD_OF],
    [UNHEARD_OF, "killed", UNHEARD_OF],
  ];
  it.for(TABLE)("enrolment %s beside the field %s: the token is %s, in both", ([was, field, read], { expect }) => {
    expect(Intent.parse(withEnrolment(field, was))).toMatchObject({ token_state: read, enrolment: { state: read } });
  });

  it("has the hash and the expiry that the release before reads", ({ expect }) => {
    const stored = { ...withEnrolment("live", "live"), token_hash: "other", token_expires_at: 9 };
    expect(Intent.parse(stored).enrolment).toEqual({ token_hash: "other", expires_at: 9, state: "live" });
  });

  it("keeps what a later release has added", ({ expect }) => {
    const stored = { ...OLD, enrolment: { token_hash: "h", expires_at: 5, state: "live", uses: 3 }, later: 1 };
    expect(Intent.parse(stored)).toMatchObject({ later: 1, enrolment: { uses: 3 } });
  });

  it("of a kind that this release does not know can be read", ({ expect }) => {
    expect(Intent.parse({ ...OLD, kind: "volume" }).kind).toBe("volume");
  });
});

const LIVES: [string, () => Life][] = [
  ["its POST is under way", () => new Life().posted()],
  ["its POST was refused", () => new Life().posted().tell(refused)],
  ["its droplet is made", () => new Life().made()],
  ["its agent has registered", () => new Life().made().read("active").registered()],
  ["everything was revoked", () => new Life().online().requested("destroy").tell(revoked)],
];
const refused = {
  kind: "intent_refused",
  data: { intent_id: "intent-1-g1", code: "quota", detail: "full", for_good: false },
} as const;
const revoked = { kind: "credential_revoked", data: {} } as const;

describe.for(LIVES)("a bot while %s", ([, live]) => {
  it("is stored so that the release before reads the same token", ({ expect }) => {
    const { intents } = JSON.parse(JSON.stringify(live().bot));
    for (const intent of intents) {
      const { token_hash, token_expires_at: expires_at, token_state: state } = before.Intent.parse(intent);
      expect(intent.enrolment).toEqual({ token_hash, expires_at, state });
    }
    expect(intents).not.toEqual([]);
  });

  it("is read back as it was, and so from what the release before wrote of it", ({ expect }) => {
    const { bot } = live();
    const stored = JSON.parse(JSON.stringify(bot));
    expect(BotState.parse(stored)).toEqual(bot);
    expect(BotState.parse(asBefore(stored))).toEqual(bot);
  });

  it("is believed nothing that a rollback took away, forth and back again", ({ expect }) => {
    for (const token_state of ["used", "killed"] as const) {
      const again = BotState.parse(before.moveOn(JSON.stringify(live().bot), token_state));
      for (const intent of again.intents) expect(intent.enrolment.state).not.toBe("live");
      const folded = BotState.parse(JSON.parse(JSON.stringify(again)));
      expect(folded).toEqual(again);
    }
  });

  it("is the same when a snapshot brings it, in either shape", ({ expect }) => {
    const { bot, now } = live();
    const snapshot = (of: BotState): BotEvent => {
      return { kind: "snapshot", data: { bot: of }, seq: bot.revision + 1, at: now, actor: "spawnpoint" };
    };
    const stored = JSON.parse(JSON.stringify(bot));
    const brought = apply(null, deepFreeze(snapshot(stored)));
    expect(brought.intents).toEqual(bot.intents);
    expect(apply(null, snapshot(asBefore(stored) as BotState))).toEqual(brought);
  });
});

/** The state without what this release has added. */
function asBefore(stored: { intents: object[]; droplets: object[] }): unknown {
  const without = (parts: object[]) => parts.map((part) => ({ ...part, kind: undefined, enrolment: undefined }));
  return JSON.parse(
    JSON.stringify({ ...stored, intents: without(stored.intents), droplets: without(stored.droplets) }),
  );
}
