import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { WaitAnswer } from "../../src/wire/bot.ts";
import { searchFiles } from "./sentinel.ts";
import { System } from "./system.ts";

const SECRET = "of-an-exchange-0123456789-that-stands-in-no-file";

let system: System;

/** Nothing of a file that is gone by now, or is not ours to read. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** The command lines of the processes that have this in their environment. */
function processesWith(setting: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/environ`).split("\0").includes(setting))
    .map((pid) => read(`/proc/${pid}/cmdline`).replaceAll("\0", " "));
}

async function filesWith(text: string): Promise<string[] | undefined> {
  return (await searchFiles(system.state_dir, { text })).found.text;
}

beforeAll(async () => {
  system = await System.start();
});
afterAll(async () => {
  await system?.remove();
});

describe("the page that browses the API", () => {
  it("comes with all that it needs, from nowhere else", async ({ expect }) => {
    const { base_url } = await system.readDev();
    const page = await fetch(`${base_url}/docs`);
    expect(page.headers.get("content-type")).toContain("text/html");
    const parts = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
    expect(parts.length).toBeGreaterThan(2);
    for (const path of [...parts, "/openapi.json"]) {
      expect(path.startsWith("/"), `${path} is on this machine`).toBe(true);
      expect((await fetch(base_url + path)).status, path).toBe(200);
    }
  });
});

describe("a bot's whole life, every part a real process", () => {
  it("is created, configured, restarted, paused, resumed, redeployed and destroyed, with exactly the droplets that it needs", async ({
    expect,
  }) => {
    await system.cloud("POST", "/_sim/foreign", { name: "somebody-elses", tags: ["web"] });
    const { id } = await system.newBot("E2E", { environment: { KRAKEN_SECRET: SECRET } });
    const stream = await system.follow(id);

    const waited = await system.api<WaitAnswer>("GET", `/bots/${id}/wait?status=online&timeout=60`);
    expect(waited).toMatchObject({ reached: true, bot: { status: "online" } });
    const online = await system.rests(id, "online");
    expect(online).toMatchObject({
      applied_config_version: 1,
      config_drift: false,
      generation: 1,
      confirmed_by: "heartbeat",
    });
    expect(await system.dropletsOf(id)).toMatchObject([{ status: "active", machine: { boots: 1 } }]);

    const holders = processesWith(`KRAKEN_SECRET=${SECRET}`);
    expect(holders.length, "the workload has it").toBeGreaterThan(0);
    for (const command of holders) expect(command).toContain("gateway run");
    expect(await filesWith(SECRET), "and no file has it").toEqual([]);

    const key = "sk-ant-a-key-that-only-one-droplet-may-know-0123456789";
    const note = "rotated, the old one was ghp_anotherSecretThatWasPasted0123456789";
    await system.api("PATCH", `/bots/${id}/config`, { strictness: "high", llm_api_key: key, note });
    await system.until("the new config is applied", async () => (await system.bot(id)).applied_config_version === 2);

    expect(await system.rotate(id)).toMatchObject({ state: "succeeded" });
    await system.until("its agent is heard with the new credential", async () => {
      const { health, status } = await system.bot(id);
      return health.channel === "open" && status === "online";
    });

    expect(await system.command(id, { kind: "restart" })).toMatchObject({ state: "succeeded" });
    const logs = await system.command(id, { kind: "collect_logs", lines: 20 });
    expect(await filesWith(SECRET)).toEqual([]);
    expect(logs).toMatchObject({ state: "succeeded", output: expect.stringContaining("gateway listening") });

    const { admin_token, digitalocean_token } = await system.readDev();
    const secrets = { key, pasted: note.slice(-40), admin_token, digitalocean_token };
    const { found, files, bytes } = await searchFiles(system.state_dir, secrets);
    console.log(`${files} files of ${bytes} bytes searched: ${JSON.stringify(found)}`);
    expect(files).toBeGreaterThan(20);
    // The agent's own state, which only its user can read, and what the starter tells the developer.
    expect(found.key?.filter((path) => !path.includes("/var/lib/spawnpoint/agent/"))).toEqual([]);
    expect(found.pasted).toEqual([]);
    expect(found.admin_token?.filter((path) => !["dev.json", "secrets.json"].includes(path))).toEqual([]);
    expect(system.said()).not.toContain(key);

    await system.act(id, "pause");
    await system.rests(id, "paused");
    expect(await system.dropletsOf(id)).toMatchObject([{ status: "off", machine: { state: "off" } }]);

    await system.act(id, "resume");
    await system.rests(id, "online");
    expect(await system.dropletsOf(id)).toMatchObject([{ status: "active", machine: { boots: 2 } }]);

    const [first] = await system.dropletsOf(id);
    await system.act(id, "redeploy");
    const redeployed = await system.rests(id, "online");
    expect(redeployed).toMatchObject({ generation: 2, applied_config_version: 2 });
    const [second, ...others] = await system.dropletsOf(id);
    expect(others).toEqual([]);
    expect(second?.id).not.toBe(first?.id);

    await system.act(id, "destroy");
    const { revision } = await system.rests(id, "destroyed");
    await system.until("the stream has told it all", async () => stream.seqs().length >= revision);
    expect(stream.seqs().slice(0, revision)).toEqual(Array.from({ length: revision }, (_, index) => index + 1));
    stream.close();
    expect(await system.droplets()).toMatchObject([{ name: "somebody-elses", status: "active" }]);
  });
});
