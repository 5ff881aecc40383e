/** Our table of providers against what the pinned package says of them. */
import { describe, it } from "vitest";
import { PROVIDERS } from "../../src/wire/models.ts";
import { readCatalogue } from "./catalogue.ts";

const { variables, models } = readCatalogue();
/** Asks its server for the list; this name stands for "whatever is best" there. */
const WITHOUT_LIST = ["openrouter"];

describe("a provider of our table", () => {
  it.for(Object.entries(PROVIDERS))("%s has its key's variable and its default model", ([id, provider], { expect }) => {
    expect(variables.get(id)).toContain(provider.key_variable);
    if (WITHOUT_LIST.includes(id)) expect(models.has(id)).toBe(false);
    else expect(models.get(id)).toContain(provider.default_model);
  });
});
