/** A Durable Object's storage as the Bot and the gate see it. */
import type { SqlValue, Storage } from "./storage-port.ts";

export function storageOf(storage: DurableObjectStorage): Storage {
  return {
    sql: {
      exec: <Row extends Record<string, SqlValue>>(query: string, ...binds: SqlValue[]) =>
        storage.sql.exec<Row>(query, ...binds).toArray(),
    },
    transactionSync: (run) => storage.transactionSync(run),
    setAlarm(at) {
      // Not awaited: the output gate holds every answer until it is durable, and it rolls back with the transaction.
      void (at === null ? storage.deleteAlarm() : storage.setAlarm(at));
    },
  };
}
