/** The secrets of a config version: the one place that seals and opens them. In plain text they live for one call. */
import * as z from "zod";
import type { ConfigRow } from "../../records/rows.ts";
import { ERASED, sealContext } from "../../secrets/sealed.ts";
import type { Vault } from "../../secrets/vault.ts";
import type { Environment } from "../../wire/environment.ts";

export interface Secrets {
  llm_api_key: string;
  environment: Environment;
}

/** A version's secrets at rest, each bound to its bot, version and field. */
export type SealedSecrets = Pick<ConfigRow, "llm_api_key" | "environment">;

type SealedRow = Pick<ConfigRow, "bot_id" | "version"> & SealedSecrets;

export async function sealSecrets(
  vault: Vault,
  botId: string,
  version: number,
  { llm_api_key, environment }: Secrets,
): Promise<SealedSecrets> {
  const isEmpty = Object.keys(environment).length === 0;
  return {
    llm_api_key: await vault.seal(llm_api_key, sealContext(botId, version, "llm_api_key")),
    environment: isEmpty
      ? null
      : await vault.seal(JSON.stringify(environment), sealContext(botId, version, "environment")),
  };
}

/** @throws where one does not open */
export async function openSecrets(vault: Vault, row: SealedRow): Promise<Secrets> {
  return { llm_api_key: await openKey(vault, row), environment: await openEnvironment(vault, row) };
}

export function openKey(vault: Vault, { bot_id, version, llm_api_key }: SealedRow): Promise<string> {
  return vault.open(llm_api_key, sealContext(bot_id, version, "llm_api_key"));
}

export async function openEnvironment(vault: Vault, { bot_id, version, environment }: SealedRow): Promise<Environment> {
  if (environment === null || environment === ERASED) return {};
  return Stored.parse(JSON.parse(await vault.open(environment, sealContext(bot_id, version, "environment"))));
}

const Stored = z.record(z.string(), z.string());
