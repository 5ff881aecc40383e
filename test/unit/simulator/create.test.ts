import { describe, expect, it } from "vitest";
import { Cloud, ORDER } from "./cloud.ts";

describe("creating a droplet", () => {
  it("answers 202 with a new droplet, no addresses, no VPC, and a link to the create action", async () => {
    const cloud = new Cloud();
    const { status, body } = await cloud.create();
    expect(status).toBe(202);
    expect(body.droplet).toMatchObject({ name: "bot-1", status: "new", locked: false, networks: { v4: [], v6: [] } });
    expect(body.droplet).not.toHaveProperty("vpc_uuid");
    expect(body.links.actions).toHaveLength(1);
    expect(body.links.actions[0]).toMatchObject({ rel: "create" });
    const action = await cloud.get(`/v2/actions/${body.links.actions[0]?.id}`);
    expect(action.body.action).toMatchObject({ type: "create", status: "in-progress", completed_at: null });
  });

  it("becomes active after the create delay and shows its addresses, the private one first, a little later", async () => {
    const cloud = new Cloud({ knobs: { create_ms: 30_000, ip_lag_ms: 5_000 } });
    const { body } = await cloud.create();
    const path = `/v2/droplets/${body.droplet.id}`;
    cloud.wait(29_999);
    expect((await cloud.get(path)).body.droplet.status).toBe("new");
    cloud.wait(1);
    expect((await cloud.get(path)).body.droplet).toMatchObject({ status: "active", networks: { v4: [] } });
    cloud.wait(5_000);
    const { droplet } = (await cloud.get(path)).body;
    expect(droplet.networks.v4.map((each) => each.type)).toEqual(["private", "public"]);
    expect(droplet.vpc_uuid).toBeTypeOf("string");
    expect((await cloud.get(`/v2/actions/${body.links.actions[0]?.id}`)).body.action.status).toBe("completed");
  });

  it("shows and finds tags only after the tag delay", async () => {
    const cloud = new Cloud({ knobs: { tag_ms: 40_000, list_lag_ms: 0 } });
    const { body } = await cloud.create();
    expect(body.droplet.tags).toEqual(["fleet"]);
    cloud.wait(39_999);
    expect((await cloud.get(`/v2/droplets/${body.droplet.id}`)).body.droplet.tags).toEqual([]);
    expect(await cloud.names("?tag_name=fleet")).toEqual([]);
    cloud.wait(1);
    expect((await cloud.get(`/v2/droplets/${body.droplet.id}`)).body.droplet.tags).toEqual(["fleet"]);
    expect(await cloud.names("?tag_name=fleet")).toEqual(["bot-1"]);
  });

  it("hides a new droplet from every list at first, but not from a read by id", async () => {
    const cloud = new Cloud({ knobs: { list_lag_ms: 10_000 } });
    const { body } = await cloud.create();
    expect(await cloud.status(body.droplet.id)).toBe("new");
    expect((await cloud.get("/v2/droplets?name=bot-1")).body.meta.total).toBe(0);
    cloud.wait(10_000);
    expect(await cloud.names("?name=BOT-1")).toEqual(["bot-1"]);
  });

  it("answers 404 by id while the replica lags", async () => {
    const cloud = new Cloud({ knobs: { get_lag_ms: 4_000 } });
    const { body } = await cloud.create();
    expect(await cloud.status(body.droplet.id)).toBe(404);
    cloud.wait(4_000);
    expect(await cloud.status(body.droplet.id)).toBe("new");
  });

  it("makes two droplets of one name", async () => {
    const cloud = Cloud.instant();
    const [first, second] = [await cloud.create(), await cloud.create()];
    expect(first.body.droplet.id).not.toBe(second.body.droplet.id);
    expect(await cloud.names("?name=bot-1")).toEqual(["bot-1", "bot-1"]);
  });

  it("makes up to ten droplets of one request", async () => {
    const cloud = new Cloud();
    const { name: _, ...order } = ORDER;
    const { status, body } = await cloud.call("POST", "/v2/droplets", { ...order, names: ["a", "b", "c"] });
    expect(status).toBe(202);
    expect(body.droplets.map((each) => each.name)).toEqual(["a", "b", "c"]);
    expect(body.links.actions).toHaveLength(3);
    const eleven = { ...order, names: Array.from({ length: 11 }, (_, index) => `n${index}`) };
    expect((await cloud.call("POST", "/v2/droplets", eleven)).status).toBe(422);
  });

  it("counts how many droplets are created at the same time", async () => {
    const cloud = new Cloud();
    for (let index = 0; index < 12; index += 1) await cloud.create();
    expect(cloud.sim.counters).toMatchObject({ creates: 12, max_concurrent_creates: 12, creates_over_concurrency: 2 });
  });

  it("hands the address of a deleted droplet to the next one", async () => {
    const cloud = Cloud.instant();
    const first = await cloud.active();
    const address = cloud.sim.droplet(first)?.public_ipv4;
    await cloud.delete(first);
    const second = await cloud.active();
    expect(cloud.sim.droplet(second)?.public_ipv4).toBe(address);
  });

  it("never runs a tag in when the tags are lost", async () => {
    const cloud = Cloud.instant({ knobs: { tags_missing_forever: 1 } });
    await cloud.active();
    cloud.wait(86_400_000);
    expect(await cloud.names("?tag_name=fleet")).toEqual([]);
    expect(await cloud.names("?name=bot-1")).toEqual(["bot-1"]);
  });
});

