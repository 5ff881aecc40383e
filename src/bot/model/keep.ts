import { z } from "zod";

/**
 * An object whose unknown fields are kept: a release that is rolled back must not lose what the newer one wrote. For the
 * same reason a field that is added later needs a default.
 */
export function keep<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.looseObject(shape) as unknown as z.ZodObject<Shape>;
}
