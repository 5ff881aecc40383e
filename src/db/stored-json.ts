import { customType } from "drizzle-orm/sqlite-core";

/**
 * A text column that holds JSON. Where it is damaged it reads as undefined, so that whoever parses the row finds that one
 * wanting: an exception here would take the whole list with it.
 */
export function storedJson<T>(name: string) {
  return customType<{ data: T; driverData: string }>({
    dataType: () => "text",
    toDriver: (value) => JSON.stringify(value),
    fromDriver: (text) => {
      try {
        return JSON.parse(text);
      } catch {
        return undefined as T;
      }
    },
  })(name);
}
