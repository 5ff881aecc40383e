/**
 * A Bot's own secrets under another key, and without them once it is destroyed. They are kept in its config rows and in
 * the rows that wait in its outbox; nothing else of it holds an envelope.
 */
import type { Erasure } from "../../secrets/erasure.ts";
import type { Rekeyed, RekeyRequest } from "../../secrets/key-rotation-plan.ts";
import { reseal, sealedOnlyBy } from "../../secrets/sealed.ts";
import { isOfNewerRelease } from "../model/newer-release.ts";
import { type Content, edited, rowOf } from "../shell/secret-texts.ts";
import type { BotShell } from "../shell/shell.ts";
import type { SecretText } from "../shell/store.ts";

/** Writers may overtake it this often before the rotation is told to come again. */
const MAX_RACES = 50;

/** May be repeated. Needs no state that can be read: a bot that nobody can repair just now has secrets all the same. */
export async function rekey(shell: BotShell, { rotation, target, retired }: RekeyRequest): Promise<Rekeyed> {
  const { store } = shell;
  if (!store.exists()) return { kind: "absent" };
  if (store.retiredKeys().rotation > rotation) return { kind: "superseded" };
  // The fence comes first: what is looked for below can then only become less.
  store.saveRetiredKeys({ rotation, ids: [...retired] });
  const unreadable = new Map<string, string>();
  let resealed = 0;
  for (let overtaken = 0; overtaken < MAX_RACES; ) {
    const text = store.secretTexts().find((each) => !unreadable.has(each.place) && !isUnder(target, each));
    if (text === undefined) {
      return { kind: "rekeyed", resealed, unreadable: [...unreadable].map(([place, detail]) => ({ place, detail })) };
    }
    const row = rowOf(text);
    const sealed =
      row === null
        ? { kind: "unreadable" as const, detail: "the row is not a config version" }
        : await reseal(shell.platform.vault, row, target);
    // While it was being sealed a later rotation may have come, which has its own target.
    if (store.retiredKeys().rotation > rotation) return { kind: "superseded" };
    if (sealed.kind === "behind") return { kind: "behind" };
    if (sealed.kind === "unreadable") unreadable.set(text.place, sealed.detail);
    else if (replace(shell, text, (content) => ({ ...content, ...sealed.fields }))) resealed++;
    else overtaken++;
  }
  return { kind: "behind" };
}

function isUnder(target: string, text: SecretText): boolean {
  const row = rowOf(text);
  return row !== null && sealedOnlyBy(row, target);
}

/** Fields that this release does not know stay. @returns false where the text was replaced meanwhile */
function replace(shell: BotShell, text: SecretText, change: (content: Content) => Content): boolean {
  const { store, platform } = shell;
  const replaced = store.replaceSecretText(text, edited(text, change), platform.now());
  // What waits may be delivered at once.
  if (replaced && text.table === "outbox" && shell.live() !== null) shell.commit({});
  return replaced;
}

/** The Bot is the one who knows that it is destroyed. May be repeated. */
export function eraseSecrets(shell: BotShell): Erasure {
  const loaded = shell.load();
  if (loaded.kind !== "bot") return loaded.kind === "absent" ? "absent" : "unreadable";
  if (isOfNewerRelease(loaded.bot)) return "unreadable";
  const { destroyed_at, secrets_erased_at } = loaded.bot;
  const { now, policy } = shell.platform;
  if (destroyed_at === null || now() < destroyed_at + policy.secret_retention_ms) return "kept";
  if (secrets_erased_at === null) shell.commit({ events: [{ kind: "secrets_erased", data: {} }], erase_secrets: true });
  return "erased";
}
