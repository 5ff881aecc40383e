/** All that is stored, store by store: D1's tables, and each object's own SQLite. */
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";

/** What a store holds, as text, by the store's name. */
export type Fingerprint = ReadonlyMap<string, string>;

const MOST_LOOKS = 200;
/** A wrong password is counted: that is what those rows are for. */
const TABLES =
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%' AND name <> 'sign_in_brakes'";

/** Takes all alarms away until nothing moves by itself. @param known as it was frozen before: one look may do */
export async function freeze(known: Fingerprint | null = null): Promise<Fingerprint> {
  let before = known;
  let moving = "";
  for (let look = 0; look < MOST_LOOKS; look++) {
    const { armed, contents } = await ofObjects();
    const now = new Map([...(await ofD1()), ...contents]);
    if (armed === 0 && before !== null && differences(before, now).length === 0) return now;
    moving = `${armed} alarms; ${before === null ? "" : differences(before, now)}`;
    before = now;
    // What an event of a socket still does is done by then, or shows as a difference the next time.
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  throw new Error(`it moves by itself: ${moving}`);
}

/** Names of the stores that are not the same. */
export function differences(before: Fingerprint, after: Fingerprint): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  // An object that was only asked stores nothing, and is no difference.
  return [...names].filter((name) => (before.get(name) ?? "") !== (after.get(name) ?? ""));
}

async function ofD1(): Promise<[string, string][]> {
  const { results: tables } = await env.DB.prepare(TABLES).all<{ name: string }>();
  const rows = await env.DB.batch(tables.map(({ name }) => env.DB.prepare(`SELECT * FROM "${name}"`)));
  return tables.map(({ name }, index) => [`D1 ${name}`, JSON.stringify(rows[index]?.results)]);
}

async function ofObjects(): Promise<{ armed: number; contents: [string, string][] }> {
  let armed = 0;
  const contents: [string, string][] = [];
  const namespaces: [string, DurableObjectNamespace][] = [
    ["Bot", env.BOT as unknown as DurableObjectNamespace],
    ["Gate", env.GATE as unknown as DurableObjectNamespace],
  ];
  for (const [kind, namespace] of namespaces) {
    for (const id of await listDurableObjectIds(namespace)) {
      const stub = namespace.get(id);
      const found = await runInDurableObject(stub, async (_object, { storage }) => {
        const was = (await storage.getAlarm()) !== null;
        if (was) await storage.deleteAlarm();
        return { was, content: contentOf(storage) };
      });
      if (found.was) armed++;
      for (const [table, rows] of found.content) contents.push([`${kind} ${id.toString().slice(0, 8)} ${table}`, rows]);
    }
  }
  return { armed, contents };
}

function contentOf({ sql }: DurableObjectStorage): [string, string][] {
  const tables = sql.exec<{ name: string }>(TABLES).toArray();
  return tables.map(({ name }) => [name, JSON.stringify([...sql.exec(`SELECT * FROM "${name}"`).raw()])]);
}
