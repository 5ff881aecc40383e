/** Pure: how OpenClaw is told what to be. The bot's secrets and the gateway token travel in its environment only. */
import type { AgentConfig } from "../../../src/wire/config.ts";
import { whyReserved } from "../../../src/wire/environment.ts";
import { keyVariable, providerId } from "../../../src/wire/models.ts";
import type { RulesFile } from "../../../src/wire/trading-report.ts";

/**
 * Of the agent's own environment the workload sees these and nothing of the enrolment. `SPAWNPOINT_…` is empty on a
 * droplet; a simulated machine finds its root and its processes by it. With systemd's `INVOCATION_ID` OpenClaw would take
 * itself for a unit of its own, with other exit codes.
 */
const INHERITED = /^(PATH|HOME|USER|LOGNAME|LANG|LC_ALL|TZ|OPENCLAW_.*|SPAWNPOINT_.*)$/;

/** It is kept up, updated and found by the agent alone. */
const SUPERVISED = {
  OPENCLAW_SUPERVISOR_MODE: "external",
  OPENCLAW_NO_RESPAWN: "1",
  OPENCLAW_NO_AUTO_UPDATE: "1",
  OPENCLAW_DISABLE_BONJOUR: "1",
};

export interface WorkloadPaths {
  state_dir: string;
  /** On a disk that lasts, or each start would compile OpenClaw anew. */
  tmp_dir: string;
  config_path: string;
  /** The trading and risk rules, for the workload to read. */
  rules_path: string;
  /** What it says of its trading, for the agent to read. */
  report_path: string;
  /** What the workspace customizer prepared; null where it did not. */
  workspace_dir: string | null;
}

/** What OpenClaw is started with whatever it is to do; no secret. */
export function plainEnvironment(
  { state_dir, tmp_dir }: Pick<WorkloadPaths, "state_dir" | "tmp_dir">,
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const inherited = Object.entries(own).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && INHERITED.test(entry[0]),
  );
  return {
    ...Object.fromEntries(inherited),
    ...SUPERVISED,
    TMPDIR: tmp_dir,
    NODE_COMPILE_CACHE: `${tmp_dir}/node-compile-cache`,
    OPENCLAW_STATE_DIR: state_dir,
  };
}

export function workloadEnvironment(
  config: AgentConfig,
  paths: WorkloadPaths,
  gateway_token: string,
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return {
    // First, so that nothing in it takes the place of what follows.
    ...ownSecrets(config),
    ...plainEnvironment(paths, own),
    [keyVariable(config.secrets.llm_provider)]: config.secrets.llm_api_key,
    OPENCLAW_CONFIG_PATH: paths.config_path,
    OPENCLAW_GATEWAY_TOKEN: gateway_token,
    ...(paths.workspace_dir === null ? {} : { OPENCLAW_WORKSPACE_DIR: paths.workspace_dir }),
    SPAWNPOINT_CONFIG_PATH: paths.rules_path,
    SPAWNPOINT_REPORT_PATH: paths.report_path,
    SPAWNPOINT_PAPER_MODE: String(config.trading_config.paper_mode),
  };
}

/** Whatever the control plane let through: what may not be set is left out. */
function ownSecrets({ secrets: { environment } }: AgentConfig): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => whyReserved(name) === null));
}

export function gatewayArguments(port: number): string[] {
  return ["gateway", "run", "--port", String(port), "--auth", "token", "--bind", "loopback", "--allow-unconfigured"];
}

/** What a strategy may read. No secret. */
export function rulesFile(config: AgentConfig, report_path: string): string {
  const { id, version, trading_config, risk_config } = config;
  const llm_provider = config.secrets.llm_provider;
  const rules: RulesFile = { config_id: id, version, llm_provider, trading_config, risk_config, report_path };
  return `${JSON.stringify(rules, null, 2)}\n`;
}

