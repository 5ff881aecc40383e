/** Where a config row holds secrets, and how they are sealed anew or erased. The one list of such fields is here. */
import { keyIdOf, type Vault } from "./vault.ts";

/** Fields of a config row, in D1 and in a Bot, that hold an envelope. */
export const SEALED_FIELDS = ["llm_api_key", "environment"] as const;
export type SealedField = (typeof SEALED_FIELDS)[number];

/** What of a config row matters here. */
export type SealedRow = { bot_id: string; version: number } & Readonly<Record<SealedField, string | null>>;

/** What is left of a secret that was erased. It is no envelope: nothing opens it. */
export const ERASED = "";

/** Binds an envelope to its bot, version and field: it opens nowhere else. */
export function sealContext(botId: string, version: number, field: SealedField): string {
  return `${botId}|${version}|${field}`;
}

/** The envelopes of a row with what binds them; a secret that was erased, or that there never was, is none. */
export function sealedFields(row: SealedRow): { field: SealedField; envelope: string; context: string }[] {
  return SEALED_FIELDS.flatMap((field) => {
    const envelope = row[field];
    if (envelope === null || envelope === ERASED) return [];
    return [{ field, envelope, context: sealContext(row.bot_id, row.version, field) }];
  });
}

/** The keys that a row's envelopes name; null stands for one that names none. */
export function keysOf(row: SealedRow): (string | null)[] {
  return [...new Set(sealedFields(row).map(({ envelope }) => keyIdOf(envelope)))];
}

export function sealedOnlyBy(row: SealedRow, key: string): boolean {
  return keysOf(row).every((other) => other === key);
}

/** `behind`: the vault at hand does not seal with the target, as before a deploy has arrived. */
export type Resealed =
  | { kind: "resealed"; fields: Partial<Record<SealedField, string>> }
  | { kind: "unreadable"; detail: string }
  | { kind: "behind" };

/** The row's envelopes under the target key; those that are there already stay as they are. */
export async function reseal(vault: Vault, row: SealedRow, target: string): Promise<Resealed> {
  const fields: Partial<Record<SealedField, string>> = {};
  for (const { field, envelope, context } of sealedFields(row)) {
    if (keyIdOf(envelope) === target) continue;
    let plain: string;
    try {
      plain = await vault.open(envelope, context);
    } catch (error) {
      return { kind: "unreadable", detail: error instanceof Error ? error.message : "it does not open" };
    }
    const sealed = await vault.seal(plain, context);
    if (keyIdOf(sealed) !== target) return { kind: "behind" };
    fields[field] = sealed;
  }
  return { kind: "resealed", fields };
}

/** The row without its secrets: a field that held one says that it did. */
export function withoutSecrets<Row extends Partial<Record<SealedField, unknown>>>(row: Row): Row {
  const erased = SEALED_FIELDS.filter((field) => typeof row[field] === "string").map((field) => [field, ERASED]);
  return { ...row, ...Object.fromEntries(erased), llm_api_key_last4: null };
}
