import { describe, it } from "vitest";
import { publishConfig } from "../../../src/bot/calls/publish-config.ts";
import type { Vault } from "../../../src/secrets/vault.ts";
import { OPERATOR } from "../../fixtures/caller.ts";
import { Life } from "./life.ts";
import { stored } from "./stored.ts";

const caller = { ...OPERATOR, request_id: "r1" };
const change = { patch: { strictness: "high" }, if_match: null } as const;

describe("publishing while the secret is being sealed", () => {
  it("loses nothing that another writer commits meanwhile: the change goes on top of it", async ({ expect }) => {
    let sealed = 0;
    const vault: Vault = {
      open: async (envelope) => envelope,
      seal: async (text) => {
        if (++sealed === 1) await publishConfig(shell, { ...caller, request_id: "r2" }, otherChange);
        return text;
      },
    };
    const shell = stored(new Life().online(), { vault });
    const otherChange = { patch: { algorithm: "breakout" }, if_match: null } as const;
    const published = await publishConfig(shell, caller, change);
    expect(published).toMatchObject({
      ok: true,
      value: { version: 3, trading_config: { strictness: "high", algorithm: "breakout" } },
    });
  });

  it("makes no version of a bot that was destroyed meanwhile", async ({ expect }) => {
    const life = new Life().online();
    const { id } = life.droplet;
    const vault: Vault = {
      open: async (envelope) => envelope,
      seal: async (text) => {
        shell.commit({
          events: [
            { kind: "operation_requested", data: { operation_id: "o9", kind: "destroy" } },
            { kind: "droplet_gone", data: { droplet_id: id } },
            { kind: "destroyed", data: {} },
          ],
        });
        return text;
      },
    };
    const shell = stored(life, { vault });
    expect(await publishConfig(shell, caller, change)).toMatchObject({ ok: false, code: "bot_destroyed" });
    expect(shell.present().bot.config.desired.version).toBe(1);
  });
});
