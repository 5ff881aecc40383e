/** Text that JSON can write and UTF-8 cannot hold. */
import type { Issue } from "./problem.ts";

/**
 * Finds half a surrogate pair: D1 would keep another text than was sent, and say so to nobody (RFC 8259, section 8.2).
 * @param value what a request said, as it was parsed. @returns null where all is well
 */
export function illFormedText(value: unknown, path: readonly string[] = []): Issue | null {
  if (typeof value === "string") {
    return value.isWellFormed() ? null : { path: [...path], message: "must be text that UTF-8 can hold" };
  }
  if (typeof value !== "object" || value === null) return null;
  for (const [name, inner] of Object.entries(value)) {
    const found = illFormedText(inner, [...path, name]);
    if (found !== null) return found;
  }
  return null;
}
