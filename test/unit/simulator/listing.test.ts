import { describe, expect, it } from "vitest";
import { BASE, Cloud } from "./cloud.ts";

async function cloudOf(count: number): Promise<Cloud> {
  const cloud = Cloud.instant({ droplet_limit: 1_000 });
  for (let index = 1; index <= count; index += 1) cloud.sim.addForeignDroplet({ name: `d${index}`, tags: ["all"] });
  return cloud;
}

describe("listing droplets", () => {
  it("has no pages when one page holds everything", async () => {
    const { body } = await (await cloudOf(3)).get("/v2/droplets");
    expect(body.links).toEqual({});
    expect(body.meta).toEqual({ total: 3 });
  });

  it.each([
    [1, { next: 2, last: 3 }, ["d1", "d2"]],
    [2, { first: 1, prev: 1, next: 3, last: 3 }, ["d3", "d4"]],
    [3, { first: 1, prev: 2 }, ["d5"]],
    [4, { first: 1, prev: 3 }, []],
  ])("links from page %i only to where one can go", async (page, links, names) => {
    const { body } = await (await cloudOf(5)).get(`/v2/droplets?tag_name=all&page=${page}&per_page=2`);
    const url = (to: number) => `${BASE}/v2/droplets?tag_name=all&page=${to}&per_page=2`;
    expect(body.droplets.map((each) => each.name)).toEqual(names);
    expect(body.links.pages).toEqual(Object.fromEntries(Object.entries(links).map(([rel, to]) => [rel, url(to)])));
    expect(body.meta.total).toBe(5);
  });

  it("shows 20 on a page unless told otherwise, and 200 at most", async () => {
    const cloud = await cloudOf(230);
    expect(await cloud.names()).toHaveLength(20);
    expect(await cloud.names("?per_page=500")).toHaveLength(200);
    cloud.sim.knobs.per_page_over_limit = "refuse";
    expect((await cloud.get("/v2/droplets?per_page=500")).status).toBe(422);
  });

  it.each([
    "?page=0",
    "?per_page=0",
    "?page=x",
    "?per_page=1.5",
    "?tag_name=all&name=d1",
    "?tag_name=all&type=droplets",
  ])("refuses %s", async (query) => {
    expect((await (await cloudOf(1)).get(`/v2/droplets${query}`)).status).toBe(422);
  });

  it("finds by exact name in either case, by exact tag, and no droplet among the GPU droplets", async () => {
    const cloud = await cloudOf(12);
    expect(await cloud.names("?name=D1")).toEqual(["d1"]);
    expect(await cloud.names("?tag_name=ALL")).toEqual([]);
    expect(await cloud.names("?type=gpus")).toEqual([]);
  });

  it("skips a row when a droplet disappears between two pages", async () => {
    const cloud = await cloudOf(4);
    const first = await cloud.get("/v2/droplets?per_page=2");
    cloud.sim.vanish(first.body.droplets[0]?.id ?? 0);
    expect(await cloud.names("?per_page=2&page=2")).toEqual(["d4"]);
  });
});

describe("the other collections", () => {
  it.each(["sizes", "regions", "images"])("%s are listed with a total", async (kind) => {
    const { status, body } = await new Cloud().get(`/v2/${kind}?per_page=200`);
    expect(status).toBe(200);
    expect(body.meta.total).toBeGreaterThan(2);
  });

  it("the account shows the limit and the team as they are now", async () => {
    const cloud = new Cloud({ droplet_limit: 7, team_uuid: "team-a" });
    expect((await cloud.get("/v2/account")).body.account).toMatchObject({ droplet_limit: 7, team: { uuid: "team-a" } });
    cloud.sim.account.team_uuid = "team-b";
    expect((await cloud.get("/v2/account")).body.account.team.uuid).toBe("team-b");
  });

  it.each([
    ["GET", "/v2/kubernetes/clusters"],
    ["PATCH", "/v2/droplets"],
    ["PUT", "/v2/droplets/1"],
    ["GET", "/v2/droplets/abc"],
    ["GET", "/v2/droplets/1/2"],
    ["DELETE", "/v2/droplets/1/actions"],
    ["GET", "/"],
  ])("%s %s is 404 in the usual shape", async (method, path) => {
    const reply = await new Cloud().call(method, path);
    expect(reply).toMatchObject({ status: 404, body: { id: "not_found" } });
  });
});
