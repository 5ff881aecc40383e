/** What D1 is asked, as text, until the test's spies are taken away. */
import { env } from "cloudflare:workers";
import { vi } from "vitest";

/** Of what D1 was asked, what a request waits for: a key's use and a bot's outbox are noted behind its back. */
export function readsOf(statements: readonly string[]): string[] {
  return statements.filter((text) => /^\s*select/i.test(text));
}

export function countD1(): string[] {
  const statements: string[] = [];
  const D1: D1Database = Object.getPrototypeOf(env.DB);
  const prepare = D1.prepare;
  vi.spyOn(D1, "prepare").mockImplementation(function (this: D1Database, text: string) {
    statements.push(text);
    return prepare.call(this, text);
  });
  return statements;
}
