/** The index in D1, outside of D1: rows guarded by revision, which can be down, slow to say so, or restored to yesterday. */

import type { AuditRecord, BotRow, OutboxEntry, SnapshotRows } from "../../src/records/rows.ts";
import type { IndexedBot, Restored, Slice } from "../../src/records/upkeep.ts";

type Row = BotRow | { id: string; revision: 0; status: "pending"; next_due_at: null };

export class IndexStore {
  #rows = new Map<string, Row>();
  /** What the audit log has, by what makes an entry one of its kind. */
  readonly audited = new Map<string, AuditRecord>();
  #saved: Map<string, Row> | null = null;
  down = false;
  /** The chance, 0 to 1, that a write is lost, or that only its answer is. */
  faulty = 0;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  get(id: string) {
    return this.#rows.get(id);
  }

  has(id: string): boolean {
    this.#mustAnswer();
    return this.#rows.has(id);
  }

  /** The row that is written before the Bot is told. */
  accept(id: string): void {
    this.#rows.set(id, { id, revision: 0, status: "pending", next_due_at: null });
  }

  receive(entry: OutboxEntry): void {
    this.#mustAnswer();
    const lost = this.#random() < this.faulty;
    if (lost && this.#random() < 0.5) throw new Error("D1 was reset before the write");
    const known = entry.kind === "bot" ? this.#rows.get(entry.row.id) : undefined;
    if (entry.kind === "bot" && known && known.revision < entry.row.revision) this.#rows.set(entry.row.id, entry.row);
    if (entry.kind === "audit") this.audited.set(entry.row.key, this.audited.get(entry.row.key) ?? entry.row);
    if (lost) throw new Error("D1 was reset after the write");
  }

  restore({ bot }: SnapshotRows): Restored {
    this.#mustAnswer();
    if ((this.#rows.get(bot.id)?.revision ?? 0) <= bot.revision) this.#rows.set(bot.id, bot);
    return "restored";
  }

  /** Yesterday's backup. */
  save(): void {
    this.#saved = new Map(this.#rows);
  }

  /** @returns whether there was a backup to go back to */
  restoreBackup(): boolean {
    if (this.#saved === null) return false;
    this.#rows = new Map(this.#saved);
    return true;
  }

  findIds(after: string | null, limit: number): string[] {
    this.#mustAnswer();
    const ids = [...this.#rows.keys()].sort().filter((id) => after === null || id > after);
    return ids.slice(0, limit);
  }

  findOverdue(now: number): IndexedBot[] {
    this.#mustAnswer();
    return [...this.#rows.values()].filter(({ next_due_at }) => next_due_at !== null && next_due_at <= now);
  }

  findToAudit({ from, to, after }: Slice, limit: number): IndexedBot[] {
    this.#mustAnswer();
    const slice = [...this.#rows.values()].filter(({ id }) => id >= from && id < to && (after === null || id > after));
    return slice.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  countOnline(): number {
    this.#mustAnswer();
    return [...this.#rows.values()].filter(({ status }) => status === "online").length;
  }

  #mustAnswer(): void {
    if (this.down) throw new Error("D1 is down");
  }
}
