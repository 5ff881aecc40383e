import { describe, it } from "vitest";
import {
  type ChosenModel,
  digestOf,
  isAsked,
  isChange,
  judgeModel,
  type ModelAnswer,
  type ModelMemory,
  NO_GOOD,
  type StartedConfig,
} from "../../../../bootstrap/agent/workload/model-check-rules.ts";

const CHOSEN: ChosenModel = {
  llm_model: "anthropic/claude",
  llm_base_url: null,
  secrets: { llm_provider: "anthropic", llm_api_key: "sk-one" },
};
const EMPTY: ModelMemory = { good: null, asked: null };

describe("a choice of a model", () => {
  it("is another one with another provider, key, model or address, and holds no key", ({ expect }) => {
    const { secrets } = CHOSEN;
    const digests = [
      CHOSEN,
      { ...CHOSEN, llm_model: "anthropic/other" },
      { ...CHOSEN, llm_base_url: "https://models.example" },
      { ...CHOSEN, secrets: { ...secrets, llm_api_key: "sk-two" } },
      { ...CHOSEN, secrets: { ...secrets, llm_provider: "openai" } },
    ].map(digestOf);
    expect(new Set(digests).size).toBe(digests.length);
    expect(digestOf({ ...CHOSEN, secrets: { ...secrets, llm_provider: "Claude" } })).toBe(digests[0]);
    expect(digests.join()).not.toContain("sk-");
  });

  it.for<[string, ModelMemory["asked"], boolean]>([
    ["when nothing is known", null, true],
    ["when another one was", { digest: "b", answer: "ok" }, true],
    ["when it was refused, for that may have been mended", { digest: "a", answer: "auth" }, true],
    ["not when it was called good", { digest: "a", answer: "ok" }, false],
  ])("is asked about %s", ([, asked, is], { expect }) => {
    expect(isAsked({ good: null, asked }, "a")).toBe(is);
  });

  const NEW: StartedConfig = { digest: "b", version: 2, proven: false, generation: 1 };
  it.for<[string, ModelMemory, Partial<StartedConfig>, boolean]>([
    ["another than the good one", { ...EMPTY, good: "a" }, {}, true],
    ["the good one in another config", { ...EMPTY, good: "b" }, {}, false],
    ["that of a config that has run", { ...EMPTY, good: "a" }, { proven: true }, false],
    ["the bot's first", EMPTY, { version: 1 }, true],
    ["the first on another droplet", EMPTY, { version: 1, generation: 2 }, false],
    ["the first, of which the control plane has said nothing", EMPTY, { version: 1, generation: null }, false],
    ["the first, which has run", EMPTY, { version: 1, proven: true }, false],
    ["a later one of which nothing is known", EMPTY, { version: 5 }, false],
    ["the next after a first that was refused", { ...EMPTY, good: NO_GOOD }, {}, true],
  ])("is a change: %s", ([, memory, started, is], { expect }) => {
    expect(isChange(memory, { ...NEW, ...started })).toBe(is);
  });
});

describe("what OpenClaw says of it", () => {
  const FAILS: [ModelAnswer, string][] = [
    ["missing", "OpenClaw finds no API key for anthropic"],
    ["auth", "anthropic refused the API key"],
    ["format", "anthropic refused the model anthropic/claude"],
    ["no_model", "OpenClaw knows no model of anthropic"],
  ];
  it.for(FAILS)("fails a config that has changed it, and degrades any other: %s", ([answer, reason], { expect }) => {
    expect(judgeModel(answer, true, CHOSEN)).toEqual({ is: "fails", reason });
    expect(judgeModel(answer, false, CHOSEN)).toEqual({ is: "degraded" });
  });

  it.for<ModelAnswer>(["ok", "undecided"])("passes, changed or not: %s", (answer, { expect }) => {
    for (const changed of [true, false]) expect(judgeModel(answer, changed, CHOSEN)).toEqual({ is: "passes" });
  });
});
