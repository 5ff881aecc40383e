/** Pure: whether OpenClaw is to be asked for the bot's key and model, and what follows from what it says. */
import { createHash } from "node:crypto";
import type { AgentConfig } from "../../../src/wire/config.ts";
import { providerId } from "../../../src/wire/models.ts";

/** Answers that speak against the key or the model; `missing`: OpenClaw has found no key. */
export const REFUSALS = ["missing", "auth", "format", "no_model"] as const;
type Refusal = (typeof REFUSALS)[number];

/** `undecided`: no answer, or one that says nothing of the key and the model (a bill, a rate limit, an outage). */
export type ModelAnswer = "ok" | Refusal | "undecided";

/** What is kept of earlier answers, by digest. */
export interface ModelMemory {
  /** Of the last choice that passed the gate; `NO_GOOD`: none has, and some were refused; null: nothing is known. */
  good: string | null;
  /** The last choice that was decided on. */
  asked: { digest: string; answer: "ok" | Refusal } | null;
}

/** Equals no digest. */
export const NO_GOOD = "none";

/** The degradation of a workload whose key or model is refused. */
export const LLM_AUTH = "llm_auth";

/** All that an answer depends on. Nobody reads the key out of it. */
export function digestOf({ llm_model, llm_base_url, secrets }: ChosenModel): string {
  const chosen = [providerId(secrets.llm_provider), secrets.llm_api_key, llm_model, llm_base_url];
  return createHash("sha256").update(JSON.stringify(chosen)).digest("hex");
}

export type ChosenModel = Pick<AgentConfig, "llm_model" | "llm_base_url"> & {
  secrets: Pick<AgentConfig["secrets"], "llm_provider" | "llm_api_key">;
};

/** Never twice for what was called good. What was refused may have been mended at the provider. */
export function isAsked({ asked }: ModelMemory, digest: string): boolean {
  return asked?.digest !== digest || asked.answer !== "ok";
}

export interface StartedConfig {
  digest: string;
  version: number;
  /** Its workload has passed the gate before. */
  proven: boolean;
  /** Of the bot's droplets, by number; null: the control plane has not said. */
  generation: number | null;
}

/**
 * Whether this config brings another key or model than the last good one. An agent that remembers nothing is new, and so
 * may be its droplet: then only a bot's first config is known to.
 */
export function isChange({ good }: ModelMemory, { digest, version, proven, generation }: StartedConfig): boolean {
  if (proven) return false;
  return good === null ? version === 1 && generation === 1 : good !== digest;
}

export type ModelVerdict = { is: "passes" } | { is: "degraded" } | { is: "fails"; reason: string };

/** Only what this config has changed may fail it: a key that was revoked meanwhile would fail the one before as well. */
export function judgeModel(answer: ModelAnswer, changed: boolean, chosen: ChosenModel): ModelVerdict {
  if (answer === "ok" || answer === "undecided") return { is: "passes" };
  return changed ? { is: "fails", reason: reasonOf(answer, chosen) } : { is: "degraded" };
}

function reasonOf(refusal: Refusal, { llm_model, secrets }: ChosenModel): string {
  const provider = providerId(secrets.llm_provider);
  switch (refusal) {
    case "missing":
      return `OpenClaw finds no API key for ${provider}`;
    case "auth":
      return `${provider} refused the API key`;
    case "format":
      return `${provider} refused the model ${llm_model ?? "that is OpenClaw's default"}`;
    case "no_model":
      return `OpenClaw knows no model of ${provider}`;
  }
}
