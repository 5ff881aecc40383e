/** Every place where something of a bot's life is kept or said, as text, to be searched. */
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { Simulator } from "../../../simulator/model/simulator.ts";
import { request } from "../cloud.ts";

const TABLES =
  "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'";

/** Keeps what is logged, on its way to nowhere. */
export function listen(): { text: () => string; end: () => void } {
  const spies = (["log", "info", "warn", "error", "debug"] as const).map((level) =>
    vi.spyOn(console, level).mockReturnValue(undefined),
  );
  return {
    text: () => spies.flatMap(({ mock }) => mock.calls.map((words) => words.join(" "))).join("\n"),
    end() {
      for (const spy of spies) spy.mockRestore();
    },
  };
}

/** Sends requests and keeps what was answered: status, headers and body. */
export class Witness {
  readonly #heard: string[] = [];

  async ask(...asked: Parameters<typeof request>) {
    const answer = await request(...asked);
    this.hear(answer);
    return answer;
  }

  hear({ status, headers, text }: { status: number; headers: Headers; text: string }): void {
    this.#heard.push(`${status} ${JSON.stringify([...headers])}\n${text}`);
  }

  frame(text: string): void {
    this.#heard.push(text);
  }

  text(): string {
    return this.#heard.join("\n");
  }
}

/** Everything in D1, table by table. */
export async function inD1(): Promise<[string, string][]> {
  const { results } = await env.DB.prepare(TABLES).all<{ name: string }>();
  const rows = await env.DB.batch(results.map(({ name }) => env.DB.prepare(`SELECT * FROM "${name}"`)));
  return results.map(({ name }, index) => [`D1 ${name}`, JSON.stringify(rows[index]?.results)]);
}

/** Everything in the SQLite of every object, table by table. */
export async function inObjects(): Promise<[string, string][]> {
  const found = new Map<string, string>();
  const namespaces: [string, DurableObjectNamespace][] = [
    ["Bot", env.BOT as unknown as DurableObjectNamespace],
    ["ProviderGate", env.GATE as unknown as DurableObjectNamespace],
  ];
  for (const [kind, namespace] of namespaces) {
    for (const id of await listDurableObjectIds(namespace)) {
      const tables = await runInDurableObject(namespace.get(id), (_object, { storage }) =>
        storage.sql
          .exec<{ name: string }>(TABLES)
          .toArray()
          .map(({ name }) => [name, JSON.stringify(storage.sql.exec(`SELECT * FROM "${name}"`).toArray())] as const),
      );
      for (const [table, rows] of tables) found.set(`${kind} ${table}`, (found.get(`${kind} ${table}`) ?? "") + rows);
    }
  }
  return [...found];
}

/** What DigitalOcean has been told and has noted, but for user-data. */
export function inCloud(cloud: Simulator): [string, string][] {
  const { droplets, ...rest } = cloud.snapshot() as unknown as { droplets: unknown };
  const bare = JSON.stringify(droplets, (key, value) => (key === "user_data" ? undefined : value));
  return [
    ["the cloud's droplets", bare],
    ["the cloud's other records", JSON.stringify(rest)],
    ["the cloud's requests", JSON.stringify(cloud.requests)],
  ];
}
