/** Text that JSON can write and UTF-8 cannot hold. */
import { ILL_FORMED } from "../wire/primitives.ts";
import type { Issue } from "./problem.ts";

/**
 * Finds half a surrogate pair: D1 would keep another text than was sent, and say so to nobody.
 * @param value what a request said, as it was parsed. @returns null where all is well
 */
export function illFormedText(value: unknown, path: readonly string[] = []): Issue | null {
  if (typeof value === "string") {
    return value.isWellFormed() ? null : { path: [...path], message: ILL_FORMED };
  }
  if (typeof value !== "object" || value === null) return null;
  for (const [name, inner] of Object.entries(value)) {
    const found = illFormedText(inner, [...path, name]);
    if (found !== null) return found;
  }
  return null;
}
