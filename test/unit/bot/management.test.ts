import { describe, it } from "vitest";
import * as management from "../../../src/bot/calls/management.ts";
import { publishConfig } from "../../../src/bot/calls/publish-config.ts";
import { suspend, unsuspend } from "../../../src/bot/calls/suspend.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import type { Scope } from "../../../src/records/caller.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { Life } from "./life.ts";
import { stored } from "./stored.ts";

const OWNER = { account_id: new Life().bot.account_id };
const STRANGER = { account_id: "a0000000-0000-4000-8000-00000000ffff" };

/** Everything that may be asked of one bot, by a caller with this reach. */
async function askEverything(scope: Scope) {
  const shell = stored(new Life().online());
  const { revision } = shell.present().bot;
  const caller = { ...OPERATOR, scope, request_id: "r1" };
  const first = shell.present().bot.operation.id;
  const answers = {
    snapshot: management.snapshot(shell, scope),
    operations: management.listOperations(shell, scope),
    events: management.listEvents(shell, scope, 0, 10),
    config: management.desiredConfig(shell, scope),
    cancel: management.cancelOperation(shell, { ...caller, request_id: "r2" }, first),
    patch: management.patchBot(shell, caller, { name: "Renamed" }),
    publish: await publishConfig(shell, { ...caller, request_id: "r3" }, { patch: { note: "mine" }, if_match: null }),
    act: management.act(shell, caller, "pause"),
    suspend: suspend(shell, { ...caller, request_id: "r4" }, "payment_failed"),
    unsuspend: unsuspend(shell, { ...caller, request_id: "r5" }),
  };
  return { answers, changed: shell.present().bot.revision !== revision };
}

describe("one account's bot", () => {
  it("answers its own account and the operator", async ({ expect }) => {
    for (const scope of [OWNER, { every_account: true } as const]) {
      const { answers, changed } = await askEverything(scope);
      const { cancel, ...others } = answers;
      for (const [what, answer] of Object.entries(others)) expect(answer, what).toMatchObject({ ok: true });
      expect(cancel).toMatchObject({ ok: false, code: "operation_committed" });
      expect(changed).toBe(true);
    }
  });

  it("answers another account like a bot that does not exist, and changes nothing for it", async ({ expect }) => {
    const { answers, changed } = await askEverything(STRANGER);
    for (const [what, answer] of Object.entries(answers)) {
      expect(answer, what).toMatchObject({ ok: false, code: "bot_not_found" });
    }
    expect(changed).toBe(false);
  });
});

describe("destroying a bot that has no droplet yet", () => {
  const STAGES = [
    ["pending", () => new Life()],
    ["provisioning", () => new Life().posted()],
  ] as const;
  it.for(STAGES)("cancels its create and leaves it %s until it is destroyed", ([status, life], { expect }) => {
    const shell = stored(life());
    management.act(shell, { ...OPERATOR, scope: OWNER, request_id: "r1" }, "destroy");
    expect(shell.present().bot).toMatchObject({ status, reason: "destroy", error: null });
    expect(management.listOperations(shell, OWNER)).toMatchObject({
      value: [{ kind: "destroy" }, { kind: "create", state: "cancelled" }],
    });
  });
});

describe("cancelling an operation", () => {
  const caller = { ...OPERATOR, scope: OWNER, request_id: "r1" };

  it("is possible until it has begun to act", async ({ expect }) => {
    const life = new Life().online().requested("pause");
    const shell = stored(life);
    expect(management.cancelOperation(shell, caller, life.bot.operation.id)).toMatchObject({
      ok: true,
      value: { state: "cancelled" },
    });
  });

  it("is refused where it came instead of one that had begun to act", async ({ expect }) => {
    for (const [life, state, answer] of [
      [new Life().online().requested("redeploy"), "queued", { ok: true }],
      [
        new Life().online().requested("redeploy").tell({ kind: "credential_revoked", data: {} }),
        "running",
        { ok: false },
      ],
      [new Life().posted(), "running", { ok: false, code: "operation_committed" }],
    ] as const) {
      const shell = stored(life);
      management.act(shell, caller, "destroy");
      const { id } = shell.present().bot.operation;
      expect(shell.present().bot.operation).toMatchObject({ kind: "destroy", state });
      expect(management.cancelOperation(shell, { ...caller, request_id: "r2" }, id)).toMatchObject(answer);
    }
  });

  it("is refused from its first intent on", async ({ expect }) => {
    const life = new Life().online().requested("pause").powered("shutdown");
    const shell = stored(life);
    expect(management.cancelOperation(shell, caller, life.bot.operation.id)).toMatchObject({
      ok: false,
      code: "operation_committed",
    });
    expect(shell.present().bot.operation.state).toBe("running");
  });

  it("is refused where what it pre-empted had begun: a POST whose droplet may still come is not left alone", async ({
    expect,
  }) => {
    const destroy = (life: Life) => {
      const shell = stored(life);
      management.act(shell, caller, "destroy");
      return shell;
    };
    const cancel = (shell: BotShell) =>
      management.cancelOperation(shell, { ...caller, request_id: "r2" }, shell.present().bot.operation.id);
    expect(cancel(destroy(new Life()))).toMatchObject({ ok: true, value: { state: "cancelled" } });
    const begun = destroy(new Life().posted());
    expect(cancel(begun)).toMatchObject({ ok: false, code: "operation_committed" });
    expect(begun.present().bot.operation).toMatchObject({ kind: "destroy", state: "running" });
  });

  it("is refused of a suspend from the beginning", async ({ expect }) => {
    const life = new Life().online().suspending();
    const answer = management.cancelOperation(stored(life), caller, life.bot.operation.id);
    expect(answer).toMatchObject({ ok: false, code: "operation_committed" });
  });
});
