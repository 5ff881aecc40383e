import { describe, it } from "vitest";
import type { EventBody } from "../../../src/bot/model/events.ts";
import type { Finished } from "../../../src/bot/reconcile/effects.ts";
import type { Outcome } from "../../../src/provider/outcome.ts";
import type { ProviderDroplet } from "../../../src/provider/schema.ts";
import { BOT_ID, FLEET, Life, MINUTE, SECOND } from "./life.ts";

const NAME = `${FLEET.prefix}-${BOT_ID.replaceAll("-", "")}-g1`;
const TAGS = [FLEET.tag, `bot-${BOT_ID}`, "gen-1"];

function shown(more: Partial<ProviderDroplet> = {}): ProviderDroplet {
  return { id: 1001, name: NAME, status: "active", tags: TAGS, ip_address: "203.0.113.7", ...more };
}

const FAILURES = {
  missing: { kind: "missing" },
  unknown: { kind: "unknown", detail: "no answer" },
  limited: { kind: "rate_limited", wait_ms: 5000 },
  unauthorized: { kind: "unauthorized", status: 401, detail: "no" },
  quota: { kind: "refused", reason: "quota", status: 422, detail: "full" },
  capacity: { kind: "refused", reason: "capacity", status: 422, detail: "none left" },
  tryAgain: { kind: "refused", reason: "try_again", status: 422, detail: "please try again" },
  pending: { kind: "refused", reason: "pending_event", status: 422, detail: "busy" },
  invalid: { kind: "refused", reason: "invalid", status: 422, detail: "bad size" },
} as const satisfies Record<string, Outcome<never>>;

function found<T>(value: T): Outcome<T> {
  return { kind: "ok", value };
}

/** Events in one line each, with what matters of them. */
function inShort(events: EventBody[]): string[] {
  return events.map(({ kind, data }) => {
    const { reason, accepted, for_good, how, via } = data as Record<string, unknown>;
    const said = [
      reason === undefined ? "" : String(reason),
      accepted === false ? "not taken" : "",
      for_good ? "for good" : "",
    ];
    return [kind, ...said, how ?? via ?? ""].filter((part) => part !== "").join(" ");
  });
}

describe("what a create teaches", () => {
  const TABLE: [string, Outcome<ProviderDroplet>, string[]][] = [
    ["202 for our droplet", found(shown()), ["intent_adopted post"]],
    ["202, tags not there yet", found(shown({ tags: [] })), ["intent_adopted post"]],
    ["202 for another name", found(shown({ name: "web-1" })), ["intent_unanswered"]],
    ["202 for a name that only begins like ours", found(shown({ name: `${NAME}2` })), ["intent_unanswered"]],
    ["202 for another generation of ours", found(shown({ name: `${NAME}2`, tags: [] })), ["intent_unanswered"]],
    ["202 with another bot's tag", found(shown({ tags: ["bot-somebody"] })), ["intent_unanswered"]],
    ["no answer", FAILURES.unknown, ["intent_unanswered"]],
    ["404", FAILURES.missing, ["intent_unanswered"]],
    ["429", FAILURES.limited, ["intent_refused", "waiting provider_rate_limited"]],
    ["401", FAILURES.unauthorized, ["intent_refused", "waiting provider_unauthorized"]],
    ["quota", FAILURES.quota, ["intent_refused", "waiting provider_quota"]],
    ["capacity", FAILURES.capacity, ["intent_refused", "waiting provider_capacity"]],
    ["please try again", FAILURES.tryAgain, ["intent_refused", "waiting provider_try_again"]],
    ["a bad request", FAILURES.invalid, ["intent_refused for good"]],
  ];
  for (const [what, outcome, events] of TABLE) {
    it(`${what}: ${events.join(", ")}`, async ({ expect }) => {
      const life = new Life().posted();
      expect(inShort(life.learn({ kind: "create_droplet", intent_id: life.intentId, outcome }))).toEqual(events);
    });
  }

  it("the droplet's id too, where a destroy was asked for meanwhile", async ({ expect }) => {
    const life = new Life().posted().cancelled().requested("destroy").tell({ kind: "credential_revoked", data: {} });
    life.tell(...life.learn({ kind: "create_droplet", intent_id: life.intentId, outcome: found(shown()) }));
    expect(life.bot.intents).toMatchObject([{ state: "adopted" }]);
    expect(life.bot.droplets).toMatchObject([{ id: 1001 }]);
    expect(life.decide()).toEqual({ do: { kind: "delete_droplet", droplet_id: 1001 } });
  });

  it("the droplet's id too, where its intent had been taken for absent", async ({ expect }) => {
    const life = new Life().posted();
    life.tell({ kind: "intent_absent", data: { intent_id: life.intentId } });
    life.tell(...life.learn({ kind: "create_droplet", intent_id: life.intentId, outcome: found(shown()) }));
    expect(life.bot).toMatchObject({ adopted: 1001, intents: [{ state: "adopted" }] });
  });
});