describe("what a create refuses", () => {
  it.each([
    ["a bad host name", { name: "not_a_host" }, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"],
    ["no name", { name: undefined }, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"],
    ["a name of 256 characters", { name: "a".repeat(256) }, "Only valid hostname characters"],
    ["a retired image", { image: "ubuntu-14-04-x64" }, "You specified an invalid image for Droplet creation."],
    ["an unknown size", { size: "s-99vcpu" }, "You specified an invalid size for Droplet creation."],
    ["a size sold elsewhere", { size: "c-2", region: "syd1" }, "Size is not available in this region."],
    ["a closed region", { region: "nyc2" }, "Region is not available"],
    ["an unknown region", { region: "moon1" }, "You specified an invalid region for Droplet creation."],
    ["an unknown key", { ssh_keys: [1, 9] }, "9 are invalid key identifiers for Droplet creation."],
    ["a bad tag", { tags: ["a b"] }, "Tags may contain"],
    ["65537 bytes of user-data", { user_data: "a".repeat(65_537) }, "User data is too long"],
    ["65538 bytes in 32769 characters", { user_data: "é".repeat(32_769) }, "User data is too long"],
  ])("%s: 422", async (_, more, message) => {
    const cloud = new Cloud({ ssh_key_ids: [1] });
    const { status, body } = await cloud.create(more);
    expect(status).toBe(422);
    expect(body.id).toBe("unprocessable_entity");
    expect(body.message).toContain(message);
    expect(cloud.sim.droplets()).toEqual([]);
  });

  it("takes exactly 64 KiB of user-data, and shows it to nobody but the test", async () => {
    const cloud = new Cloud();
    const { status, text } = await cloud.create({ user_data: "é".repeat(32_768) });
    expect(status).toBe(202);
    expect(text).not.toContain("é");
    expect(cloud.sim.droplets()[0]?.user_data).toHaveLength(32_768);
  });

  it.each(["", "not json", "[]", '"text"'])("the body %j: 400", async (body) => {
    const reply = await new Cloud().call("POST", "/v2/droplets", body);
    expect(reply).toMatchObject({ status: 400, body: { id: "bad_request", message: "error parsing request body" } });
  });

  it("what exceeds the account's limit: 422, strangers' droplets included", async () => {
    const cloud = new Cloud({ droplet_limit: 2 });
    cloud.sim.addForeignDroplet({ name: "stranger" });
    expect((await cloud.create()).status).toBe(202);
    const { status, body } = await cloud.create();
    expect(status).toBe(422);
    expect(body.message).toBe("creating this/these droplet(s) will exceed your droplet limit");
    cloud.sim.account.droplet_limit = 3;
    expect((await cloud.create()).status).toBe(202);
  });

  it.each([
    ["a prefix", "nyc", "nyc1"],
    ["nothing", undefined, "nyc1"],
  ])("not %s for a region", async (_, region, slug) => {
    expect((await new Cloud().create({ region })).body.droplet.region.slug).toBe(slug);
  });
});
