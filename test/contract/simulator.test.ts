import Ajv, { type ValidateFunction } from "ajv";
import { beforeAll, describe, expect, it } from "vitest";
import { FAULT_KINDS, type FaultKind } from "../../simulator/model/faults.ts";
import { OPERATIONS, type Operation } from "../../simulator/model/routes.ts";
import { Cloud, ORDER, type Reply } from "../unit/simulator/cloud.ts";
import { absent, absolute, at, type Json, readDescription, skipped } from "./description.ts";

/** Holds every answer of the simulated cloud against DigitalOcean's published description of its API. */
const title = absent ? `the simulator's answers (${skipped})` : "the simulator's answers";

/** The path under which the description knows an operation; `null` where there is none. */
const DESCRIBED: Readonly<Record<Operation, readonly [method: string, path: string] | null>> = {
  get_account: ["get", "/v2/account"],
  create_droplet: ["post", "/v2/droplets"],
  list_droplets: ["get", "/v2/droplets"],
  get_droplet: ["get", "/v2/droplets/{droplet_id}"],
  delete_droplet: ["delete", "/v2/droplets/{droplet_id}"],
  delete_by_tag: ["delete", "/v2/droplets"],
  droplet_action: ["post", "/v2/droplets/{droplet_id}/actions"],
  list_actions: ["get", "/v2/droplets/{droplet_id}/actions"],
  get_action: ["get", "/v2/droplets/{droplet_id}/actions/{action_id}"],
  list_sizes: ["get", "/v2/sizes"],
  list_regions: ["get", "/v2/regions"],
  list_images: ["get", "/v2/images"],
  unknown: null,
};

/** Faults whose very point is an answer that no description allows. */
const USELESS = new Set<FaultKind>(["html_502_before", "html_502_after", "unparsable_202"]);

let contract: Contract;

describe.skipIf(absent)(title, () => {
  beforeAll(() => {
    contract = new Contract(readDescription());
  });

  it.each(OPERATIONS.filter((each) => DESCRIBED[each] !== null))("of %s: done, and each refusal", async (operation) => {
    const cloud = await cloudWithDroplet();
    contract.check(operation, await perform(cloud, operation));
    contract.check(operation, await perform(cloud, operation, "dop_v1_wrong"));
    cloud.sim.knobs.per_minute = 0;
    contract.check(operation, await perform(cloud, operation));
  });

  it.each(OPERATIONS.flatMap((operation) => (DESCRIBED[operation] === null ? [] : faultsOf(operation))))(
    "of %s under the fault %s",
    async (operation, fault) => {
      const cloud = await cloudWithDroplet();
      cloud.sim.script.add({ on: operation, fault, ...(fault === "page_fails" ? { page: 1 } : {}) });
      const reply = await perform(cloud, operation).catch(() => null);
      if (reply !== null) contract.check(operation, reply);
      cloud.sim.script.clear();
      await checkAllReads(cloud);
      cloud.wait(300_000);
      await checkAllReads(cloud);
    },
  );

  it("to creates that are wrong", async () => {
    const cloud = new Cloud({ ssh_key_ids: [1], droplet_limit: 0 });
    const wrong = [
      { name: "a_b" },
      { size: "huge" },
      { image: "none" },
      { region: "nyc2" },
      { ssh_keys: [2] },
      { tags: ["a b"] },
      { user_data: "x".repeat(70_000) },
      {},
    ];
    for (const more of wrong) contract.check("create_droplet", await cloud.create(more));
    contract.check("create_droplet", await cloud.call("POST", "/v2/droplets", "no json"));
  });

  it("to a create of several droplets", async () => {
    const cloud = new Cloud();
    const { name: _, ...order } = ORDER;
    contract.check("create_droplet", await cloud.call("POST", "/v2/droplets", { ...order, names: ["a", "b"] }));
  });

  it("on the whole life of a droplet", async () => {
    const cloud = new Cloud();
    const created = await cloud.create({ monitoring: true, ipv6: true, public_networking: false });
    contract.check("create_droplet", created);
    const { id } = created.body.droplet;
    contract.check("delete_droplet", await cloud.delete(id));
    for (const type of ["power_off", "power_off", "power_on", "power_on", "shutdown", "shutdown", "reboot", "bogus"]) {
      contract.check("droplet_action", await cloud.act(id, type));
      await checkAllReads(cloud);
      cloud.wait(60_000);
      await checkAllReads(cloud);
    }
    contract.check("delete_droplet", await cloud.delete(id));
    await checkAllReads(cloud);
    cloud.wait(60_000);
    contract.check("get_droplet", await cloud.get(`/v2/droplets/${id}`));
    contract.check("droplet_action", await cloud.act(id, "power_on"));
    contract.check("list_actions", await cloud.get(`/v2/droplets/${id}/actions`));
    contract.check("get_action", await cloud.get(`/v2/droplets/${id}/actions/1`));
    contract.check("delete_droplet", await cloud.delete(id));
  });

  it("on the pages of a long list", async () => {
    const cloud = new Cloud();
    for (let index = 0; index < 7; index += 1) cloud.sim.addForeignDroplet({ name: `d${index}` });
    for (const page of [0, 1, 2, 3, 4]) {
      contract.check("list_droplets", await cloud.get(`/v2/droplets?per_page=3&page=${page}`));
    }
    contract.check("list_droplets", await cloud.get("/v2/droplets?tag_name=a&name=b"));
    contract.check("list_droplets", await cloud.get("/v2/droplets?type=gpus"));
  });

  it("would be found wrong if they were", async () => {
    const reply = await new Cloud().create();
    const { created_at: _, ...droplet } = reply.body.droplet as unknown as Json;
    const body = { ...reply.body, droplet } as unknown as Reply["body"];
    expect(() => contract.check("create_droplet", { ...reply, body })).toThrow("created_at");
    expect(() => contract.check("create_droplet", { ...reply, headers: new Headers() })).toThrow();
  });
});

