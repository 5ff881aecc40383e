/** The real bootstrap over a sandbox: what it does, in which order, and what it does when things go wrong. */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BootstrapSettings, renderUserData } from "../../../src/provider/user-data.ts";
import { PATIENCE_MS } from "../../depth.ts";
import { BOT, FILES, Sandbox, sha256, TOKEN, userDataInput } from "./sandbox.ts";

const AGENT = "console.log('the agent');\n";
const AGENT_PATH = `/bot/agent/${sha256(AGENT)}.mjs`;
const LIB = "root/var/lib/spawnpoint";
let droplet: Sandbox;

beforeEach(async () => {
  droplet = await new Sandbox().start();
  droplet.pages.set(AGENT_PATH, [AGENT]);
});
afterEach(() => droplet.dispose());

async function boot(settings: Record<string, unknown> = {}, token = TOKEN): Promise<void> {
  const input = userDataInput({
    control_plane_url: droplet.url,
    registration_token: token,
    agent: { url: AGENT_PATH, sha256: sha256(AGENT) },
    bootstrap: BootstrapSettings.parse(settings),
  });
  const { code, output } = await droplet.boot(renderUserData(input));
  expect(output).toBe("");
  expect(code).toBe(0);
}

async function run(): Promise<{ code: number | null; output: string }> {
  return await droplet.bootstrap().done;
}

describe("a first boot", () => {
  it("raises the wall first, has the agent before the long tail, and is done at the end", async () => {
    await boot();
    const { code, output } = await run();
    expect(output).toContain("stage done");
    expect(code).toBe(0);
    expect(droplet.read(`${LIB}/bootstrap.done`)).toBe("");
    expect(droplet.read("root/opt/spawnpoint/agent.mjs")).toBe(AGENT);
    const calls = droplet.calls();
    const order = [
      "systemctl start --no-block spawnpoint-bootstrap.service",
      "ufw --force enable",
      "apt-get -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install ca-certificates",
      "systemctl enable --now spawnpoint-launcher.socket",
      "systemctl enable spawnpoint-agent.service",
      "systemctl start --no-block spawnpoint-agent.service",
      "npm install --global --no-fund --no-audit -- pnpm@latest",
      "npm install --global --no-fund --no-audit -- openclaw@latest",
      "npm ci",
    ].map((beginning) => calls.findIndex((call) => call.startsWith(beginning)));
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(droplet.stages.map(({ stage }) => stage)).toEqual([
      "started",
      "firewall",
      "packages",
      "node",
      "user",
      "agent",
    ]);
    expect(droplet.stages[0]).toMatchObject({ droplet_id: 4242, boot_id: "6f7a-b", bearer: TOKEN });
  });

  it("closes the firewall, and opens 22 only where asked (claw-spawn's W32: open to the world, unseen)", async () => {
    await boot();
    await run();
    expect(droplet.calls("ufw default")).toEqual(["ufw default deny incoming", "ufw default allow outgoing"]);
    expect(droplet.calls("ufw limit")).toEqual([]);
    expect(droplet.calls("iptables").join("\n")).toContain(
      "-I OUTPUT -d 169.254.169.254 -m owner ! --uid-owner 0 -j REJECT",
    );
    await boot({ ssh: true }, TOKEN.replace("09", "0a"));
    await run();
    expect(droplet.calls("ufw limit")).toEqual(["ufw limit 22/tcp"]);
  });

  it("leaves later stages for the agent to report, and runs the customizer as the bot's user", async () => {
    await boot({ customizer: { agent_name: "O'Brien $(id)", owner_name: 'a "b" `c`', skip_qmd: false } });
    await run();
    expect(droplet.read(`${LIB}/stages/000007.json`)).toContain('"stage":"pnpm"');
    const customized = JSON.parse(droplet.read("customized") ?? "");
    expect(customized).toEqual([
      "init",
      "-d",
      join(droplet.root, "opt/openclaw/workspace"),
      "--yes",
      "--force",
      "--agent-name",
      "O'Brien $(id)",
      "--owner-name",
      'a "b" `c`',
      "--skip-cron",
      "--skip-git",
      "--skip-heartbeat",
    ]);
    expect(droplet.calls("runuser -u openclaw").some((call) => call.includes("npm ci"))).toBe(true);
  });

  it("writes the agent's environment without the token, and the token to a private file", async () => {
    droplet.flag("fail", "register", true);
    await boot();
    expect((await run()).code).toBe(1);
    const env = droplet.read("root/etc/spawnpoint/agent.env") ?? "";
    expect(env).toContain(`BOT_ID=${BOT}\nSTATE_DIR=${droplet.root}/var/lib/spawnpoint/agent\n`);
    expect(env).not.toContain(TOKEN);
    expect(droplet.read(`${LIB}/agent/registration.token`)).toBe(TOKEN);
    const mode = (path: string) => statSync(join(droplet.directory, path)).mode & 0o777;
    expect(mode(`${LIB}/agent/registration.token`)).toBe(0o600);
    expect(mode(`${LIB}/agent`)).toBe(0o700);
    expect(mode("root/etc/spawnpoint/agent.env")).toBe(0o600);
    expect(mode("root/etc/spawnpoint/bootstrap.env")).toBe(0o600);
  });

  it("shows the token on no command line and in no log", async () => {
    await boot({ install_rust: false });
    const { output } = await run();
    expect(output).not.toContain(TOKEN);
    expect(droplet.calls().join("\n")).not.toContain(TOKEN);
  });

  it("removes the copies of user-data once the token is exchanged", async () => {
    const copy = join(droplet.root, "var/lib/cloud/instances/1/user-data.txt");
    await boot();
    writeFileSync(copy, TOKEN);
    await run();
    expect(droplet.read("root/var/lib/cloud/instances/1/user-data.txt")).toBeNull();
    expect(droplet.read("root/etc/spawnpoint/bootstrap.env")).not.toContain(TOKEN);
  });
});

