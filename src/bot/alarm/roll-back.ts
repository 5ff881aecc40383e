/** Putting back what was good before the desired version failed, by publishing it anew. */
import type { ConfigRow } from "../../records/rows.ts";
import { openSecrets, type SealedSecrets, sealSecrets } from "../config/secrets.ts";
import type { RolledBack } from "../model/state.ts";
import { reconcile } from "../reconcile/reconcile.ts";
import { sealedWithRetiredKey } from "../shell/secret-texts.ts";
import type { BotShell } from "../shell/shell.ts";

const ACTOR = "spawnpoint";
const MAX_NOTE_CHARS = 500;

/**
 * One commit: the new version, the pointer to it and the reason. Sealing the secrets is asynchronous: where another
 * version, an acknowledgement or an action has come meanwhile, this is of no interest any more.
 */
export async function rollBack(shell: BotShell, back: RolledBack): Promise<void> {
  const { platform, store } = shell;
  const good = store.config(back.restored_from);
  const sealed = good && (await sealAnew(shell, good, back.version));
  const { bot, rt } = shell.present();
  if (!good || sealed === null || sealedWithRetiredKey(store, { ...good, ...sealed })) {
    shell.log({ level: "error", event: "rollback_held", ...back });
    shell.commit({ rt: { ...rt, restore_not_before: platform.now() + platform.policy.restore_retry_ms } });
    return;
  }
  const decision = reconcile(bot, rt, platform.now(), platform.policy);
  if (!("restore" in decision) || decision.restore.version !== back.version) return;
  const config: ConfigRow = {
    ...good,
    id: platform.uuid(),
    version: back.version,
    restored_from: good.version,
    // The whole of it: a secret that did not change is the same in both, and one that did may be what failed.
    ...sealed,
    note: `Version ${back.failed_version} failed: ${back.reason}`.slice(0, MAX_NOTE_CHARS),
    author: ACTOR,
    created_at: platform.now(),
  };
  const { id, version, restored_from } = config;
  const { paper_mode } = config.trading_config;
  shell.commit({
    events: [
      { kind: "config_published", data: { config: { id, version }, paper_mode, restored_from } },
      { kind: "rolled_back", data: back },
    ],
    actor: ACTOR,
    config,
  });
  shell.log({ event: "config_rolled_back", ...back });
}

/** The good version's secrets, for the new one; null where they cannot be opened. */
async function sealAnew(shell: BotShell, good: ConfigRow, version: number): Promise<SealedSecrets | null> {
  const { vault } = shell.platform;
  try {
    return await sealSecrets(vault, good.bot_id, version, await openSecrets(vault, good));
  } catch (error) {
    shell.log({ level: "error", event: "secret_unreadable", detail: String(error) });
    return null;
  }
}
