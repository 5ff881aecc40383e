/** Keeps the history bounded: the state goes into a snapshot, and what is long before it goes, a part at a time. */
import type { BotShell } from "../shell/shell.ts";

/**
 * One step of it, once for each alarm. An event is never far from an alarm, which tells the index of it, so this keeps
 * pace with what is written.
 */
export function pruneHistory(shell: BotShell): void {
  const { platform, store } = shell;
  const { history } = store;
  const { history_max, history_chunk } = platform.policy;
  const keep = Math.min(platform.policy.history_keep, history_max - 1);
  const first = history.firstSeq();
  const last = history.lastSeq();
  if (first === null || last === null || last - first < keep) return;
  const floor = (history.snapshotSeq() ?? 0) - keep;
  if (first < floor) platform.transactionSync(() => history.prune(floor, history_chunk));
  else if (last - first >= history_max) {
    shell.commit({ events: [{ kind: "snapshot", data: { bot: shell.present().bot } }] });
  }
}
