import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "vitest";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { readSettings } from "../../../src/env.ts";
import { defaultLimits } from "../../../src/provider/gate/budget.ts";
import { BootstrapSettings } from "../../../src/provider/user-data.ts";
import { columnsOf } from "./tables.ts";

const DOCUMENT = "settings.md";
const REQUIRED = {
  DIGITALOCEAN_TOKEN: "dop_v1_of_a_test",
  ENCRYPTION_KEYS: `main:${randomBytes(32).toString("base64")}`,
  OPERATOR_TOKEN_SHA256: createHash("sha256").update("x").digest("hex"),
  SESSION_SECRET: randomBytes(32).toString("base64"),
  PUBLIC_URL: "https://bots.acme.test",
};

describe("docs/settings.md", () => {
  it("names what has to be set, and nothing else as required", ({ expect }) => {
    expect(Object.keys(columnsOf(DOCUMENT, "## Required")).sort()).toEqual(Object.keys(REQUIRED).sort());
  });

  it("names every other setting with its default", ({ expect }) => {
    const json = { BOOTSTRAP: {}, PROVIDER_LIMITS: {}, POLICY: {} };
    const defaults = Object.entries({ ...readSettings(REQUIRED), ...json }).filter(([name]) => !(name in REQUIRED));
    expect(columnsOf(DOCUMENT, "## Optional")).toEqual(
      Object.fromEntries(defaults.map(([name, value]) => [name, shown(value)])),
    );
  });

  it("names every field of BOOTSTRAP with its default", ({ expect }) => {
    const { customizer, ...shownInFull } = columnsOf(DOCUMENT, "### `BOOTSTRAP`");
    const { customizer: _, ...defaults } = BootstrapSettings.parse({});
    expect(customizer).toBe("see code");
    expect(shownInFull).toEqual(inJson(defaults));
  });

  it("names every field of PROVIDER_LIMITS with its default", ({ expect }) => {
    expect(columnsOf(DOCUMENT, "### `PROVIDER_LIMITS`")).toEqual(inJson(defaultLimits));
  });

  it("shows fields of POLICY with their defaults", ({ expect }) => {
    const fields = columnsOf(DOCUMENT, "### `POLICY`");
    expect(Object.keys(fields).length).toBeGreaterThan(5);
    expect(inJson(defaultPolicy)).toMatchObject(fields);
  });
});

/** As the document writes a default. */
function shown(value: unknown): string {
  if (value === "" || (Array.isArray(value) && value.length === 0)) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** As the document writes fields of JSON: only the empty text is quoted. */
function inJson(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value === "" ? '""' : String(value)]));
}
