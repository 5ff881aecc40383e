import Ajv, { type ValidateFunction } from "ajv";
import { beforeAll, describe, it } from "vitest";
import { dropletName, dropletTags } from "../../src/naming/fleet.ts";
import { type CreateDroplet, DigitalOcean } from "../../src/provider/digitalocean.ts";
import { absent, absolute, at, type Json, readDescription, skipped } from "./description.ts";

const BOT_ID = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
const FLEET = { prefix: "sp-00c0ffee", tag: "spawnpoint-00c0ffee" };
const ORDER: CreateDroplet = {
  name: dropletName(FLEET, BOT_ID, 99_999_999),
  tags: dropletTags(FLEET, BOT_ID, 99_999_999),
  region: "nyc3",
  size: "s-1vcpu-2gb",
  image: "ubuntu-22-04-x64",
  ssh_keys: [289794, "3b:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45"],
  user_data: "#!/bin/bash\necho hello\n",
};

interface Request {
  method: string;
  url: URL;
  body: unknown;
}

/** Each of the client's calls, in each of its forms. */
const CALLS: [what: string, call: (client: DigitalOcean) => Promise<unknown>][] = [
  ["a create", (client) => client.createDroplet(ORDER)],
  ["a create without SSH keys", (client) => client.createDroplet({ ...ORDER, ssh_keys: [] })],
  ["a read", (client) => client.getDroplet(3164444)],
  ["a delete", (client) => client.deleteDroplet(3164444)],
  ...["shutdown", "power_off", "power_on", "power_cycle"].map((type): (typeof CALLS)[number] => [
    `the action ${type}`,
    (client) => client.dropletAction(3164444, type),
  ]),
  ["a read of an action", (client) => client.getAction(3164444, 36804636)],
  ["a read of the account", (client) => client.getAccount()],
  ["a listing by name", (client) => client.listDroplets({ name: ORDER.name })],
  ["a listing by tag", (client) => client.listDroplets({ tag: ORDER.tags[1] ?? "" })],
  ["a listing of everything", (client) => client.listDroplets({ all: true })],
];

let contract: Contract;

describe.skipIf(absent)(absent ? `the client's requests (${skipped})` : "the client's requests", () => {
  beforeAll(() => {
    contract = new Contract(readDescription());
  });

  for (const [what, call] of CALLS) {
    it(`${what} is as DigitalOcean describes it`, async ({ expect }) => {
      const requests = await requestsOf(call);
      expect(requests).toHaveLength(1);
      expect(requests.flatMap((request) => contract.faultsOf(request))).toEqual([]);
    });
  }

  const WRONG: [what: string, request: Request, fault: RegExp][] = [
    ["a path that is not described", request("GET", "/v2/dropletz"), /no such path/],
    ["a method that is not described", request("PATCH", "/v2/droplets/7"), /no such path/],
    ["an id that is no number", request("GET", "/v2/droplets/seven"), /droplet_id/],
    ["a query that is not described", request("GET", "/v2/droplets?tags=a"), /unknown query tags/],
    ["too large a page", request("GET", "/v2/droplets?per_page=500"), /per_page/],
    ["a body that is missing", request("POST", "/v2/droplets"), /body/],
    ["a body without an image", request("POST", "/v2/droplets", { name: "a", size: "s" }), /body/],
    ["a field of another type", request("POST", "/v2/droplets", { ...ORDER, monitoring: "yes" }), /body/],
    [
      "a field that is not described",
      request("POST", "/v2/droplets", { ...ORDER, userdata: "x" }),
      /unknown field userdata/,
    ],
    ["an action that there is not", request("POST", "/v2/droplets/7/actions", { type: "explode" }), /body/],
    ["a body where there is none", request("GET", "/v2/account", {}), /body/],
  ];
  for (const [what, wrong, fault] of WRONG) {
    it(`${what} would be found wrong`, async ({ expect }) => {
      expect(contract.faultsOf(wrong).join("; ")).toMatch(fault);
    });
  }
});