describe("options", () => {
  it("installs what was asked for, each item as one argument", async () => {
    await boot({
      node_major: 99,
      extra_apt_packages: "htop  g++",
      global_npm_packages: "@scope/tool@1.2.3 other",
      cargo_crates: "ripgrep",
      install_docker: true,
      pnpm_version: "9.1.0",
    });
    writeFileSync(join(droplet.root, "etc/os-release"), "VERSION_CODENAME=jammy\n");
    const { code, output } = await run();
    expect(output).toContain("stage done");
    expect(code).toBe(0);
    expect(droplet.calls("npm install")).toEqual([
      "npm install --global --no-fund --no-audit -- pnpm@9.1.0",
      "npm install --global --no-fund --no-audit -- openclaw@latest",
      "npm install --global --no-fund --no-audit -- @scope/tool@1.2.3 other",
    ]);
    const apt = droplet.calls("apt-get").join("\n");
    for (const packages of ["install nodejs", "install docker-ce docker-ce-cli", "install -- htop g++"]) {
      expect(apt).toContain(packages);
    }
    const nodesource = droplet.read("root/etc/apt/sources.list.d/nodesource.list");
    expect(nodesource).toMatch(
      /^deb \[signed-by=.*nodesource.gpg\] https:\/\/deb.nodesource.com\/node_99.x nodistro main$/m,
    );
    expect(droplet.calls("cargo")).toEqual([]);
  });

  it("refuses a rustup that is not the promised one", async () => {
    await boot({ install_rust: true });
    const { code, output } = await run();
    expect(code).toBe(1);
    expect(output).toContain("rustup-init is not the promised one");
    expect(droplet.read(`${LIB}/steps/openclaw`)).toBe("");
  });
});

describe("the agent's download", () => {
  it("is repeated when it breaks", async () => {
    droplet.pages.set(AGENT_PATH, [500, 500, AGENT]);
    await boot();
    expect((await run()).code).toBe(0);
    expect(droplet.read("root/opt/spawnpoint/agent.mjs")).toBe(AGENT);
  });

  it("is refused where it is not the promised file", async () => {
    droplet.pages.set(AGENT_PATH, ["something else"]);
    await boot();
    const { code, output } = await run();
    expect(code).toBe(1);
    expect(output).toContain("refused");
    expect(droplet.read("root/opt/spawnpoint/agent.mjs")).toBeNull();
    expect(droplet.read("root/opt/spawnpoint/agent.mjs.new")).toBeNull();
    expect(droplet.calls("systemctl enable spawnpoint-agent")).toEqual([]);
    expect(droplet.stages.at(-1)).toMatchObject({ stage: "failed", detail: "agent, exit status 1" });
  });

  it.each([
    ["gone", 404],
    ["another", "something else"],
  ])("asks for the present release when the old one is %s", async (_, page) => {
    const newer = "console.log('newer');\n";
    droplet.pages.set(AGENT_PATH, [page]);
    droplet.pages.set("/newer.mjs", [newer]);
    const release = { url: "/newer.mjs", sha256: sha256(newer) };
    droplet.pages.set(`/bot/${BOT}/agent`, [JSON.stringify(release)]);
    await boot();
    expect((await run()).code).toBe(0);
    expect(droplet.read("root/opt/spawnpoint/agent.mjs")).toBe(newer);
    expect(droplet.requests.find(({ path }) => path === `/bot/${BOT}/agent`)?.bearer).toBe(TOKEN);
    expect(droplet.requests.find(({ path }) => path === "/newer.mjs")?.bearer).toBe("");
  });
});

