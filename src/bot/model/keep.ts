import * as z from "zod";

/**
 * An object whose unknown fields are kept: a release that is rolled back must not lose what the newer one wrote. For the
 * same reason a field that is added later needs a default.
 */
export function keep<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.looseObject(shape) as unknown as z.ZodObject<Shape>;
}

/**
 * A member of an enumeration, or what a newer release has added to it: that is kept as it is, and the bot is left alone
 * (newer-release.ts). The type names only what is known, so whoever reads a state asks there first.
 */
export function member<const Known extends readonly string[]>(known: Known): z.ZodType<Known[number]> {
  const name = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/);
  return name.meta({ known }) as unknown as z.ZodType<Known[number]>;
}
