/**
 * A Bot's history in its own SQLite: numbered events with what each made of the status, and the little that is still
 * asked for once they are pruned. Numbers have no gap: what is kept runs from the first to the newest.
 */
import type { Sql } from "../../cloudflare/storage-port.ts";
import type { ClaimHistory } from "../../resources/verdict.ts";
import { BOT_STATUSES } from "../../wire/enums.ts";
import type { BotEvent, RecordedEvent, Standing } from "../model/events.ts";
import type { BotState } from "../model/state.ts";

export function recorded(event: BotEvent, before: BotState | null, after: BotState): RecordedEvent {
  return { ...event, before: before && standing(before), after: standing(after), reason: after.reason };
}

function standing({ status, generation }: BotState): Standing {
  return { status, generation };
}

type EventRow = {
  seq: number;
  at: number;
  kind: string;
  actor: string;
  data: string;
  status_before: string | null;
  generation_before: number | null;
  status: string | null;
  generation: number | null;
  reason: string | null;
};

export class History {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  append({ seq, at, kind, actor, data, before, after, reason }: RecordedEvent): void {
    this.#sql.exec(
      "INSERT INTO event (seq, at, kind, actor, data) VALUES (?, ?, ?, ?, ?)",
      seq,
      at,
      kind,
      actor,
      JSON.stringify(data),
    );
    if (after !== null) {
      const { status, generation } = after;
      this.#sql.exec(
        "INSERT INTO transition (seq, status_before, generation_before, status, generation, reason) VALUES (?, ?, ?, ?, ?, ?)",
        seq,
        before?.status ?? null,
        before?.generation ?? null,
        status,
        generation,
        reason,
      );
    }
    if (kind === "snapshot")
      this.#sql.exec("INSERT OR REPLACE INTO remembered (key, value) VALUES ('snapshot', ?)", seq);
  }

  /** Events with numbers above `after`, oldest first. */
  events(after: number, limit: number): RecordedEvent[] {
    return this.#sql
      .exec<EventRow>(
        `SELECT seq, at, kind, actor, data, status_before, generation_before, status, generation, reason
         FROM event LEFT JOIN transition USING (seq) WHERE seq > ? ORDER BY seq LIMIT ?`,
        after,
        limit,
      )
      .map(eventOf);
  }

  /** The lowest number that is kept; null: there is no history. */
  firstSeq(): number | null {
    return this.#sql.exec<{ seq: number | null }>("SELECT min(seq) AS seq FROM event")[0]?.seq ?? null;
  }

  lastSeq(): number | null {
    return this.#sql.exec<{ seq: number | null }>("SELECT max(seq) AS seq FROM event")[0]?.seq ?? null;
  }

  /** The newest event that carries the whole state; null: the state folds from the first event on. */
  snapshotSeq(): number | null {
    return Number(this.#remembered("snapshot")) || null;
  }

  /** Who had the bot made; null where no history says so. */
  createdBy(): string | null {
    const [accepted] = this.#sql.exec<{ actor: string }>("SELECT actor FROM event WHERE seq = 1");
    return accepted?.actor ?? this.#remembered("created_by")?.toString() ?? null;
  }

  /** What the history says of a droplet, beyond what the state still holds. */
  claimHistory({ id, name }: { id: number; name: string }): ClaimHistory {
    const intended = this.#sql.exec(
      "SELECT 1 FROM event WHERE kind = 'intent_opened' AND json_extract(data, '$.droplet_name') = ? LIMIT 1",
      name,
    );
    const [gone] = this.#sql.exec<{ at: number | null }>(
      "SELECT max(at) AS at FROM event WHERE kind = 'droplet_gone' AND json_extract(data, '$.droplet_id') = ?",
      id,
    );
    const goneBefore = this.#remembered(`gone:${id}`);
    return {
      intended: intended.length > 0 || this.#remembered(`intended:${name}`) !== null,
      gone_at: gone?.at ?? (goneBefore === null ? null : Number(goneBefore)),
    };
  }

  /** Forgets events with numbers below `floor`, the oldest first and at most `most`; remembers what is still asked for. */
  prune(floor: number, most: number): void {
    const first = this.firstSeq();
    if (first === null || first >= floor) return;
    const end = Math.min(floor, first + most);
    this.#sql.exec(
      `INSERT OR IGNORE INTO remembered (key, value) SELECT 'intended:' || json_extract(data, '$.droplet_name'), seq
       FROM event WHERE seq < ? AND kind = 'intent_opened'`,
      end,
    );
    this.#sql.exec(
      `INSERT INTO remembered (key, value) SELECT 'gone:' || json_extract(data, '$.droplet_id'), max(at)
       FROM event WHERE seq < ? AND kind = 'droplet_gone' GROUP BY 1
       ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      end,
    );
    this.#sql.exec("INSERT OR IGNORE INTO remembered (key, value) SELECT 'created_by', actor FROM event WHERE seq = 1");
    this.#sql.exec("DELETE FROM transition WHERE seq < ?", end);
    this.#sql.exec("DELETE FROM event WHERE seq < ?", end);
  }

  #remembered(key: string): string | number | null {
    return (
      this.#sql.exec<{ value: string | number }>("SELECT value FROM remembered WHERE key = ?", key)[0]?.value ?? null
    );
  }
}

function eventOf({ data, status_before, generation_before, status, generation, ...row }: EventRow): RecordedEvent {
  return {
    ...row,
    data: dataOf(data),
    before: standingOf(status_before, generation_before),
    after: standingOf(status, generation),
  } as RecordedEvent;
}

/** What is damaged is shown as nothing: the rest of the event still tells when, and who. */
function dataOf(text: string): object {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === "object" && data !== null && !Array.isArray(data) ? data : {};
  } catch {
    return {};
  }
}

function standingOf(status: string | null, generation: number | null): Standing | null {
  const known = BOT_STATUSES.find((one) => one === status);
  return known === undefined || generation === null ? null : { status: known, generation };
}
