import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import { isAlive, processesWith, start, until, userData, WEB_SERVICE } from "./machines.ts";

const ENABLED = userData(`${WEB_SERVICE}systemctl enable --now web.service`);

async function serving(user_data: string) {
  const cloud = await start();
  const id = await cloud.create(user_data);
  await cloud.booted(id);
  const main = await until("the service runs", async () => (await cloud.unit(id, "web.service"))?.pid);
  const child = Number(await until("its child runs", () => cloud.read(id, "/run/child.pid")));
  return { cloud, id, main, child };
}

describe("power", () => {
  test("user-data runs once per droplet, however often the power comes back", async ({ expect }) => {
    const { cloud, id } = await serving(ENABLED);
    for (const boots of [2, 3]) {
      await cloud.happen(id, "power_cycle");
      await cloud.booted(id, boots);
    }
    expect(cloud.read(id, "/var/lib/runs")).toBe("ran\n");
  });

  test("user-data that the power cut off is not run again", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(userData("sleep 60; echo ran >>$root/var/lib/runs"));
    await until("user-data runs", () => cloud.read(id, "/var/lib/runs"));
    expect((await cloud.happen(id, "power_cycle")).status).toBe(200);
    await cloud.booted(id, 2);
    expect(cloud.read(id, "/var/lib/runs")).toBe("ran\n");
    expect(processesWith("SPAWNPOINT_ROOT", cloud.root(id))).toEqual([]);
  });

  test("a boot starts what is enabled and nothing else, with a new boot id and an empty /run", async ({ expect }) => {
    const second = WEB_SERVICE.replaceAll("web.service", "other.service").replaceAll(
      "var/lib/starts",
      "var/lib/others",
    );
    const { cloud, id } = await serving(
      userData(`${WEB_SERVICE}${second.replaceAll("/opt/web", "/opt/other")}
systemctl enable --now web.service
systemctl start other.service
touch "$root/run/left-behind"`),
    );
    const boot_id = cloud.read(id, "/proc/sys/kernel/random/boot_id");
    await cloud.happen(id, "power_cycle");
    await cloud.booted(id, 2);
    expect(await cloud.unit(id, "web.service")).toMatchObject({ active: "active", enabled: true });
    expect(await cloud.unit(id, "other.service")).toMatchObject({ active: "inactive", enabled: false });
    expect(cloud.read(id, "/proc/sys/kernel/random/boot_id")).not.toBe(boot_id);
    expect(cloud.read(id, "/run/left-behind")).toBeNull();
  });

  test("power_off kills everything at once, also what has left its session", async ({ expect }) => {
    const { cloud, id, main, child } = await serving(ENABLED);
    expect((await cloud.act(id, "power_off")).status).toBe(201);
    await until("all is dark", () => !isAlive(main) && !isAlive(child));
    expect(await cloud.droplet(id)).toMatchObject({ status: "off", machine: { state: "off" } });
    expect(cloud.read(id, "/var/lib/starts"), "nobody was asked to stop").toBe("start\n");
    await cloud.act(id, "power_on");
    await cloud.booted(id, 2);
    expect(await cloud.unit(id, "web.service")).toMatchObject({ active: "active" });
  });

  test("shutdown stops the services cleanly, and the droplet is off when they are", async ({ expect }) => {
    const { cloud, id, child } = await serving(ENABLED);
    await cloud.act(id, "shutdown");
    await until("the droplet is off", async () => (await cloud.droplet(id))?.status === "off");
    expect(cloud.read(id, "/var/lib/starts")).toBe("start\nstopped\n");
    expect(isAlive(child)).toBe(false);
  });

  test("a machine can switch itself off, and restart itself", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(userData("shutdown -h now; sleep 60"));
    await until("the droplet is off", async () => (await cloud.droplet(id))?.status === "off");
    const restarted = await cloud.create(userData("reboot; sleep 60"), "other");
    await cloud.booted(restarted, 2);
    expect(cloud.read(restarted, "/var/lib/runs")).toBe("ran\n");
  });

  test("a frozen machine stands still, hears no button, and goes on when thawed", async ({ expect }) => {
    const { cloud, id, main } = await serving(ENABLED);
    const port = await until("it listens", () => cloud.read(id, "/run/web.port"));
    expect((await cloud.happen(id, "freeze")).status).toBe(200);
    expect(await cloud.droplet(id)).toMatchObject({ status: "active", machine: { state: "frozen" } });
    await expect(fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(200) })).rejects.toThrow("timeout");
    expect((await cloud.happen(id, "thaw")).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(200);
    expect(isAlive(main)).toBe(true);

    await cloud.happen(id, "freeze");
    await cloud.happen(id, "power_cycle");
    await cloud.booted(id, 2);
    expect(isAlive(main)).toBe(false);
  });

  test.for(["delete", "vanish"])("%s leaves no process and no disk, but the logs", async (how, { expect }) => {
    const { cloud, id, main, child } = await serving(ENABLED);
    if (how === "delete") expect((await cloud.call("DELETE", `/v2/droplets/${id}`)).status).toBe(204);
    else expect((await cloud.happen(id, "vanish")).status).toBe(200);
    await until("the disk is gone", () => !existsSync(cloud.root(id)));
    expect([isAlive(main), isAlive(child)]).toEqual([false, false]);
    expect(await cloud.droplet(id)).toBeUndefined();
    expect(existsSync(join(cloud.state_dir, "tombstones", String(id), "cloud-init-output.log"))).toBe(true);
  });
});
