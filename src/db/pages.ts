/** Cursor pages over (created_at, id): stable while rows come and go, unlike offsets. */
import { and, type Column, eq, gt, lt, or, type SQL } from "drizzle-orm";

export interface Position {
  at: number;
  id: string;
}

export function encodeCursor({ at, id }: Position): string {
  return btoa(`${at} ${id}`).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Null where it is none of ours. */
export function decodeCursor(cursor: string): Position | null {
  try {
    const [at, id, ...rest] = atob(cursor.replaceAll("-", "+").replaceAll("_", "/")).split(" ");
    if (
      at === undefined ||
      id === undefined ||
      rest.length > 0 ||
      !/^[0-9]{1,16}$/.test(at) ||
      !/^[0-9a-f-]{36}$/.test(id)
    ) {
      return null;
    }
    return { at: Number(at), id };
  } catch {
    return null;
  }
}

/** Rows after the position, newest first. */
export function olderThan(at: Column, id: Column, position: Position | null): SQL | undefined {
  return position === null ? undefined : or(lt(at, position.at), and(eq(at, position.at), gt(id, position.id)));
}

/** One row more than asked for was read: it tells whether there is a next page. */
export function toPage<Row>(rows: Row[], limit: number, position: (row: Row) => Position) {
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  return { data, next_cursor: rows.length > limit && last ? encodeCursor(position(last)) : null };
}
