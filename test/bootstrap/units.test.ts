/** The units on a real systemd: what it says of them, and the guard and the real agent under exactly their sandboxes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AGENT_UNIT, bootstrapFile, Droplet, LAUNCHER_UNIT, UNITS, until, WORKLOAD_UNIT } from "./droplet.ts";

let droplet: Droplet;
const run = (...words: string[]) => droplet.machine.run(...words);

beforeAll(async () => {
  droplet = await Droplet.boot();
});

afterAll(() => droplet?.dispose());

describe("the units", () => {
  it.each(UNITS)("%s is understood without a word", (name) => {
    expect(run("systemd-analyze", "verify", `/etc/systemd/system/${name}`)).toMatchObject({ code: 0, stderr: "" });
  });

  it.each([
    [AGENT_UNIT, 2.5],
    [WORKLOAD_UNIT, 2.5],
    // It is root, for systemd hears nobody else: that, and the socket to say it over, is most of this.
    [LAUNCHER_UNIT, 1.0],
  ])("%s leaves what runs in it little to reach", (name, most) => {
    const said = run("systemd-analyze", "security", "--offline=true", `/etc/systemd/system/${name}`);
    const exposure = Number(/exposure level for .*: ([\d.]+)/.exec(said.stdout)?.[1]);
    expect(exposure, said.stdout).toBeLessThanOrEqual(most);
  });

  it("let V8 compile at run time", () => {
    for (const name of [AGENT_UNIT, WORKLOAD_UNIT]) expect(bootstrapFile(name)).not.toContain("MemoryDenyWriteExecute");
  });
});

describe("the guard", () => {
  it("shuts the metadata service to everybody but root", () => {
    const ask = ["curl", "-sS", "--max-time", "10", "http://169.254.169.254/"];
    const users = ["openclaw", "spawnpoint-agent"];
    const up = ["--retry", "20", "--retry-connrefused", "--retry-delay", "1"];
    expect(run(...ask, ...up)).toMatchObject({ code: 0, stdout: "4242" });
    for (const user of users) expect(droplet.as(user, ...ask).stdout).toBe("4242");
    expect(run("/opt/spawnpoint/guard.sh").code).toBe(0);
    expect(run("/opt/spawnpoint/guard.sh").code).toBe(0);
    expect(run("iptables", "-S", "OUTPUT").stdout.match(/169\.254\.169\.254/g)).toHaveLength(1);
    expect(run(...ask).stdout).toBe("4242");
    for (const user of users) expect(droplet.as(user, ...ask)).toMatchObject({ stdout: "" });
  });
});

describe("the agent's sandbox", () => {
  it("lets the real agent run, as its own user and without a capability", async () => {
    expect(run("systemctl", "start", AGENT_UNIT)).toMatchObject({ code: 0, stderr: "" });
    await until(() => expect(droplet.journal()).toContain('"event":"agent_started"'));
    const status = droplet.must("cat", `/proc/${droplet.show(AGENT_UNIT, "MainPID")}/status`);
    for (const name of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      expect(status).toMatch(new RegExp(`^${name}:\\s+0+$`, "m"));
    }
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
    expect(droplet.must("cat", `/proc/${droplet.show(AGENT_UNIT, "MainPID")}/oom_score_adj`)).toBe("-500\n");
    await until(() => expect(run("test", "-e", "/var/lib/spawnpoint/agent/agent.db").code).toBe(0));
    expect(droplet.must("stat", "-c", "%U %a", "/var/lib/spawnpoint/agent/agent.db")).toBe("spawnpoint-agent 600\n");
    const socket = ["stat", "-c", "%U %a %F", "/run/spawnpoint-agent/status.sock"];
    await until(() => expect(run(...socket).stdout).toBe("spawnpoint-agent 600 socket\n"));
    expect(droplet.show(AGENT_UNIT, "NRestarts")).toBe("0");
    expect(run("systemctl", "stop", AGENT_UNIT).code).toBe(0);
    expect(droplet.show(AGENT_UNIT, "Result")).toBe("success");
  });
});
