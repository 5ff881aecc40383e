/** What every refusal must look like, and what must be as it was after one. */
import { env } from "cloudflare:workers";
import type { ExpectStatic } from "vitest";
import type { Simulator } from "../../simulator/model/simulator.ts";
import { request, type request as send } from "./cloud.ts";

export interface Expected {
  status: number;
  code: string;
  /** JSON pointers that `errors` must name. */
  pointers?: readonly string[];
}

/** RFC 9457, with our code and the request's id; never a stack or a query. */
export function expectProblem(
  expect: ExpectStatic,
  answer: Awaited<ReturnType<typeof send>>,
  expected: Expected,
): void {
  const { status, code, pointers } = expected;
  expect([answer.status, answer.json?.code], answer.text).toEqual([status, code]);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const { type, title, detail, request_id, errors } = answer.json;
  expect(answer.json).toMatchObject({ status, code, type: `https://spawnpoint.dev/problems/${code}` });
  for (const text of [type, title, detail, request_id]) expect(text).toEqual(expect.stringMatching(/\S/));
  expect(request_id).toBe(answer.headers.get("x-request-id"));
  if (pointers) expect(errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
  if (status === 401) expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
  if (status === 503 || status === 429) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
}

/** Everything that a refused request might have changed. */
export async function everything(cloud: Simulator, botId: string) {
  const tables = [
    "accounts",
    "bots",
    "bot_configs",
    "droplets",
    "idempotency",
    "memberships",
    "invitations",
    "users",
    "sessions",
  ];
  const rows = await env.DB.batch(tables.map((table) => env.DB.prepare(`SELECT * FROM ${table} ORDER BY 1`)));
  const { json } = await request("GET", `/bots/${botId}`);
  return {
    rows: Object.fromEntries(tables.map((table, index) => [table, rows[index]?.results])),
    bot: { revision: json.revision, operation: json.operation.id, status: json.status },
    cloud: { creates: cloud.counters.creates, droplets: cloud.droplets().length },
  };
}
