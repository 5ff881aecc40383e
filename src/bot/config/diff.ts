/** What differs between two config versions, field by field. Pure. */
import type { ConfigRow } from "../../records/rows.ts";
import type { ConfigChange } from "../../wire/config.ts";

/** @returns changes by path, in the order in which a config lists its fields; a secret's values are never among them */
export function diffConfigs(from: ConfigRow, to: ConfigRow): ConfigChange[] {
  const [before, after] = [leavesOf(shown(from)), leavesOf(shown(to))];
  const paths = [...new Set([...before.keys(), ...after.keys()])];
  const changes = paths
    .map((path) => ({ path, from: before.get(path) ?? null, to: after.get(path) ?? null }))
    .filter((change) => JSON.stringify(change.from) !== JSON.stringify(change.to));
  const key: ConfigChange[] = sameKey(from, to) ? [] : [{ path: "/secrets/llm_api_key", changed: true }];
  const environment = changedNames(from, to).map(
    (name): ConfigChange => ({ path: `/secrets/environment/${name}`, changed: true }),
  );
  return [...changes, ...key, ...environment];
}

/** Set anew, added or removed. */
function changedNames(from: ConfigRow, to: ConfigRow): string[] {
  const [before, after] = [from, to].map(
    ({ environment_names }) => new Map(environment_names.map(({ name, updated_at }) => [name, updated_at])),
  );
  const names = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
  return [...names].filter((name) => before?.get(name) !== after?.get(name)).sort();
}

function shown({ trading_config, risk_config, llm_provider, llm_model, llm_base_url }: ConfigRow) {
  return { trading_config, risk_config, llm_model, llm_base_url, secrets: { llm_provider } };
}

/** Values by JSON Pointer. A list counts as one value. */
function leavesOf(value: unknown, path = ""): Map<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return new Map([[path, value]]);
  return new Map(Object.entries(value).flatMap(([key, part]) => [...leavesOf(part, `${path}/${key}`)]));
}

/** Each version is sealed for itself: that it is the same key is told from when it was set. */
function sameKey(from: ConfigRow, to: ConfigRow): boolean {
  return from.llm_api_key_updated_at === to.llm_api_key_updated_at && from.llm_api_key_last4 === to.llm_api_key_last4;
}
