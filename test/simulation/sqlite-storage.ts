/** An object's storage outside of workerd: SQLite in memory, and an alarm that commits and rolls back with it. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SqlValue, Storage } from "../../src/storage.ts";

export class SqliteStorage implements Storage {
  readonly #db = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, StatementSync>();
  #staged: number | null | undefined;
  #alarmAt: number | null = null;
  /** Called whenever the alarm is set or taken away. */
  alarmChanged: (at: number | null) => void = () => undefined;
  /** Called after every commit. */
  committed: () => void = () => undefined;

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
      let statement = this.#statements.get(query);
      if (!statement) {
        statement = this.#db.prepare(query);
        this.#statements.set(query, statement);
      }
      return statement.all(...binds) as Row[];
    },
  };

  transactionSync<T>(run: () => T): T {
    this.#db.exec("BEGIN");
    this.#staged = undefined;
    let result: T;
    try {
      result = run();
    } catch (error) {
      this.#db.exec("ROLLBACK");
      this.#staged = undefined;
      throw error;
    }
    this.#db.exec("COMMIT");
    if (this.#staged !== undefined) this.alarmAt = this.#staged;
    this.#staged = undefined;
    this.committed();
    return result;
  }

  setAlarm(at: number | null): void {
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
