/** The texts in which a Bot keeps its sealed secrets: how they are read, changed and erased, and which keys may not seal them. */

import { ConfigRow, type OutboxEntry } from "../../records/rows.ts";
import { keysOf, type SealedRow, withoutSecrets } from "../../secrets/sealed.ts";
import type { SecretText, Store } from "./store.ts";

export function rowOf(text: SecretText): SealedRow | null {
  return ConfigRow.safeParse(contentOf(text)).data ?? null;
}

function contentOf({ table, value }: SecretText): unknown {
  try {
    const parsed = JSON.parse(value);
    return table === "config" ? parsed : (parsed as Partial<OutboxEntry> | null)?.row;
  } catch {
    return undefined;
  }
}

export type Content = Record<string, unknown>;

/** The text with its content changed; fields that this release does not know stay. */
export function edited(text: SecretText, change: (content: Content) => Content): string {
  const content = contentOf(text);
  // What cannot be read is of no use to anybody.
  if (typeof content !== "object" || content === null) return "null";
  const changed = change(content as Content);
  return JSON.stringify(text.table === "config" ? changed : { ...JSON.parse(text.value), row: changed });
}

/** Whether a row was sealed by somebody who has not heard that the key is retired: it must not be kept. */
export function sealedWithRetiredKey(store: Store, row: SealedRow): boolean {
  const { ids } = store.retiredKeys();
  return keysOf(row).some((key) => key !== null && ids.includes(key));
}

/** Part of the commit that says so. */
export function eraseSecretTexts(store: Store, now: number): void {
  for (const text of store.secretTexts()) {
    store.replaceSecretText(text, edited(text, withoutSecrets), now);
  }
}
