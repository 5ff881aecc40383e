import { describe, test } from "vitest";
import { isAlive, start, until, userData, WEB_SERVICE } from "./machines.ts";

describe("a droplet's first boot", () => {
  test("runs user-data, which installs a service that serves", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(userData(`${WEB_SERVICE}systemctl enable --now web.service`));
    const machine = await cloud.booted(id);
    expect(machine, cloud.console(id)).toMatchObject({ boots: 1, user_data_ran: true });
    expect(await cloud.unit(id, "web.service")).toMatchObject({ active: "active", enabled: true, restarts: 0 });
    const port = await until("the service listens", () => cloud.read(id, "/run/web.port"));
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("hello");
  });

  test("tells a droplet who it is", async ({ expect }) => {
    const cloud = await start();
    const get = (path: string) => `curl -fsS "$SPAWNPOINT_METADATA_URL/metadata/v1/${path}"; echo`;
    const id = await cloud.create(
      userData(["id", "hostname", "region", "interfaces/public/0/ipv4/address", "user-data"].map(get).join("\n")),
      "bot-who",
    );
    await cloud.booted(id);
    const [own_id, hostname, region, address, first_line] = cloud.console(id).split("\n");
    expect([own_id, hostname, region, first_line]).toEqual([String(id), "bot-who", "nyc3", "#!/bin/bash"]);
    expect(address).toBe((await cloud.droplet(id))?.ip);
  });

  test("gives user-data nothing of the host but its programs", async ({ expect }) => {
    const cloud = await start();
    process.env.SPAWNPOINT_TEST_SECRET = "secret";
    const id = await cloud.create(userData("env; id -u; command -v openclaw || echo absent"));
    await cloud.booted(id);
    const seen = cloud.console(id);
    expect(seen).not.toContain("SPAWNPOINT_TEST_SECRET");
    expect(seen).toContain(`HOME=${cloud.root(id)}/root\n`);
    expect(seen).toMatch(/\n0\nabsent\n$/);
  });

  test("keeps user-data where cloud-init does, and no second time in the metadata of another", async ({ expect }) => {
    const cloud = await start();
    const first = await cloud.create(userData("true"), "bot-a");
    const second = await cloud.create(userData("false"), "bot-b");
    await cloud.booted(first);
    expect(cloud.read(first, "/var/lib/cloud/instance/user-data.txt")).toBe(userData("true"));
    const answer = await fetch(`${cloud.url}/_machine/${second}/metadata/v1/user-data`);
    expect(await answer.text()).toBe(userData("false"));
  });

  test("survives user-data that is no script", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create("c29tZSBiYXNlNjQ=");
    expect(await cloud.booted(id)).toMatchObject({ user_data_ran: true });
    expect(cloud.console(id)).toContain("Unhandled non-multipart");
  });
});