function faultsOf(operation: Operation): [Operation, FaultKind][] {
  const { script } = new Cloud().sim;
  return FAULT_KINDS.filter((fault) => {
    if (USELESS.has(fault)) return false;
    try {
      script.add({ on: operation, fault });
      return true;
    } catch {
      return false;
    }
  }).map((fault) => [operation, fault]);
}

async function cloudWithDroplet(): Promise<Cloud> {
  const cloud = new Cloud();
  await cloud.active();
  return cloud;
}

/** Calls an operation on the first droplet in the cloud. */
function perform(cloud: Cloud, operation: Operation, token?: string): Promise<Reply> {
  const [method = "get", template = "/"] = DESCRIBED[operation] ?? [];
  const droplet = cloud.sim.droplets()[0]?.id ?? 0;
  const action = cloud.sim.snapshot().actions[0]?.id ?? 0;
  const path = template.replace("{droplet_id}", String(droplet)).replace("{action_id}", String(action));
  const body = { create_droplet: ORDER, droplet_action: { type: "power_off" } }[operation as string];
  return cloud.call(method.toUpperCase(), operation === "delete_by_tag" ? `${path}?tag_name=fleet` : path, body, token);
}

async function checkAllReads(cloud: Cloud): Promise<void> {
  for (const operation of ["get_droplet", "list_droplets", "list_actions", "get_action"] as const) {
    contract.check(operation, await perform(cloud, operation));
  }
}

/** The description, with a compiled check for each status of each operation. */
class Contract {
  readonly #spec: Json;
  readonly #ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  readonly #checks = new Map<string, ValidateFunction>();

  constructor(spec: Json) {
    this.#spec = spec;
    this.#ajv.addSchema({ $id: "spec", ...this.#spec });
  }

  /** Throws unless the description allows this answer to the operation. */
  check(operation: Operation, reply: Reply): void {
    const [method = "", path = ""] = DESCRIBED[operation] ?? [];
    const described = at(this.#spec, "paths", path, method, "responses");
    const response = this.#resolve(described[reply.status] ?? described.default);
    const where = `${method} ${path} ${reply.status}`;
    // The bare 429 comes from in front of the API, without any of the documented headers.
    const in_front = reply.status === 429 && !reply.headers.has("x-request-id");
    if (!in_front) this.#checkHeaders(where, response, reply);
    const schema = at(response, "content", "application/json").schema;
    if (schema === undefined) {
      expect(reply.text, where).toBe("");
      return;
    }
    const check = this.#compiled(where, schema as Json);
    expect(check(reply.body), `${where}: ${this.#ajv.errorsText(check.errors)}`).toBe(true);
  }

  #checkHeaders(where: string, response: Json, reply: Reply): void {
    for (const name of Object.keys(at(response, "headers"))) {
      if (name === "retry-after" || name === "x-request-id") continue;
      expect(reply.headers.has(name), `${where}: header ${name}`).toBe(true);
      if (name.startsWith("ratelimit-")) expect(reply.headers.get(name), where).toMatch(/^\d+$/);
    }
  }

  #compiled(where: string, schema: Json): ValidateFunction {
    const known = this.#checks.get(where);
    if (known !== undefined) return known;
    const made = this.#ajv.compile(absolute(schema) as Json);
    this.#checks.set(where, made);
    return made;
  }

  #resolve(value: unknown): Json {
    const node = value as Json;
    if (typeof node.$ref !== "string") return node;
    return at(this.#spec, ...node.$ref.replace("#/", "").split("/"));
  }
}