/** OpenClaw puts the variable's value in as it reads the file. A token that stood here would shut the agent out. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is OpenClaw's template
const GATEWAY_TOKEN = "${OPENCLAW_GATEWAY_TOKEN}";

/** Marks what we have written, so that it goes again when the config has another provider. */
const OURS = " (set by Spawnpoint)";

/** A model server of the customer's, as OpenClaw wants it described: it asks for the model by its name there. */
function customProvider({ llm_model, llm_base_url, secrets }: AgentConfig): Record<string, unknown> | null {
  if (llm_base_url === null || llm_model === null) return null;
  const id = providerId(secrets.llm_provider);
  const name = llm_model.slice(id.length + 1);
  return {
    [id]: {
      baseUrl: llm_base_url,
      apiKey: `\${${keyVariable(secrets.llm_provider)}}`,
      api: "openai-completions",
      models: [{ id: name, name: `${name}${OURS}` }],
    },
  };
}

/**
 * OpenClaw's own config with the few settings that the agent insists on; its terminal is off unless somebody has set it.
 * What else a person or the workspace tool put there stays. Null where the present text is not plain JSON (OpenClaw also reads JSON5): then it is left alone, for
 * the command line says the same.
 */
export function openclawConfig(present: string | null, config: AgentConfig): string | null {
  // A byte-order mark is none of JSON's.
  const text = present?.replace(/^\ufeff/, "").trim() ?? "";
  const own = text === "" ? {} : parseObject(text);
  if (own === null) return null;
  const gateway = asObject(own.gateway);
  const auth = asObject(gateway.auth);
  const insisted = {
    ...gateway,
    mode: "local",
    bind: "loopback",
    auth: { ...auth, mode: "token", token: GATEWAY_TOKEN },
    terminal: { enabled: false, ...asObject(gateway.terminal) },
  };
  const rendered = { ...withBackgroundTurns(withModel(own, config), config), gateway: insisted };
  return `${JSON.stringify(rendered, null, 2)}\n`;
}

/** Which model the agents run on, where the control plane names one; and where its server is. */
function withModel(own: Record<string, unknown>, config: AgentConfig): Record<string, unknown> {
  if (config.llm_model === null) return own;
  const agents = asObject(own.agents);
  const defaults = asObject(agents.defaults);
  const model = { ...asObject(defaults.model), primary: config.llm_model };
  return withProviders({ ...own, agents: { ...agents, defaults: { ...defaults, model } } }, customProvider(config));
}

/** Ours of an earlier config would send its key where it no longer belongs. */
function withProviders(own: Record<string, unknown>, custom: Record<string, unknown> | null): Record<string, unknown> {
  const models = asObject(own.models);
  const present = Object.entries(asObject(models.providers));
  const theirs = present.filter(([, provider]) => !JSON.stringify(provider).includes(OURS));
  if (custom === null && theirs.length === present.length) return own;
  return { ...own, models: { ...models, providers: { ...Object.fromEntries(theirs), ...custom } } };
}

/**
 * Its heartbeat turns and its memory job, off or as OpenClaw or a person has them. An `every` or `enabled` that says "off"
 * is taken for ours.
 */
function withBackgroundTurns(own: Record<string, unknown>, { trading_config }: AgentConfig): Record<string, unknown> {
  const on = trading_config.background_turns ?? !trading_config.paper_mode;
  const heartbeat = switched(own, ["agents", "defaults", "heartbeat"], "every", "0m", on);
  return switched(heartbeat, ["plugins", "entries", "memory-core", "config", "dreaming"], "enabled", false, on);
}

/** The object with `name` at the path set to `off`; or, where it is to be on, without it where it says `off`. */
function switched(
  own: Record<string, unknown>,
  [key, ...deeper]: readonly string[],
  name: string,
  off: unknown,
  on: boolean,
): Record<string, unknown> {
  if (key !== undefined) {
    if (on && own[key] === undefined) return own;
    return { ...own, [key]: switched(asObject(own[key]), deeper, name, off, on) };
  }
  const { [name]: present, ...others } = own;
  if (!on) return { ...own, [name]: off };
  return present === off ? others : own;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