describe("init", () => {
  test("restarts a service that fails, and not one that was stopped", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(userData(`${WEB_SERVICE}systemctl enable --now web.service`));
    await cloud.booted(id);
    const pid = await until("the service runs", async () => (await cloud.unit(id, "web.service"))?.pid);
    const before = await until("its child runs", () => cloud.read(id, "/run/child.pid"));
    process.kill(pid, "SIGKILL");
    const again = await until("it runs again", async () => {
      const unit = await cloud.unit(id, "web.service");
      return unit?.restarts === 1 && unit.active === "active" ? unit : null;
    });
    expect(again.pid).not.toBe(pid);

    const child = Number(
      await until("its new child runs", () => {
        const written = cloud.read(id, "/run/child.pid");
        return written === before ? null : written;
      }),
    );
    const stop = await cloud.create(userData("true"), "other");
    await cloud.booted(stop);
    const init_url = await until("the init's address", () => cloud.read(id, "../init-url"));
    const answer = await fetch(init_url.trim(), { method: "POST", body: "stop\0web\0" });
    expect(await answer.text()).toBe("0\n");
    expect(await cloud.unit(id, "web.service")).toMatchObject({ active: "inactive", pid: null, restarts: 1 });
    expect(cloud.read(id, "/var/lib/starts")).toBe("start\nstart\nstopped\n");
    expect(isAlive(child), "what the service started went with it").toBe(false);
  });

  test("repeats a oneshot until it succeeds, and skips it once it is done", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(
      userData(`
cat >"$root/opt/task.sh" <<'SH'
#!/bin/bash
echo try >>"$SPAWNPOINT_ROOT/var/lib/tries"
[[ $(wc -l <"$SPAWNPOINT_ROOT/var/lib/tries") -ge 3 ]] || exit 1
touch "$SPAWNPOINT_ROOT/var/lib/task.done"
SH
chmod +x "$root/opt/task.sh"
cat >"$root/etc/systemd/system/task.service" <<'UNIT'
[Unit]
ConditionPathExists=!/var/lib/task.done
[Service]
Type=oneshot
ExecStart=/opt/task.sh
Restart=on-failure
RestartSec=20ms
StandardOutput=append:/var/log/task/out.log
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable task.service
systemctl start --no-block task.service`),
    );
    await until("the work is done", () => cloud.read(id, "/var/lib/task.done") !== null);
    expect(
      (
        await until("it rests", async () => {
          const unit = await cloud.unit(id, "task.service");
          return unit?.active === "inactive" ? unit : null;
        })
      ).restarts,
    ).toBe(2);
    await cloud.happen(id, "power_cycle");
    await cloud.booted(id, 2);
    expect(cloud.read(id, "/var/lib/tries")).toBe("try\ntry\ntry\n");
  });

  test("answers systemctl with systemd's codes", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(
      userData(`${WEB_SERVICE}
code() { local status=0; "$@" || status=$?; echo "$status: \${*:2}"; }
code systemctl is-active web
code systemctl is-enabled web
code systemctl start none.service
code systemctl enable none.service
code systemctl enable web.service
code systemctl start web
code systemctl is-active web.service
code systemctl is-active --quiet web
code systemctl status web
code systemctl show -p ActiveState --value web
code systemctl restart web
code systemctl disable --now web
code systemctl is-enabled web
code systemctl dance web`),
    );
    await cloud.booted(id);
    const codes = cloud
      .console(id)
      .split("\n")
      .filter((line) => /^\d+: /.test(line));
    expect(codes, cloud.console(id)).toEqual([
      "3: is-active web",
      "1: is-enabled web",
      "5: start none.service",
      "1: enable none.service",
      "0: enable web.service",
      "0: start web",
      "0: is-active web.service",
      "0: is-active --quiet web",
      "0: status web",
      "0: show -p ActiveState --value web",
      "0: restart web",
      "0: disable --now web",
      "1: is-enabled web",
      "1: dance web",
    ]);
  });

  test("gives a service its environment, but no port that another machine could want", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(
      userData(`
useradd --system --home-dir /var/lib/bot bot
mkdir -p "$root/etc/bot"
echo "COLOUR='dark blue'
WORKLOAD_PORT=18789" >"$root/etc/bot/env"
cat >"$root/etc/systemd/system/show.service" <<'UNIT'
[Service]
Type=oneshot
User=bot
Environment=SIZE=2 COLOUR=red
EnvironmentFile=/etc/bot/env
EnvironmentFile=-/etc/bot/absent
RuntimeDirectory=bot
WorkingDirectory=/etc/bot
ExecStart=/bin/bash -c 'echo "$$COLOUR $$SIZE $$WORKLOAD_PORT $$USER"; echo "$$HOME $$RUNTIME_DIRECTORY $$PWD"'
StandardOutput=append:/var/log/show.log
UNIT
systemctl start show`),
    );
    await cloud.booted(id);
    const root = cloud.root(id);
    const places = `${root}/var/lib/bot ${root}/run/bot ${root}/etc/bot`;
    expect(cloud.read(id, "/var/log/show.log")).toBe(`dark blue 2 0 bot\n${places}\n`);
  });

  test("starts a unit after those it comes after, and not without those it requires", async ({ expect }) => {
    const cloud = await start();
    const unit = (name: string, more: string, command: string) => `
cat >"$root/etc/systemd/system/${name}.service" <<'UNIT'
[Unit]
${more}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash -c '${command}'
UNIT`;
    const id = await cloud.create(
      userData(`${unit("first", "", 'sleep 0.2; echo first >>"$$SPAWNPOINT_ROOT/var/lib/order"')}
${unit("second", "Requires=first.service\nAfter=first.service", 'echo second >>"$$SPAWNPOINT_ROOT/var/lib/order"')}
${unit("broken", "", "exit 1")}
${unit("hopeless", "Requires=broken.service\nAfter=broken.service", 'echo hopeless >>"$$SPAWNPOINT_ROOT/var/lib/order"')}
systemctl start second
systemctl start hopeless || echo refused`),
    );
    await cloud.booted(id);
    expect(cloud.read(id, "/var/lib/order")).toBe("first\nsecond\n");
    expect(cloud.console(id)).toContain("refused\n");
  });
});
