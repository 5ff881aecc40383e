import { env } from "cloudflare:workers";
import { describe, it } from "vitest";
import type { Env } from "../../src/bindings.ts";
import { gateOf } from "../../src/provider/gate/stub.ts";

describe("a gate that cannot be asked", () => {
  it("grants nothing, not even to a person, and is asked again soon", async ({ expect }) => {
    const unreachable = {
      getByName: () => ({
        permit: () => Promise.reject(new Error("the gate is being moved")),
        report: () => Promise.reject(new Error("the gate is being moved")),
      }),
    };
    const gate = gateOf({ ...env, GATE: unreachable } as unknown as Env);
    const permit = await gate.permit({ bot_id: "a", kind: "user_action" });
    expect(permit).toMatchObject({ granted: false, reason: "gate_unreachable" });
    expect(permit.granted ? 0 : permit.wait_ms).toBeGreaterThanOrEqual(1_000);
    await expect(gate.report({ kind: "unauthorized" })).resolves.toBeUndefined();
  });
});
