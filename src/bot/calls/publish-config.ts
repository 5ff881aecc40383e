/** Publishing a config version: the Bot is the only one that numbers them, inside its own commit. */
import type { Caller } from "../../records/caller.ts";
import type { ConfigRow } from "../../records/rows.ts";
import type { ConfigPatch, ConfigVersion } from "../../wire/config.ts";
import { MAX_ENVIRONMENT_BYTES } from "../../wire/environment.ts";
import { type ConfigContent, configEtag, last4, mergeConfig, whyNotPatched } from "../config/content.ts";
import { isTooLarge, mergeEnvironment, mergeNames, replacesAll, whyNotEnvironment } from "../config/environment.ts";
import { openEnvironment, openKey, type SealedSecrets, sealSecrets } from "../config/secrets.ts";
import { type Answer, ok, type Refusal, refuse } from "../shell/answer.ts";
import { sealedWithRetiredKey } from "../shell/secret-texts.ts";
import type { BotShell } from "../shell/shell.ts";
import { viewConfig } from "../view/bot.ts";
import { answerKey, reachToChange } from "./management.ts";

/** A patch onto the desired version, or an older version's content as a new one. */
export type Publication =
  | { patch: ConfigPatch; if_match: string | null }
  | { restore: Pick<ConfigRow, "version" | "trading_config" | "risk_config"> };

/** Of a repeated request whose version is no longer stored. */
const SUPERSEDED = "The version that this request published is superseded. GET /bots/{id}/configs lists all versions.";
/** Two writers may overtake one another this often before somebody is told to try again. */
const MAX_RACES = 50;

/**
 * Sealing the secrets is asynchronous, so another version may be committed meanwhile: then everything is judged anew,
 * `If-Match` included.
 */
export async function publishConfig(
  shell: BotShell,
  caller: Caller,
  publication: Publication,
): Promise<Answer<ConfigVersion>> {
  for (let race = 0; race < MAX_RACES; race++) {
    const prepared = prepare(shell, caller, publication);
    if (!("base" in prepared)) return prepared;
    const { base, content } = prepared;
    const version = base.version + 1;
    const sealed = await sealFor(shell, base, version, publication);
    if ("ok" in sealed) return sealed;
    const { config, destroyed_at } = shell.present().bot;
    if (config.desired.version !== base.version || destroyed_at !== null) continue;
    const row = nextRow(shell, caller, publication, base, content, sealed);
    if (sealedWithRetiredKey(shell.store, row)) return refuse("key_retired");
    return commitVersion(shell, caller, publication, row);
  }
  return refuse("config_version_conflict");
}

function prepare(
  shell: BotShell,
  caller: Caller,
  publication: Publication,
): { base: ConfigRow; content: ConfigContent } | Answer<ConfigVersion> {
  const reached = reachToChange(shell, caller.scope);
  if (!reached.ok) return reached;
  const { bot } = reached.live;
  const known = shell.store.answered(answerKey(caller).key);
  if (known) return replay(shell, caller, known);
  if (bot.destroyed_at !== null) return refuse("bot_destroyed");
  const base = shell.store.config(bot.config.desired.version);
  if (base === null) return refuse("config_not_found");
  if ("restore" in publication) {
    const { trading_config, risk_config } = publication.restore;
    const { llm_provider, llm_model, llm_base_url } = base;
    return { base, content: { trading_config, risk_config, llm_provider, llm_model, llm_base_url } };
  }
  const { if_match, patch } = publication;
  if (if_match !== null && if_match !== "*" && if_match !== configEtag(base.id)) {
    return refuse(
      "config_version_conflict",
      `The desired version is now ${base.version}. Read it and apply the change to it.`,
    );
  }
  const content = mergeConfig(base, patch);
  if (content === null) {
    return refuse("config_custom_assets");
  }
  const whyNotModel = whyNotPatched(content, base);
  if (whyNotModel !== null) return refuse("config_model", whyNotModel);
  const names = mergeNames(base.environment_names, patch.environment ?? {}, shell.platform.now());
  // What an earlier release let through stays patchable.
  const about = patch.environment !== undefined || patch.llm_provider !== undefined;
  const why = about ? whyNotEnvironment(names, content.llm_provider) : null;
  return why === null ? { base, content } : refuse("config_environment", `The environment ${why}.`);
}

function replay(shell: BotShell, caller: Caller, known: { body_hash: string; result: unknown }): Answer<ConfigVersion> {
  if (known.body_hash !== answerKey(caller).body_hash) {
    return refuse("idempotency_key_reused");
  }
  const row = shell.store.config(Number(known.result));
  return row ? { ok: true, value: viewConfig(row), replayed: true } : refuse("config_not_found", SUPERSEDED);
}

function patchOf(publication: Publication): ConfigPatch {
  return "patch" in publication ? publication.patch : {};
}

/** What is new and what stays as it is, opened and sealed again for its new version. */
async function sealFor(
  shell: BotShell,
  base: ConfigRow,
  version: number,
  publication: Publication,
): Promise<SealedSecrets | Refusal> {
  const { vault } = shell.platform;
  const { llm_api_key: key, environment: changes = {} } = patchOf(publication);
  try {
    const llm_api_key = key ?? (await openKey(vault, base));
    const kept = replacesAll(base.environment_names, changes) ? {} : await openEnvironment(vault, base);
    const environment = mergeEnvironment(kept, changes);
    if (isTooLarge(environment)) {
      return refuse(
        "config_environment",
        `The environment would be larger than ${MAX_ENVIRONMENT_BYTES} bytes. Remove variables or shorten their values.`,
      );
    }
    return await sealSecrets(vault, base.bot_id, version, { llm_api_key, environment });
  } catch (error) {
    shell.log({ level: "error", event: "secret_unreadable", detail: String(error) });
    return refuse("secret_unreadable");
  }
}

function nextRow(
  shell: BotShell,
  caller: Caller,
  publication: Publication,
  base: ConfigRow,
  content: ConfigContent,
  sealed: SealedSecrets,
): ConfigRow {
  const now = shell.platform.now();
  const { llm_api_key: key, environment = {}, note = null } = patchOf(publication);
  return {
    id: shell.platform.uuid(),
    bot_id: base.bot_id,
    version: base.version + 1,
    restored_from: "restore" in publication ? publication.restore.version : null,
    ...content,
    ...sealed,
    llm_api_key_last4: key === undefined ? base.llm_api_key_last4 : last4(key),
    llm_api_key_updated_at: key === undefined ? base.llm_api_key_updated_at : now,
    environment_names: mergeNames(base.environment_names, environment, now),
    note,
    author: caller.actor,
    created_at: now,
  };
}

function commitVersion(
  shell: BotShell,
  caller: Caller,
  publication: Publication,
  config: ConfigRow,
): Answer<ConfigVersion> {
  const { id, version, restored_from } = config;
  const { paper_mode } = config.trading_config;
  shell.commit({
    events: [{ kind: "config_published", data: { config: { id, version }, paper_mode, restored_from } }],
    by: caller,
    config,
    answer: { ...answerKey(caller), result: version },
  });
  shell.log({ event: "config_published", version, restored: "restore" in publication });
  return ok(viewConfig(config));
}
