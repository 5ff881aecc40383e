/** The agent's store over its file, with what there is to say of it. */
import { describeError, type Log } from "./log.ts";
import { Store } from "./store.ts";
import { SqliteFile } from "./store-file.ts";

export function openStore(path: string, log: Log): Store {
  const file = new SqliteFile(path, (error) => log("database_put_aside", { error: describeError(error) }));
  return new Store(file, (key) => log("kept_value_unreadable", { key }));
}
