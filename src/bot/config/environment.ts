/** A bot's further secrets from one config version to the next. Pure. */
import type { EnvironmentNames } from "../../records/rows.ts";
import {
  type Environment,
  type EnvironmentPatch,
  environmentBytes,
  MAX_ENVIRONMENT_BYTES,
  MAX_ENVIRONMENT_NAMES,
} from "../../wire/environment.ts";
import { keyVariable } from "../../wire/models.ts";
import type { Instant } from "../model/state.ts";

export function mergeEnvironment(base: Environment, patch: EnvironmentPatch): Environment {
  const merged = Object.entries({ ...base, ...patch });
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** As `mergeEnvironment`, of the names and when each was set: a name that is set anew differs in that, however soon. */
export function mergeNames(base: EnvironmentNames, patch: EnvironmentPatch, now: Instant): EnvironmentNames {
  const merged = new Map(base.map(({ name, updated_at }) => [name, updated_at]));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, Math.max(now, (merged.get(name) ?? 0) + 1));
  }
  return [...merged]
    .map(([name, updated_at]) => ({ name, updated_at }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Whether the patch says of every name what becomes of it: then the values that there are need not be known. */
export function replacesAll(base: EnvironmentNames, patch: EnvironmentPatch): boolean {
  return base.every(({ name }) => Object.hasOwn(patch, name));
}

/** @returns why these may not stand together, as the rest of a sentence; null where they may */
export function whyNotEnvironment(names: EnvironmentNames, llm_provider: string): string | null {
  if (names.length > MAX_ENVIRONMENT_NAMES) {
    return `would have ${names.length} variables, more than ${MAX_ENVIRONMENT_NAMES}`;
  }
  const key = keyVariable(llm_provider);
  return names.some(({ name }) => name === key)
    ? `contains ${key}, which is reserved for the LLM key of ${llm_provider}`
    : null;
}

export function isTooLarge(environment: Environment): boolean {
  return environmentBytes(environment) > MAX_ENVIRONMENT_BYTES;
}
