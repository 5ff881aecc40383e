import { createServer } from "node:net";
import { describe, test } from "vitest";
import { type Client, start, until, userData } from "./machines.ts";

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

const GATEWAY = "openclaw gateway run --port $PORT --auth token --bind loopback --allow-unconfigured";

/** Runs a gateway with a bot's configuration until it ends; `$PORT` is free. */
async function gateway(cloud: Client, custom_assets: string[], around: string) {
  const port = await freePort();
  const config = JSON.stringify({ trading_config: { custom_assets } });
  return cloud.create(
    userData(`npm install -g openclaw@2026.9.6
export PORT=${port} OPENCLAW_GATEWAY_TOKEN=t SPAWNPOINT_CONFIG_PATH=/etc/config.json
echo '${config}' >"$root/etc/config.json"
${around}`),
  );
}

describe("the stand-ins", () => {
  test("change nothing outside the machine, and write down what they were asked", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(
      userData(
        `
apt-get install -y nginx
ufw --force enable
ufw status
id -u nobody-here && echo wrong
useradd --system --create-home --home-dir /var/lib/openclaw openclaw
id -u openclaw
chown openclaw:openclaw "$root/var/lib/openclaw"
install -d -o openclaw -g openclaw -m 0750 "$root/opt/openclaw"
stat -c %a "$root/opt/openclaw"
runuser -u openclaw -- env COLOUR=blue bash -c 'echo "$COLOUR"'
sudo -u openclaw -H echo as-user
su openclaw -s /bin/bash -c 'echo by su'
iptables -w 30 -C OUTPUT -j REJECT && echo wrong
iptables -w 30 -I OUTPUT -j REJECT
iptables -w 30 -C OUTPUT -j REJECT && echo there
printf key | gpg --batch --yes --dearmor -o /etc/apt/keyrings/a.gpg
git clone --quiet https://example.com/janebot-cli.git /opt/tool
node "$root/opt/tool/bin/janebot-cli.js" init -d "$root/opt/workspace" --yes
npm config set //registry.example.com/:_authToken=hush`.replaceAll("&& echo wrong", "&& echo wrong || true"),
      ),
    );
    await cloud.booted(id);
    const said = cloud.console(id).split("\n");
    expect(said, cloud.console(id)).toEqual(
      expect.arrayContaining(["Status: active", "998", "750", "blue", "as-user", "by su", "there"]),
    );
    expect(said).not.toContain("wrong");
    expect(cloud.read(id, "/etc/apt/keyrings/a.gpg")).toBe("key");
    expect(cloud.read(id, "/opt/workspace/IDENTITY.md")).not.toBeNull();
    const calls = cloud.read(id, "/var/log/standins.log");
    expect(calls).toContain("apt-get install -y nginx\n");
    expect(calls).not.toContain("hush");
  });

  test("openclaw is there once npm has installed it, in the version that was asked for", async ({ expect }) => {
    const cloud = await start();
    const id = await cloud.create(
      userData(
        "command -v openclaw || echo absent\nnpm install --global --no-fund -- openclaw@2026.8.1\nopenclaw --version",
      ),
    );
    await cloud.booted(id);
    expect(cloud.console(id)).toBe("absent\n2026.8.1\n");
  });

  test("the gateway is live at once, ready a little later, and gone on SIGTERM", async ({ expect }) => {
    const cloud = await start();
    const id = await gateway(
      cloud,
      ["SOL"],
      `${GATEWAY} & echo $! >"$root/run/pid"
wait $! && echo "ended well"`,
    );
    const port = await until("it listens", () => /127\.0\.0\.1:(\d+)/.exec(cloud.console(id))?.[1]);
    const get = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: answer.status, text: await answer.text() };
    };
    expect(await get("/healthz")).toEqual({ status: 200, text: '{"ok":true,"status":"live"}' });
    await until("it is ready", async () => (await get("/readyz")).status === 200);
    expect(JSON.parse((await get("/readyz")).text)).toMatchObject({ ready: true, failing: [] });
    expect((await get("/nothing")).text).toContain("<!doctype html>");
    expect((await get("/api/nothing")).status).toBe(404);
    process.kill(Number(cloud.read(id, "/run/pid")), "SIGTERM");
    await until("it ended", () => cloud.console(id).includes("ended well"));
  });

  test.for([
    ["EXIT78", 78],
    ["CRASHLOOP", 1],
  ] as const)("the gateway of a bot with %s ends with %i", async ([mark, code], { expect }) => {
    const cloud = await start();
    const id = await gateway(cloud, [mark], `${GATEWAY} || echo "code $?"`);
    await until("it ended", () => cloud.console(id).includes("code "));
    expect(cloud.console(id)).toContain(`code ${code}\n`);
  });

  test("the gateway of a bot with NEVERREADY is live and never ready", async ({ expect }) => {
    const cloud = await start();
    const id = await gateway(cloud, ["NEVERREADY"], GATEWAY);
    const port = await until("it listens", () => /127\.0\.0\.1:(\d+)/.exec(cloud.console(id))?.[1]);
    const late = await until("it had its time", async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
      const body = (await answer.json()) as { ready: boolean; uptimeMs: number };
      return body.uptimeMs > 500 ? { status: answer.status, ready: body.ready } : null;
    });
    expect(late).toEqual({ status: 503, ready: false });
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  test("a broken configuration file is exit code 78", async ({ expect }) => {
    const cloud = await start();
    const id = await gateway(
      cloud,
      [],
      `echo '{' >"$root/etc/openclaw.json"
OPENCLAW_CONFIG_PATH=/etc/openclaw.json ${GATEWAY} || echo "code $?"`,
    );
    await cloud.booted(id);
    expect(cloud.console(id)).toContain("code 78\n");
  });
});
