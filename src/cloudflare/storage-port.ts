/** What the Bot and the gate need of an object's storage. */

export type SqlValue = string | number | null;

export interface Sql {
  exec<Row extends Record<string, SqlValue>>(query: string, ...binds: SqlValue[]): Row[];
}

export interface Storage {
  sql: Sql;
  /** Commits all or nothing, the alarm included. */
  transactionSync<T>(run: () => T): T;
  /** Milliseconds since the epoch; null: no alarm. */
  setAlarm(at: number | null): void;
}
