import type { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv } from "./context.ts";

/** The methods that some route has at this path; none where there is no such route. */
export function methodsFor(app: OpenAPIHono<AppEnv>, path: string): string[] {
  const segments = path.split("/");
  const methods = app.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== "route") return [];
    const pattern = definition.route.path.split("/");
    const fits =
      pattern.length === segments.length &&
      pattern.every((part, index) => (part.startsWith("{") ? segments[index] !== "" : part === segments[index]));
    return fits ? [definition.route.method.toUpperCase()] : [];
  });
  return [...new Set(methods)].sort();
}
