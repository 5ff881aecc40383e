/** The OpenAPI document as the fuzzer reads it: every operation with its parameters and its body, references resolved. */
import * as served from "../document.ts";

/** JSON Schema as the document has it; what is not known of it is refused where it is used. */
export type Schema = { [keyword: string]: unknown };

export interface Parameter {
  name: string;
  in: "path" | "query" | "header" | "cookie";
  required: boolean;
  schema: Schema;
}

export interface Operation {
  id: string;
  method: string;
  /** With `{name}` for what is in the path. */
  path: string;
  /** Names of security schemes, each enough by itself; none: anyone. */
  security: string[];
  parameters: Parameter[];
  /** Null: it takes no body. */
  body: Schema | null;
  /** Statuses that it says it may answer, each with its problems' codes. */
  answers: Map<number, string[]>;
}

// biome-ignore lint/suspicious/noExplicitAny: the document is JSON of whatever shape it has
type Json = any;

export interface Document {
  operations: Operation[];
  securitySchemes: string[];
  resolve: (schema: Schema) => Schema;
}

export async function readDocument(): Promise<Document> {
  const { document, documented } = await served.readDocument();
  return {
    operations: documented.map(readOperation),
    securitySchemes: Object.keys(document.components.securitySchemes),
    resolve: (schema) => served.resolve(document, schema),
  };
}

function readOperation(operation: Json): Operation {
  const { method, path, operationId: id, security = [], parameters = [], requestBody, responses } = operation;
  const content = Object.keys(requestBody?.content ?? {});
  if (content.some((type) => type !== "application/json")) throw new Error(`${id} takes ${content}: teach the fuzzer`);
  return {
    id,
    method,
    path,
    security: security.flatMap((schemes: Json) => Object.keys(schemes)),
    parameters: parameters.map(({ required = false, ...parameter }: Json) => ({ ...parameter, required })),
    body: requestBody?.content["application/json"].schema ?? null,
    answers: new Map(
      Object.entries(responses).map(([status, response]: [string, Json]) => [Number(status), served.codesOf(response)]),
    ),
  };
}