describe("run again", () => {
  it("repeats nothing that was completed", async () => {
    await boot();
    await run();
    const before = droplet.calls().filter((call) => /^(apt-get|npm|ufw|useradd|git)/.test(call)).length;
    expect((await run()).code).toBe(0);
    const after = droplet.calls().filter((call) => /^(apt-get|npm|ufw|useradd|git)/.test(call)).length;
    expect(after).toBe(before);
  });

  it("goes on after a power cut in the middle", async () => {
    droplet.flag("hang", "npm", true);
    await boot();
    const { child, done } = droplet.bootstrap();
    await vi.waitFor(() => expect(droplet.calls("npm")).toHaveLength(1), { timeout: PATIENCE_MS, interval: 20 });
    child.kill("SIGKILL");
    droplet.flag("hang", "npm", false);
    await done;
    expect(droplet.read(`${LIB}/bootstrap.done`)).toBeNull();
    const apt = droplet.calls("apt-get").length;
    expect((await run()).code).toBe(0);
    expect(droplet.calls("apt-get")).toHaveLength(apt);
    expect(droplet.read(`${LIB}/bootstrap.done`)).toBe("");
  });

  it("tries the customizer again, which never fails the bootstrap", async () => {
    droplet.flag("fail", "git", true);
    await boot();
    expect((await run()).code).toBe(0);
    expect(droplet.read(`${LIB}/steps/customizer`)).toBeNull();
    expect(droplet.read(`${LIB}/customizer.status`)).toContain("exit_status: 1");
    droplet.flag("fail", "git", false);
    expect((await run()).code).toBe(0);
    expect(droplet.read(`${LIB}/steps/customizer`)).toBe("");
    expect(droplet.read(`${LIB}/customizer.status`)).toContain("exit_status: 0");
  });

  it("fails where a package cannot be had, says where, and recovers", async () => {
    droplet.flag("fail", "apt-get", true);
    await boot();
    expect((await run()).code).toBe(1);
    expect(droplet.stages.at(-1)).toMatchObject({ stage: "failed", detail: "packages, exit status 1" });
    expect(droplet.read(`${LIB}/bootstrap.status`)).toContain("failed in: packages");
    droplet.flag("fail", "apt-get", false);
    expect((await run()).code).toBe(0);
    expect(droplet.read(`${LIB}/bootstrap.status`)).toBeNull();
  });

  it("begins a new life when the disk comes from a snapshot of another droplet", async () => {
    await boot();
    await run();
    writeFileSync(join(droplet.directory, `${LIB}/agent/credential`), "the old one");
    droplet.flag("fail", "register", true);
    await boot({}, TOKEN.replace("09", "0a"));
    await run();
    expect(droplet.read(`${LIB}/agent/credential`)).toBeNull();
    expect(droplet.calls("systemctl stop spawnpoint-agent.service")).toHaveLength(1);
    expect(droplet.read(`${LIB}/bootstrap.done`)).toBeNull();
  });
});