describe("what a read teaches", () => {
  const TABLE: [string, () => Life, Outcome<ProviderDroplet>, string[]][] = [
    ["active now", () => new Life().made(), found(shown()), ["droplet_observed id"]],
    [
      "the same for the first time by id",
      () => new Life().made(),
      found(shown({ status: "new", ip_address: null })),
      ["droplet_observed id"],
    ],
    ["nothing new", () => new Life().online(), found(shown()), []],
    [
      "that it is there after all",
      () => new Life().online().silent().missing("id"),
      found(shown()),
      ["droplet_observed id"],
    ],
    ["another name under its number", () => new Life().online(), found(shown({ name: "web-1" })), ["flag_raised"]],
    ["another bot's tag on it", () => new Life().online(), found(shown({ tags: ["bot-somebody"] })), ["flag_raised"]],
    ["404", () => new Life().online(), FAILURES.missing, ["droplet_missing id"]],
    ["no answer", () => new Life().online(), FAILURES.unknown, []],
    ["429", () => new Life().online(), FAILURES.limited, ["waiting provider_rate_limited"]],
    ["a droplet that nobody knows", () => new Life().posted(), found(shown()), []],
    ["404 for one that nobody knows", () => new Life().posted(), FAILURES.missing, []],
    ["a claim: ours", () => claimed(), found(shown()), ["intent_adopted registration"]],
    [
      "a claim: of another generation",
      () => claimed(),
      found(shown({ name: NAME.replace("-g1", "-g4"), tags: [] })),
      ["droplet_found registration"],
    ],
    ["a claim: not ours", () => claimed(), found(shown({ name: "web-1" })), ["claim_dropped"]],
    [
      "a claim: ours by name, another's by tag",
      () => claimed(),
      found(shown({ tags: ["bot-somebody"] })),
      ["claim_dropped"],
    ],
    ["a claim: no such droplet", () => claimed(), FAILURES.missing, ["claim_dropped"]],
  ];
  for (const [what, life, outcome, events] of TABLE) {
    it(`${what}: ${events.join(", ") || "nothing"}`, async ({ expect }) => {
      expect(inShort(life().learn({ kind: "get_droplet", droplet_id: 1001, outcome }))).toEqual(events);
    });
  }

  it("404 while replication lags is said once, and once more when the window is over", async ({ expect }) => {
    const life = new Life().made();
    const poll = () => {
      const events = life.wait(5 * SECOND).learn({ kind: "get_droplet", droplet_id: 1001, outcome: FAILURES.missing });
      life.tell(...events);
      return events.length;
    };
    const polls = Array.from({ length: 24 }, poll);
    expect(polls.slice(0, 23)).toEqual([1, ...Array.from({ length: 22 }, () => 0)]);
    expect(polls[23]).toBe(1);
  });
});

describe("what a DELETE teaches", () => {
  const TABLE: [string, Outcome<null>, string[]][] = [
    ["204", found(null), ["droplet_delete_ended"]],
    ["404", FAILURES.missing, ["droplet_delete_ended"]],
    ["no answer: it may have been taken", FAILURES.unknown, ["droplet_delete_ended"]],
    ["a pending event", FAILURES.pending, ["droplet_delete_ended not taken"]],
    ["429", FAILURES.limited, ["droplet_delete_ended not taken", "waiting provider_rate_limited"]],
    ["401", FAILURES.unauthorized, ["droplet_delete_ended not taken", "waiting provider_unauthorized"]],
  ];
  for (const [what, outcome, events] of TABLE) {
    it(`${what}: ${events.join(", ")}`, async ({ expect }) => {
      const life = new Life().online().requested("destroy");
      expect(inShort(life.learn({ kind: "delete_droplet", droplet_id: 1001, outcome }))).toEqual(events);
    });
  }
});

describe("what a power action teaches", () => {
  const TABLE: [string, Outcome<null>, string[]][] = [
    ["taken: nothing, the droplet's state will tell", found(null), []],
    ["no answer: nothing, the droplet's state will tell", FAILURES.unknown, []],
    ["a pending event", FAILURES.pending, ["power_refused"]],
    ["404", FAILURES.missing, ["power_refused"]],
    ["429", FAILURES.limited, ["power_refused", "waiting provider_rate_limited"]],
    ["401", FAILURES.unauthorized, ["power_refused", "waiting provider_unauthorized"]],
  ];
  for (const [what, outcome, events] of TABLE) {
    it(what, async ({ expect }) => {
      const life = new Life().online().requested("pause").powered("shutdown");
      const finished: Finished = { kind: "power", droplet_id: 1001, action: "shutdown", outcome };
      expect(inShort(life.learn(finished))).toEqual(events);
    });
  }
});

describe("a hold-up by the provider", () => {
  it("is said when it begins, not again, and when it is over", async ({ expect }) => {
    const life = new Life().online();
    const read = (outcome: Outcome<ProviderDroplet>) => {
      const events = life.learn({ kind: "get_droplet", droplet_id: 1001, outcome });
      life.tell(...events);
      return inShort(events);
    };
    expect(read(FAILURES.limited)).toEqual(["waiting provider_rate_limited"]);
    expect(read(FAILURES.limited)).toEqual([]);
    expect(read(FAILURES.unknown)).toEqual([]);
    expect(read(found(shown()))).toEqual(["waiting null"]);
  });
});

function claimed(): Life {
  const life = new Life().posted().wait(MINUTE);
  return life.tell({ kind: "registration_claimed", data: { intent_id: life.intentId, droplet_id: 1001 } });
}
