/** An object's storage outside of workerd: SQLite in memory, and an alarm that commits and rolls back with it. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SqlValue, Storage } from "../../src/cloudflare/storage-port.ts";

export class SqliteStorage implements Storage {
  readonly #db = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, StatementSync>();
  #staged: number | null | undefined;
  #alarmAt: number | null = null;
  /** Called whenever the alarm is set or taken away. */
  alarmChanged: (at: number | null) => void = () => undefined;
  /** Called after every commit that added to the object's history. */
  historyGrew: () => void = () => undefined;
  #wroteEvent = false;
  /** Times that the alarm was set or taken away: each is billed as a written row. */
  alarmsSet = 0;
  /** Rows that came out of statements; what a statement looked at without showing it is not seen here. */
  rowsRead = 0;

  /** Rows that were inserted, changed or deleted, as SQLite counts them: entries of indexes are not among them. */
  get rowsWritten(): number {
    return Number(this.#statement("SELECT total_changes() AS rows").get()?.rows ?? 0);
  }

  /** When the platform will call `alarm()`; null: never. */
  get alarmAt(): number | null {
    return this.#alarmAt;
  }

  set alarmAt(at: number | null) {
    this.#alarmAt = at;
    this.alarmChanged(at);
  }

  readonly sql = {
    exec: <Row extends Record<string, SqlValue>>(query: string, ...binds: SqlValue[]): Row[] => {
      this.#wroteEvent ||= query.startsWith("INSERT INTO event");
      const rows = this.#statement(query).all(...binds) as Row[];
      this.rowsRead += rows.length;
      return rows;
    },
  };

  #statement(query: string): StatementSync {
    let statement = this.#statements.get(query);
    if (!statement) {
      statement = this.#db.prepare(query);
      this.#statements.set(query, statement);
    }
    return statement;
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  transactionSync<T>(run: () => T): T {
    this.#statement("BEGIN").run();
    this.#staged = undefined;
    this.#wroteEvent = false;
    let result: T;
    try {
      result = run();
    } catch (error) {
      this.#statement("ROLLBACK").run();
      this.#staged = undefined;
      throw error;
    }
    this.#statement("COMMIT").run();
    if (this.#staged !== undefined) this.alarmAt = this.#staged;
    this.#staged = undefined;
    if (this.#wroteEvent) this.historyGrew();
    return result;
  }

  setAlarm(at: number | null): void {
    this.alarmsSet++;
    if (this.#db.isTransaction) this.#staged = at;
    else this.alarmAt = at;
  }

  /** What the platform would take for the time of the alarm that it is about to deliver. */
  takeAlarm(): number | null {
    const due = this.alarmAt;
    this.alarmAt = null;
    return due;
  }
}
