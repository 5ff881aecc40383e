import { describe, it } from "vitest";
import { FAULT_KINDS, type FaultKind } from "../../../simulator/model/faults.ts";
import { OPERATIONS, type Operation } from "../../../simulator/model/routes.ts";
import { DigitalOcean } from "../../../src/provider/digitalocean.ts";
import { BASE, Cloud } from "../simulator/cloud.ts";
import { ORDER } from "./client.ts";

function clientOf(cloud: Cloud): DigitalOcean {
  return new DigitalOcean({
    base_url: BASE,
    token: "dop_v1_simulator",
    timeout_ms: 30_000,
    now: () => cloud.now,
    fetch: (input, init) => cloud.sim.fetch(input, init),
  });
}

/** What the client makes of each fault, by the call that it befalls; `ok` where only the world goes wrong. */
const EXPECTED: Record<FaultKind, string> = {
  before_effect: "unknown",
  after_effect: "unknown",
  timeout_before: "unknown",
  timeout_after: "unknown",
  late_effect: "unknown",
  status_5xx_before: "unknown",
  status_5xx_after: "unknown",
  html_502_before: "unknown",
  html_502_after: "unknown",
  unparsable_202: "unknown",
  rate_limited: "rate_limited",
  rate_limited_hourly: "rate_limited",
  rate_limited_bare: "rate_limited",
  rate_limited_stale_reset: "rate_limited",
  unauthorized: "unauthorized",
  forbidden: "unauthorized",
  pending_event: "refused pending_event",
  quota: "refused quota",
  capacity: "refused capacity",
  try_again: "refused try_again",
  lost_action: "ok",
  create_errored: "ok",
  stuck_new: "ok",
  tags_never: "ok",
  no_address: "ok",
  list_omits: "ok",
  list_duplicate_row: "ok",
  page_fails: "unknown",
};

type Call = (client: DigitalOcean, id: number) => Promise<{ kind: string; reason?: string }>;
const CALLS: Partial<Record<Operation, Call>> = {
  get_account: (client) => client.getAccount(),
  create_droplet: (client) => client.createDroplet({ ...ORDER, tags: ["fleet"] }),
  list_droplets: (client) => client.listDroplets({ all: true }),
  get_droplet: (client, id) => client.getDroplet(id),
  delete_droplet: (client, id) => client.deleteDroplet(id),
  droplet_action: (client, id) => client.dropletAction(id, "power_off"),
};

function canBefall(operation: Operation, fault: FaultKind): boolean {
  try {
    new Cloud().sim.script.add({ on: operation, fault });
    return true;
  } catch {
    return false;
  }
}

describe("the client and a simulated DigitalOcean", () => {
  for (const operation of OPERATIONS) {
    const call = CALLS[operation];
    if (!call) continue;
    it(`${operation}: agree when nothing is wrong`, async ({ expect }) => {
      const cloud = new Cloud();
      const id = await cloud.active();
      expect(await call(clientOf(cloud), id)).toMatchObject({ kind: "ok" });
    });

    for (const fault of FAULT_KINDS.filter((kind) => canBefall(operation, kind))) {
      // A DELETE answers without a body: there is nothing that could fail to parse.
      const expected = operation === "delete_droplet" && fault === "unparsable_202" ? "ok" : EXPECTED[fault];
      it(`${operation} under ${fault}: ${expected}`, async ({ expect }) => {
        const cloud = new Cloud();
        const id = await cloud.active();
        cloud.sim.script.add({ on: operation, fault, ...(fault === "page_fails" ? { page: 1 } : {}) });
        const { kind, reason } = await call(clientOf(cloud), id);
        expect(reason === undefined ? kind : `${kind} ${reason}`).toBe(expected);
      });
    }
  }

  it("page through a long list together", async ({ expect }) => {
    const cloud = new Cloud();
    for (let n = 0; n < 450; n++) cloud.sim.addForeignDroplet({ name: `d${n}` });
    const outcome = await clientOf(cloud).listDroplets({ all: true });
    if (outcome.kind !== "ok") throw new Error(outcome.kind);
    expect(outcome.value.droplets).toHaveLength(450);
  });

  it("find a droplet by its whole name and by its tag", async ({ expect }) => {
    const cloud = Cloud.instant();
    const client = clientOf(cloud);
    await client.createDroplet({ ...ORDER, ssh_keys: [] });
    cloud.sim.addForeignDroplet({ name: `${ORDER.name}0`, tags: ["gen-10"] });
    for (const filter of [{ name: ORDER.name }, { tag: "gen-1" }] as const) {
      expect(await client.listDroplets(filter)).toMatchObject({
        kind: "ok",
        value: { droplets: [{ name: ORDER.name }] },
      });
    }
  });
});
