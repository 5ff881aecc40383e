import { describe, it } from "vitest";
import { keysOf, reseal, sealedFields, sealedOnlyBy, withoutSecrets } from "../../../src/secrets/sealed.ts";
import { keyIdOf, openVault, parseKeyring } from "../../../src/secrets/vault.ts";

const KEYS = ["old", "new"].map((id) => {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `${id}:${btoa(String.fromCharCode(...bytes))}`;
});
const vaultOf = (ring: string) =>
  openVault(parseKeyring(ring), (count) => crypto.getRandomValues(new Uint8Array(count)));
const old = vaultOf(KEYS[0] ?? "");
const both = vaultOf([KEYS[1], KEYS[0]].join(","));

const CONTEXT = "bot-1|3|llm_api_key";
const row = (llm_api_key: string, environment: string | null = null) => ({
  bot_id: "bot-1",
  version: 3,
  llm_api_key,
  environment,
});

describe("the secrets of a config row", () => {
  it("are bound to bot, version and field", ({ expect }) => {
    expect(sealedFields(row("v1.old.n.c"))).toEqual([
      { field: "llm_api_key", envelope: "v1.old.n.c", context: CONTEXT },
    ]);
  });

  it("are all of them: the key and the further secrets, each in its own place", ({ expect }) => {
    const both_fields = row("v1.old.n.c", "v1.new.n.e");
    expect(sealedFields(both_fields)).toMatchObject([{ context: CONTEXT }, { context: "bot-1|3|environment" }]);
    expect([keysOf(both_fields), sealedOnlyBy(both_fields, "old")]).toEqual([["old", "new"], false]);
    expect(withoutSecrets(both_fields)).toMatchObject({ llm_api_key: "", environment: "" });
  });

  it("are none once they are erased", ({ expect }) => {
    expect([sealedFields(row("")), keysOf(row("")), sealedOnlyBy(row(""), "new")]).toEqual([[], [], true]);
  });

  it("name their key, or none", ({ expect }) => {
    expect([keysOf(row("v1.old.n.c")), keysOf(row("what?"))]).toEqual([["old"], [null]]);
    expect([sealedOnlyBy(row("v1.old.n.c"), "old"), sealedOnlyBy(row("what?"), "old")]).toEqual([true, false]);
    expect(["v1.a_b-c.n.c", "v2.old.n.c", "v1.old", ""].map(keyIdOf)).toEqual(["a_b-c", null, null, null]);
  });

  it("leave no trace but that they were there", ({ expect }) => {
    expect(withoutSecrets({ ...row("v1.old.n.c"), llm_api_key_last4: "cdef", more: 1 })).toEqual({
      ...row(""),
      llm_api_key_last4: null,
      more: 1,
    });
  });
});

describe("sealing a row anew", () => {
  it("brings it under the target, for the same place", async ({ expect }) => {
    const before = await old.seal("the key", CONTEXT);
    const sealed = await reseal(both, row(before), "new");
    if (sealed.kind !== "resealed") throw new Error(sealed.kind);
    const after = sealed.fields.llm_api_key ?? "";
    expect(keyIdOf(after)).toBe("new");
    expect(await vaultOf(KEYS[1] ?? "").open(after, CONTEXT)).toBe("the key");
  });

  it("brings the further secrets along", async ({ expect }) => {
    const environment = await old.seal('{"A":"b"}', "bot-1|3|environment");
    const sealed = await reseal(both, row(await both.seal("the key", CONTEXT), environment), "new");
    if (sealed.kind !== "resealed") throw new Error(sealed.kind);
    expect(Object.keys(sealed.fields)).toEqual(["environment"]);
    const after = sealed.fields.environment ?? "";
    expect(await vaultOf(KEYS[1] ?? "").open(after, "bot-1|3|environment")).toBe('{"A":"b"}');
  });

  it("leaves what is there already", async ({ expect }) => {
    const sealed = await both.seal("the key", CONTEXT);
    expect(await reseal(both, row(sealed), "new")).toEqual({ kind: "resealed", fields: {} });
    expect(await reseal(both, row(""), "new")).toEqual({ kind: "resealed", fields: {} });
  });

  it("says so where it does not open, or where the vault seals with something else", async ({ expect }) => {
    const sealed = await old.seal("the key", CONTEXT);
    expect(await reseal(both, { ...row(sealed), version: 4 }, "new")).toMatchObject({ kind: "unreadable" });
    expect(await reseal(both, row("what?"), "new")).toMatchObject({ kind: "unreadable" });
    expect(await reseal(old, row(sealed), "new")).toEqual({ kind: "behind" });
  });
});
