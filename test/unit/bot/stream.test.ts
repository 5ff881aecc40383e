import { describe, it } from "vitest";
import { patchBot } from "../../../src/bot/calls/management.ts";
import { admitReader, catchUp } from "../../../src/bot/calls/stream.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import type { EventFrame } from "../../../src/wire/bot.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { type FakeSocket, FakeSockets } from "../../simulation/fake-sockets.ts";
import { Life } from "./life.ts";
import { stored } from "./stored.ts";

const MAX_STREAMS = 20;

function setUp(life = new Life().online()) {
  const sockets = new FakeSockets();
  const logged: Record<string, unknown>[] = [];
  const shell = stored(life, { sockets, log: (entry) => logged.push(entry) });
  return { shell, sockets, logged, newest: life.bot.revision };
}

/** What the object does with a `Connect`. */
function follow(shell: BotShell, sockets: FakeSockets, after = 0): FakeSocket {
  const reader = admitReader(shell, { tag: "events", scope: OPERATOR.scope, after });
  if (!reader.ok) throw new Error(reader.code);
  const socket = sockets.accept("events", reader.value);
  catchUp(shell, socket);
  return socket;
}

function rename(shell: BotShell, name: string): void {
  patchBot(shell, { ...OPERATOR, actor: "operator:1", request_id: name }, { name });
}

/** Takes what has come. */
function read({ inbox }: FakeSocket): EventFrame[] {
  return inbox.splice(0).map((text) => JSON.parse(text));
}

function numbers(socket: FakeSocket): number[] {
  return read(socket).map(({ seq }) => seq);
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe("a reader of the history", () => {
  it("gets what there is after its number, then each commit's events", ({ expect }) => {
    const { shell, sockets, newest } = setUp();
    const [all, some, none] = [0, 3, newest].map((after) => follow(shell, sockets, after)) as [
      FakeSocket,
      FakeSocket,
      FakeSocket,
    ];
    expect([numbers(all), numbers(some), numbers(none)]).toEqual([upTo(newest), upTo(newest, 4), []]);
    rename(shell, "Day Owl");
    for (const socket of [all, some, none]) {
      expect(read(socket)).toMatchObject([
        { type: "event", seq: newest + 1, kind: "changed", actor: "operator:1", after: { status: "online" } },
      ]);
    }
  });

  it("gets a long history whole, however many pages it takes", ({ expect }) => {
    const { shell, sockets } = setUp();
    const socket = follow(shell, sockets);
    for (let count = 0; count < 450; count++) rename(shell, `Owl ${count}`);
    const { revision } = shell.present().bot;
    expect(numbers(socket)).toEqual(upTo(revision));
    expect(numbers(follow(shell, sockets))).toEqual(upTo(revision));
  });

  it("goes on where it was when another process of the object commits", ({ expect }) => {
    const life = new Life().online();
    const { shell, sockets, newest } = setUp(life);
    const socket = follow(shell, sockets);
    // The attachment is all that hibernation leaves.
    expect(socket.attachment()).toEqual({ sent: newest });
    socket.attach({ sent: newest - 2 });
    numbers(socket);
    rename(shell, "Day Owl");
    expect(numbers(socket)).toEqual([newest - 1, newest, newest + 1]);
  });

  it("gets nothing of a commit that did not come about", ({ expect }) => {
    const { shell, sockets, newest } = setUp();
    const socket = follow(shell, sockets, newest);
    const { id } = shell.present().bot.operation;
    const unstorable = { key: "k", body_hash: "", result: undefined };
    expect(() => shell.commit({ events: [failure(id)], answer: unstorable })).toThrow();
    expect(numbers(socket)).toEqual([]);
    expect(shell.present().bot.revision).toBe(newest);
  });

  it("gets no hash and no snapshot's content", ({ expect }) => {
    const { shell, sockets } = setUp();
    shell.commit({ events: [{ kind: "snapshot", data: { bot: shell.present().bot } }] });
    const text = follow(shell, sockets).inbox.join();
    expect(text).toContain('"kind":"snapshot"');
    for (const secret of ["c".repeat(64), "a".repeat(64), "token_hash", "credential_sha256"]) {
      expect(text).not.toContain(secret);
    }
  });

  it("that fails disturbs neither the commit nor another reader", ({ expect }) => {
    const { shell, sockets, logged, newest } = setUp();
    const broken = follow(shell, sockets, newest);
    const sound = follow(shell, sockets, newest);
    broken.attachment = () => {
      throw new Error("this socket is broken");
    };
    rename(shell, "Day Owl");
    expect(shell.present().bot.name).toBe("Day Owl");
    expect(numbers(sound)).toEqual([newest + 1]);
    expect(logged).toMatchObject([{ event: "stream_failed" }]);
  });

  it("is one of twenty, and may be of the bot's account only", ({ expect }) => {
    const { shell, sockets } = setUp();
    const stranger = { account_id: "a0000000-0000-4000-8000-00000000ffff" };
    expect(admitReader(shell, { tag: "events", scope: stranger, after: 0 })).toMatchObject({ code: "bot_not_found" });
    const followers = Array.from({ length: MAX_STREAMS }, () => follow(shell, sockets));
    const refused = admitReader(shell, { tag: "events", scope: OPERATOR.scope, after: 0 });
    expect(refused).toMatchObject({ ok: false, code: "too_many_streams" });
    // An agent's socket is nobody's stream.
    sockets.accept("agent", null);
    for (const follower of followers.slice(0, 1)) sockets.drop(follower);
    expect(admitReader(shell, { tag: "events", scope: OPERATOR.scope, after: 7 })).toEqual({
      ok: true,
      value: { sent: 7 },
    });
  });
});

function failure(operation_id: string) {
  return { kind: "operation_failed", data: { operation_id, code: "x", detail: "x" } } as const;
}
