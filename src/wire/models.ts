/**
 * Model providers that the pinned OpenClaw knows by itself, and which model a bot runs on where its config names none.
 * Others are reached as OpenAI-compatible servers by `llm_base_url`. Pure. Sources: the manifests of the package
 * (`dist/extensions/NAME/openclaw.plugin.json`) and its documentation of model providers.
 */

interface Provider {
  /** The variable that OpenClaw reads its key from. */
  key_variable: string;
  /** `PROVIDER/MODEL` */
  default_model: string;
}

/** By the name that OpenClaw has for them. */
export const PROVIDERS: Readonly<Record<string, Provider>> = {
  anthropic: { key_variable: "ANTHROPIC_API_KEY", default_model: "anthropic/claude-sonnet-5" },
  google: { key_variable: "GEMINI_API_KEY", default_model: "google/gemini-3.5-flash" },
  huggingface: { key_variable: "HF_TOKEN", default_model: "huggingface/deepseek-ai/DeepSeek-V3.1" },
  nvidia: { key_variable: "NVIDIA_API_KEY", default_model: "nvidia/nvidia/nemotron-3-super-120b-a12b" },
  "ollama-cloud": { key_variable: "OLLAMA_API_KEY", default_model: "ollama-cloud/kimi-k2.6" },
  // What OpenClaw takes by itself: bots that run on it go on so.
  openai: { key_variable: "OPENAI_API_KEY", default_model: "openai/gpt-6-astra" },
  "opencode-go": { key_variable: "OPENCODE_API_KEY", default_model: "opencode-go/kimi-k2.6" },
  openrouter: { key_variable: "OPENROUTER_API_KEY", default_model: "openrouter/auto" },
  together: { key_variable: "TOGETHER_API_KEY", default_model: "together/moonshotai/Kimi-K2.6" },
  xai: { key_variable: "XAI_API_KEY", default_model: "xai/grok-4.7" },
};

/** Names under which people know them. */
const ALIASES: Readonly<Record<string, string>> = { claude: "anthropic", gemini: "google", grok: "xai" };

/** What a config says of the model that its bot runs on. */
export interface ModelChoice {
  llm_provider: string;
  /** `PROVIDER/MODEL`; null: the provider's default. */
  llm_model: string | null;
  llm_base_url: string | null;
}

/** As OpenClaw names it. */
export function providerId(llm_provider: string): string {
  const name = llm_provider.toLowerCase();
  return lookUp(ALIASES, name) ?? name;
}

/** The variable that carries the LLM key. */
export function keyVariable(llm_provider: string): string {
  const id = providerId(llm_provider);
  return lookUp(PROVIDERS, id)?.key_variable ?? `${id.toUpperCase().replaceAll("-", "_")}_API_KEY`;
}

/** `PROVIDER/MODEL`; null where neither the config nor our table names one. */
export function effectiveModel({ llm_provider, llm_model }: ModelChoice): string | null {
  return llm_model ?? lookUp(PROVIDERS, providerId(llm_provider))?.default_model ?? null;
}

/** @returns what is wrong with the choice: the field, and the end of a sentence that begins with it; null: nothing */
export function whyNotModel(choice: ModelChoice): { field: keyof ModelChoice; why: string } | null {
  const { llm_provider, llm_model, llm_base_url } = choice;
  const id = providerId(llm_provider);
  if (llm_base_url === null && lookUp(PROVIDERS, id) === undefined) {
    const known = Object.keys(PROVIDERS).join(", ");
    return { field: "llm_provider", why: `must be one of ${known}; for another provider set llm_base_url` };
  }
  if (llm_model !== null && !llm_model.startsWith(`${id}/`)) {
    return { field: "llm_model", why: `must begin with ${id}/, the provider of the model` };
  }
  if (effectiveModel(choice) === null) {
    return { field: "llm_model", why: `is required with ${id}, which has no default model` };
  }
  return null;
}

function lookUp<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
