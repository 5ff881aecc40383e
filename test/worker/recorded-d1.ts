/** Everything that D1 is asked, with its values and in its batches, until the test's spies are taken away. */
import { env } from "cloudflare:workers";
import { vi } from "vitest";

/** What of a prepared statement the runtime's own object carries. */
interface Prepared {
  statement: string;
  params: unknown[];
}
/** Statements that D1 ran as one transaction. */
export type Recorded = Prepared[];

export function recordD1(): Recorded[] {
  const recorded: Recorded[] = [];
  const note = (statements: unknown[]) => {
    recorded.push((statements as Prepared[]).map(({ statement, params }) => ({ statement, params: [...params] })));
  };
  const database: D1Database = Object.getPrototypeOf(env.DB);
  const batch = database.batch;
  vi.spyOn(database, "batch").mockImplementation(function (this: D1Database, statements) {
    note(statements);
    return batch.call(this, statements);
  });
  const single: D1PreparedStatement = Object.getPrototypeOf(env.DB.prepare("SELECT 1"));
  for (const name of ["run", "all", "raw", "first"] as const) {
    const original = single[name] as (...given: unknown[]) => Promise<never>;
    vi.spyOn(single, name).mockImplementation(function (this: D1PreparedStatement, ...given: unknown[]) {
      note([this]);
      return original.apply(this, given);
    });
  }
  return recorded;
}
