/** What the fleet's upkeep asks of a Bot: whether a droplet is its own, and whether it still wakes by itself. */

import type { VerdictRequest } from "../../provider/gate/verdict.ts";
import type { IndexEntry, SnapshotRows } from "../../records/rows.ts";
import { DROPLET } from "../../resources/droplet.ts";
import type { SweepVerdict } from "../../resources/verdict.ts";
import { roomForDroplets } from "../model/droplet-capacity.ts";
import { isOfNewerRelease } from "../model/newer-release.ts";
import type { Instant } from "../model/state.ts";
import { judgeClaim } from "../reconcile/claim.ts";
import { nextAlarm } from "../reconcile/schedule.ts";
import { botRow, changedDroplets } from "../shell/outbox-rows.ts";
import type { BotShell, Live } from "../shell/shell.ts";

/** A Bot that cannot read all of its own state, or does not know the kind, gives nothing away. */
export function claim(shell: BotShell, request: VerdictRequest): SweepVerdict {
  const { kind = DROPLET, droplet, listed_ms_ago, dry_run } = request;
  const loaded = shell.load();
  if (loaded.kind === "absent") return "unknown_bot";
  if (loaded.kind === "broken" || isOfNewerRelease(loaded.bot) || kind !== DROPLET) return "mine";
  const listedAt = shell.platform.now() - listed_ms_ago;
  const recall = () => shell.store.history.claimHistory(droplet);
  const { verdict, found } = judgeClaim(loaded.bot, droplet, recall, listedAt);
  if (found !== null && !dry_run && roomForDroplets(loaded.bot) > 0) {
    shell.commit({ events: [{ kind: "droplet_found", data: { droplet: found, via: "sweep" } }] });
  }
  return verdict;
}

/** `absent`: the object knows of no bot. `settled`: it waits for nothing. */
export type Poked = "absent" | "unreadable" | "settled" | "armed" | "rearmed";

/**
 * Sees to it that the Bot wakes by itself; as often as one likes.
 * @param armedAt when the platform will wake it; null: never, or it is awake just now
 * @param indexedRevision what the index knows of it: where it was restored to an earlier day, its rows are sent again
 */
export function poke(shell: BotShell, armedAt: Instant | null, indexedRevision: number): Poked {
  const { platform, store } = shell;
  const loaded = shell.load();
  if (loaded.kind === "absent") return "absent";
  const now = platform.now();
  const late = armedAt === null || armedAt < now - platform.policy.alarm_late_ms;
  if (loaded.kind === "broken") {
    if (late) shell.holdBroken(loaded.detail);
    return "unreadable";
  }
  const { bot, rt } = loaded;
  if (indexedRevision < bot.revision && store.nextDeliveryAt() === null) {
    shell.commit({ entries: indexEntries(shell, loaded) });
    return "rearmed";
  }
  if (nextAlarm(bot, rt, now, platform.policy, store.nextDeliveryAt()).at === null) return "settled";
  if (!late) return "armed";
  // Nobody was heard while we slept: silence is counted from now.
  shell.commit({ rt: { ...rt, deaf_until: now } });
  return "rearmed";
}

/** Null where there is no bot, or none that can be read. */
export function snapshotRows(shell: BotShell): SnapshotRows | null {
  const live = shell.live();
  if (live === null) return null;
  const { bot } = live;
  return {
    account_id: bot.account_id,
    created_at: bot.created_at,
    created_by: shell.store.history.createdBy() ?? "spawnpoint",
    bot: botRow(bot, live.rt),
    entries: indexEntries(shell, live).filter(({ kind }) => kind !== "bot"),
  };
}

/** Everything of the bot that the index shows and the object still holds. */
function indexEntries(shell: BotShell, { bot, rt }: Live): IndexEntry[] {
  const config = shell.store.config(bot.config.desired.version);
  return [
    { kind: "bot", row: botRow(bot, rt) },
    ...(config ? [{ kind: "config" as const, row: config }] : []),
    ...changedDroplets(null, bot).map((row) => ({ kind: "droplet" as const, row })),
  ];
}