describe("the system's own updates at a first boot", () => {
  /** As the kernel lists a POSIX lock on the file. */
  function hold(lock: string): void {
    const path = join(droplet.root, lock);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, "");
    const { ino } = statSync(path);
    writeFileSync(join(droplet.root, "proc/locks"), `1: POSIX  ADVISORY  WRITE 77 08:01:${ino} 0 EOF\n`);
  }

  for (const lock of ["var/lib/dpkg/lock-frontend", "var/lib/apt/lists/lock"]) {
    it(`are waited for while they hold ${lock}, and nobody reads of a failure`, async () => {
      await boot();
      hold(lock);
      const { done, said } = droplet.bootstrap();
      await vi.waitFor(() => expect(said()).toContain(`waiting for ${lock}`), PATIENCE_MS);
      expect([...droplet.calls("dpkg"), ...droplet.calls("apt-get")]).toEqual([]);
      writeFileSync(join(droplet.root, "proc/locks"), "");
      const { code, output } = await done;
      expect(code, output).toBe(0);
      expect(droplet.calls("dpkg --configure -a")).toHaveLength(1);
      expect(droplet.stages.map(({ stage }) => stage)).not.toContain("failed");
    });
  }

  it("are waited for no longer than so long: then it is tried all the same", async () => {
    await boot();
    hold("var/lib/dpkg/lock");
    const { done } = droplet.spawn([join(droplet.root, "opt/spawnpoint/bootstrap.sh")], {
      SPAWNPOINT_LOCK_WAIT_S: "1",
    });
    expect((await done).code).toBe(0);
  });

  it("may come between the look and the call: dpkg is tried again", async () => {
    await boot();
    droplet.flag("fail", "dpkg", true);
    const script = join(droplet.root, "opt/spawnpoint/bootstrap.sh");
    const { done } = droplet.spawn([script], { SPAWNPOINT_RETRY_DELAY_S: "1" });
    await vi.waitFor(() => expect(droplet.calls("dpkg --configure -a")).not.toEqual([]), PATIENCE_MS);
    droplet.flag("fail", "dpkg", false);
    expect((await done).code).toBe(0);
  });
});

describe("identity", () => {
  it("is asked at every start, and an answer that is no droplet id is none", async () => {
    await boot();
    const identity = [join(droplet.root, "opt/spawnpoint/identity.sh")];
    expect((await droplet.spawn(identity).done).code).toBe(0);
    expect(droplet.read("root/run/spawnpoint/identity.env")).toBe("DROPLET_ID=4242\nBOOT_ID=6f7a-b\n");
    droplet.pages.set("/metadata/v1/id", [503, "77"]);
    expect((await droplet.spawn(identity).done).code).toBe(0);
    expect(droplet.read("root/run/spawnpoint/identity.env")).toContain("DROPLET_ID=77\n");
    droplet.pages.set("/metadata/v1/id", ["<html>"]);
    expect((await droplet.spawn(identity).done).code).toBe(1);
  });

  it("holds within its boot where the metadata service does not answer, and in no other boot", async () => {
    await boot();
    const identity = [join(droplet.root, "opt/spawnpoint/identity.sh")];
    expect((await droplet.spawn(identity).done).code).toBe(0);
    droplet.pages.set("/metadata/v1/id", [503]);
    expect((await droplet.spawn(identity).done).code).toBe(0);
    const known = "DROPLET_ID=4242\nBOOT_ID=6f7a-b\n";
    expect(droplet.read("root/run/spawnpoint/identity.env")).toBe(known);
    for (const other of ["6f7a-bc\n", "\n"]) {
      writeFileSync(join(droplet.root, "proc/sys/kernel/random/boot_id"), other);
      expect((await droplet.spawn(identity).done).code).toBe(1);
    }
    writeFileSync(join(droplet.root, "proc/sys/kernel/random/boot_id"), "6f7a-b\n");
    writeFileSync(join(droplet.root, "run/spawnpoint/identity.env"), "BOOT_ID=6f7a-b\n");
    expect((await droplet.spawn(identity).done).code).toBe(1);
  });
});

describe("the scripts", () => {
  it("never trace and never pipe a download into a shell", () => {
    for (const text of Object.values(FILES)) {
      expect(text).not.toMatch(/set\s+-[a-z]*x|xtrace/);
      expect(text).not.toMatch(/curl[^\n]*\|\s*(ba)?sh/);
    }
  });

  it("bring units with one plain directive a line", () => {
    const { agent_unit, bootstrap_unit, workload_unit, launcher_unit, launcher_socket } = FILES;
    for (const unit of [agent_unit, bootstrap_unit, workload_unit, launcher_unit, launcher_socket]) {
      for (const line of unit.trim().split("\n")) expect(line).toMatch(/^(\[\w+\]|[A-Za-z]+=.*|#.*|)$/);
      expect(unit).not.toMatch(/[%\\$]\{?[A-Z]/);
    }
    expect(FILES.agent_unit).toMatch(/^NoNewPrivileges=yes$/m);
    expect(FILES.agent_unit).toMatch(/^User=spawnpoint-agent$/m);
  });
});
