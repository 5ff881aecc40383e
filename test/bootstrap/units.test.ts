/** The units on a real systemd: what it says of them, and the real agent under exactly the agent's sandbox. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { Machine } from "./debian.ts";

const BOOTSTRAP = resolve("bootstrap");
const AGENT_UNIT = "spawnpoint-agent.service";
const BOOTSTRAP_UNIT = "spawnpoint-bootstrap.service";
const UNITS = [AGENT_UNIT, BOOTSTRAP_UNIT];
const unit = (name: string) => readFileSync(join(BOOTSTRAP, name), "utf8");

let machine: Machine;

beforeAll(async () => {
  machine = await new Machine().boot();
  for (const name of UNITS) machine.write(`/etc/systemd/system/${name}`, unit(name));
  for (const name of ["bootstrap.sh", "guard.sh", "identity.sh"]) {
    machine.write(`/opt/spawnpoint/${name}`, unit(name), 0o755);
  }
  machine.write("/opt/spawnpoint/agent.mjs", readFileSync(inject("agent"), "utf8"));
  machine.run("bash", "-c", "mkdir -p /var/log/spawnpoint /var/lib/spawnpoint/agent /opt/openclaw");
  machine.run("useradd", "--system", "--user-group", "--create-home", "--home-dir", "/var/lib/openclaw", "openclaw");
  machine.run("chown", "openclaw:openclaw", "/var/lib/spawnpoint/agent", "/opt/openclaw", "/var/lib/openclaw");
  machine.run("systemctl", "daemon-reload");
});

afterAll(() => machine?.dispose());

describe("the units", () => {
  it.each(UNITS)("%s is understood without a word", (name) => {
    expect(machine.run("systemd-analyze", "verify", `/etc/systemd/system/${name}`)).toMatchObject({
      code: 0,
      stderr: "",
    });
  });

  it("leave the agent and what it starts little to reach", () => {
    const said = machine.run("systemd-analyze", "security", "--offline=true", `/etc/systemd/system/${AGENT_UNIT}`);
    const exposure = Number(/exposure level for .*: ([\d.]+)/.exec(said.stdout)?.[1]);
    expect(exposure).toBeLessThanOrEqual(2.5);
    // V8 compiles at run time.
    expect(unit(AGENT_UNIT)).not.toContain("MemoryDenyWriteExecute");
  });
});

describe("the guard", () => {
  it("shuts the metadata service to everybody but root", () => {
    const server = 'require("http").createServer((q, r) => r.end("4242")).listen(80, "169.254.169.254")';
    machine.run("systemd-run", "--unit=metadata", "node", "-e", server);
    const url = "http://169.254.169.254/";
    const ask = ["curl", "-sS", "--max-time", "10", url];
    const askAsWorkload = () => machine.run("runuser", "-u", "openclaw", "--", ...ask);
    const up = ["--retry", "20", "--retry-connrefused", "--retry-delay", "1"];
    expect(machine.run(...ask, ...up)).toMatchObject({ code: 0, stdout: "4242" });
    expect(askAsWorkload().stdout).toBe("4242");
    expect(machine.run("/opt/spawnpoint/guard.sh").code).toBe(0);
    expect(machine.run("/opt/spawnpoint/guard.sh").code).toBe(0);
    expect(machine.run("iptables", "-S", "OUTPUT").stdout.match(/169\.254\.169\.254/g)).toHaveLength(1);
    expect(machine.run(...ask).stdout).toBe("4242");
    expect(askAsWorkload()).toMatchObject({ stdout: "" });
  });
});

describe("the agent's sandbox", () => {
  const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 120_000, interval: 500 });
  const journal = () => machine.run("journalctl", "-u", AGENT_UNIT, "-o", "cat").stdout;

  it("lets the real agent run, as its own user and without a capability", async () => {
    const env = [
      "CONTROL_PLANE_URL=http://198.18.0.1:9",
      "BOT_ID=0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d",
      "STATE_DIR=/var/lib/spawnpoint/agent",
      "OPENCLAW_STATE_DIR=/var/lib/openclaw/.openclaw",
      "HOME=/var/lib/openclaw",
    ];
    machine.write("/etc/spawnpoint/agent.env", `${env.join("\n")}\n`, 0o600);
    expect(machine.run("systemctl", "start", AGENT_UNIT)).toMatchObject({ code: 0, stderr: "" });
    await until(() => expect(journal()).toContain('"event":"agent_started"'));
    const pid = machine.run("systemctl", "show", "--value", "-p", "MainPID", AGENT_UNIT).stdout.trim();
    const status = machine.run("cat", `/proc/${pid}/status`).stdout;
    for (const name of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      expect(status).toMatch(new RegExp(`^${name}:\\s+0+$`, "m"));
    }
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    expect(machine.run("cat", `/proc/${pid}/oom_score_adj`).stdout).toBe("-500\n");
    await until(() => expect(machine.run("test", "-e", "/var/lib/spawnpoint/agent/agent.db").code).toBe(0));
    expect(machine.run("stat", "-c", "%U %a", "/var/lib/spawnpoint/agent/agent.db").stdout).toBe("openclaw 600\n");
    expect(machine.run("systemctl", "show", "--value", "-p", "NRestarts", AGENT_UNIT).stdout).toBe("0\n");
    expect(machine.run("systemctl", "stop", AGENT_UNIT).code).toBe(0);
    expect(machine.run("systemctl", "show", "--value", "-p", "Result", AGENT_UNIT).stdout).toBe("success\n");
  });
});
