import { sql } from "drizzle-orm";

/** The values as SQL literals. They are our own constants: nothing from outside reaches a CHECK. */
export function oneOf(values: readonly string[]) {
  return sql.raw(values.map((value) => `'${value}'`).join(", "));
}
