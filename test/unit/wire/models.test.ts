import { describe, it } from "vitest";
import { CreateBotRequest } from "../../../src/wire/bot.ts";
import { ConfigPatch } from "../../../src/wire/config.ts";
import { effectiveModel, keyVariable, type ModelChoice, PROVIDERS, whyNotModel } from "../../../src/wire/models.ts";
import { BOT_REQUEST } from "../../fixtures/bot.ts";

const URL = "https://llm.test/v1";
const choice = (llm_provider: string, llm_model: string | null = null, llm_base_url: string | null = null) => ({
  llm_provider,
  llm_model,
  llm_base_url,
});

describe("the model that a bot runs on", () => {
  it.for<[ModelChoice, string | null]>([
    [choice("anthropic"), "anthropic/claude-sonnet-5"],
    [choice("Claude"), "anthropic/claude-sonnet-5"],
    [choice("gemini"), "google/gemini-3.5-flash"],
    [choice("anthropic", "anthropic/claude-opus-5"), "anthropic/claude-opus-5"],
    [choice("my-own", "my-own/llama", URL), "my-own/llama"],
    [choice("no-such-provider"), null],
    [choice("constructor"), null],
  ])("of %o is %s", ([given, model], { expect }) => expect(effectiveModel(given)).toBe(model));

  it("is by default one of the provider's own, for every provider that is known", ({ expect }) => {
    for (const [id, { default_model }] of Object.entries(PROVIDERS)) {
      expect(default_model.startsWith(`${id}/`), id).toBe(true);
      expect(whyNotModel(choice(id)), id).toBe(null);
    }
  });
});

describe("a choice of provider, model and address", () => {
  it.for<[ModelChoice, keyof ModelChoice | null]>([
    [choice("openai"), null],
    [choice("openai", "openai/gpt-5.5"), null],
    [choice("Grok", "xai/grok-4.7"), null],
    [choice("openrouter", "openrouter/anthropic/claude-opus-5"), null],
    [choice("openai", null, URL), null],
    [choice("my-own", "my-own/llama:70b", URL), null],
    [choice("my-own", "my-own/llama"), "llm_provider"],
    [choice("toString"), "llm_provider"],
    [choice("my-own", null, URL), "llm_model"],
    [choice("openai", "anthropic/claude-opus-5"), "llm_model"],
    [choice("my-own", "other/llama", URL), "llm_model"],
  ])("%o: what is wrong is %s", ([given, field], { expect }) => {
    expect(whyNotModel(given)?.field ?? null).toBe(field);
  });

  it("names the providers that are known", ({ expect }) => {
    expect(whyNotModel(choice("mistral"))?.why).toContain("anthropic, google");
  });

  it("is refused in a create by the field that is wrong", ({ expect }) => {
    const issues = (given: object) =>
      CreateBotRequest.safeParse({ ...BOT_REQUEST, ...given }).error?.issues.map(({ path }) => path.join());
    expect(issues({ llm_provider: "mistral" })).toEqual(["llm_provider"]);
    expect(issues({ llm_model: "openai/gpt-5.5" })).toEqual(["llm_model"]);
    expect(issues({ llm_provider: "mistral", llm_base_url: URL })).toEqual(["llm_model"]);
    expect(issues({ llm_model: null, llm_base_url: null })).toBe(undefined);
  });
});

describe("the name of a provider or a model", () => {
  it.for(["llm_provider", "llm_model"])("%s is no key that was pasted into the wrong field", (field, { expect }) => {
    for (const key of ["sk-0123456789abcdef", "openai/sk-0123456789abcdef"]) {
      expect(ConfigPatch.safeParse({ [field]: key }).success, key).toBe(false);
    }
  });
});

describe("the address of a model server", () => {
  it.for(["https://llm.test", "https://llm.test:8443/v1", "http://127.0.0.1:11434/v1", "http://localhost/"])(
    "may be %s",
    (llm_base_url, { expect }) => expect(ConfigPatch.safeParse({ llm_base_url }).success).toBe(true),
  );

  it.for([
    ...["http://llm.test", "http://127.0.0.1.evil.test/", "ftp://llm.test", "llm.test", "https://a:b@llm.test/"],
    ...["https://llm.test/?key=1", "https://llm.test/#x", `https://llm.test/${"x".repeat(500)}`],
  ])("may not be %s", (llm_base_url, { expect }) =>
    expect(ConfigPatch.safeParse({ llm_base_url }).success).toBe(false),
  );
});

describe("the variable of the LLM key", () => {
  it.for([
    ["huggingface", "HF_TOKEN"],
    ["ollama-cloud", "OLLAMA_API_KEY"],
    ["Claude", "ANTHROPIC_API_KEY"],
    ["my-own_llm", "MY_OWN_LLM_API_KEY"],
  ])("of %s is %s", ([provider = "", variable], { expect }) => expect(keyVariable(provider)).toBe(variable));
});