function request(method: string, path: string, body?: unknown): Request {
  return { method, url: new URL(path, "https://api.digitalocean.com"), body };
}

async function requestsOf(call: (client: DigitalOcean) => Promise<unknown>): Promise<Request[]> {
  const requests: Request[] = [];
  const client = new DigitalOcean({
    base_url: "https://api.digitalocean.com",
    token: "dop_v1_token",
    timeout_ms: 30_000,
    now: () => 0,
    fetch: async (input, init) => {
      const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
      requests.push({ method: init.method ?? "GET", url: new URL(input), body });
      return new Response(JSON.stringify({ droplets: [] }));
    },
  });
  await call(client);
  return requests;
}

/** The description, asked about requests: path, query and body. */
class Contract {
  readonly #spec: Json;
  readonly #ajv = new Ajv({ strict: false, validateFormats: false, coerceTypes: false });

  constructor(spec: Json) {
    this.#spec = spec;
    this.#ajv.addSchema({ $id: "spec", ...spec });
  }

  /** What is wrong with a request, in words. */
  faultsOf({ method, url, body }: Request): string[] {
    const found = this.#find(method.toLowerCase(), url.pathname);
    if (found === null) return [`${method} ${url.pathname}: no such path and method`];
    const parameters = Object.values(at(found.operation, "parameters")).map((parameter) => this.#resolve(parameter));
    const faults = [...found.path, ...url.searchParams].flatMap(([name, value]) => {
      const parameter = parameters.find((each) => each.name === name);
      if (parameter === undefined) return [`unknown query ${name}`];
      return this.#faults(name, at(parameter, "schema"), asSent(value));
    });
    return [...faults, ...this.#bodyFaults(found.operation, body)];
  }

  #find(method: string, path: string): { operation: Json; path: [string, string][] } | null {
    const segments = path.split("/");
    for (const [template, methods] of Object.entries(at(this.#spec, "paths"))) {
      const parts = template.split("/");
      if (parts.length !== segments.length || !(method in (methods as Json))) continue;
      if (!parts.every((part, index) => part.startsWith("{") || part === segments[index])) continue;
      const named = parts.flatMap((part, index): [string, string][] =>
        part.startsWith("{") ? [[part.slice(1, -1), segments[index] ?? ""]] : [],
      );
      return { operation: at(methods as Json, method), path: named };
    }
    return null;
  }

  #bodyFaults(operation: Json, body: unknown): string[] {
    const schema = at(operation, "requestBody", "content", "application/json").schema as Json | undefined;
    if (schema === undefined) return body === undefined ? [] : ["body where none is described"];
    if (body === undefined) return ["body is missing"];
    const known = this.#fieldsOf(schema);
    const unknown = Object.keys(body as Json).filter((field) => !known.has(field));
    return [...unknown.map((field) => `unknown field ${field}`), ...this.#faults("body", schema, body)];
  }

  #faults(where: string, schema: Json, value: unknown): string[] {
    const check: ValidateFunction = this.#ajv.compile(absolute(schema) as Json);
    return check(value) ? [] : [`${where}: ${this.#ajv.errorsText(check.errors)}`];
  }

  /** Every field that the schema or a part of it describes: it would let others pass. */
  #fieldsOf(schema: Json): Set<string> {
    const node = this.#resolve(schema);
    const parts = ["allOf", "oneOf", "anyOf"].flatMap((word) => (node[word] as Json[] | undefined) ?? []);
    return new Set([...Object.keys(at(node, "properties")), ...parts.flatMap((part) => [...this.#fieldsOf(part)])]);
  }

  #resolve(value: unknown): Json {
    const node = value as Json;
    return typeof node.$ref === "string" ? at(this.#spec, ...node.$ref.replace("#/", "").split("/")) : node;
  }
}

/** Paths and queries are text: numbers are meant as such. */
function asSent(value: string): unknown {
  return /^[0-9]+$/.test(value) ? Number(value) : value;
}
