/** D1 as production has it, in workerd: as many databases as a test wants, all of them empty. */
import { join } from "node:path";
import { readD1Migrations } from "@cloudflare/vitest-plugin";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

const ROOT = join(import.meta.dirname, "../../..");
export const MIGRATIONS_DIR = join(ROOT, "migrations");

export type Value = string | number | null;
export type Row = Record<string, Value>;
export interface Statement {
  sql: string;
  params?: readonly Value[];
}
export interface Migration {
  name: string;
  queries: string[];
}

/**
 * Asks D1 from inside, one batch after the other, as a Worker does: miniflare's own stand-in for a binding takes a journey
 * for each `prepare` and `bind`.
 */
const WORKER = `export default {
  async fetch(request, env) {
    const { database, batches } = await request.json();
    const db = env[database];
    const answers = [];
    try {
      for (const statements of batches) {
        const results = await db.batch(statements.map(({ sql, params }) => db.prepare(sql).bind(...(params ?? []))));
        answers.push(results.map(({ results }) => results));
      }
      return Response.json({ answers });
    } catch (error) {
      return Response.json({ error: "batch " + answers.length + ": " + error });
    }
  },
};`;

export class D1 {
  readonly #miniflare: Miniflare;
  readonly #database: string;

  constructor(miniflare: Miniflare, database: string) {
    this.#miniflare = miniflare;
    this.#database = database;
  }

  /** One transaction each. @returns each statement's rows @throws what D1 says; that batch then did nothing */
  async batches(batches: readonly (readonly Statement[])[]): Promise<Row[][][]> {
    const body = JSON.stringify({ database: this.#database, batches });
    const response = await this.#miniflare.dispatchFetch("http://d1.test", { method: "POST", body });
    const answer = (await response.json()) as { answers: Row[][][] } | { error: string };
    if ("error" in answer) throw new Error(answer.error);
    return answer.answers;
  }

  async batch(statements: readonly Statement[]): Promise<Row[][]> {
    return (await this.batches([statements]))[0] ?? [];
  }

  async run(sql: string): Promise<Row[]> {
    return (await this.batch([{ sql }]))[0] ?? [];
  }

  /** As wrangler does it, here and remotely: all statements of a file are one transaction. */
  async apply({ queries }: Pick<Migration, "queries">): Promise<void> {
    await this.batch(queries.map((sql) => ({ sql })));
  }

  async applyAll(migrations: readonly Migration[]): Promise<void> {
    for (const migration of migrations) await this.apply(migration);
  }
}

/** The files, split into statements as wrangler splits them. */
export function readMigrations(): Promise<Migration[]> {
  return readD1Migrations(MIGRATIONS_DIR);
}

/** @param persisted where the databases are kept; without it, nowhere */
export function startDatabases(names: readonly string[], persisted?: string) {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      // A batch that fails at its commit makes workerd log a stack; the test sees the error itself.
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: () => undefined,
      modules: true,
      script: WORKER,
      cf: false,
      ...(persisted === undefined ? {} : { resourcePersistencePath: persisted }),
      d1Databases: Object.fromEntries(names.map((name) => [name, name])),
    }),
  );
  return { open: (name: string) => new D1(miniflare, name), stop: () => miniflare.dispose() };
}
