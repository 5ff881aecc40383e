/** A zod schema as the JSON Schema that a document shows. */
import * as z from "zod";

/** What a format says already. */
function withoutPattern({ jsonSchema }: { jsonSchema: { format?: string; pattern?: string } }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
}

/** What may be written into a file that is read with this schema, in a code block. */
export function jsonSchema(schema: z.ZodType): string {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: "input", reused: "inline", override: withoutPattern });
  return `\`\`\`json\n${JSON.stringify({ $schema, ...rest }, null, 2)}\n\`\`\``;
}
