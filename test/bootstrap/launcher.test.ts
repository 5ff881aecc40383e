/** The workload as another user's unit, on a real systemd: who starts and ends it, what it reaches, and what is left of it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AGENT_UNIT, Droplet, OPENCLAW, until, WORKLOAD_UNIT } from "./droplet.ts";

const STATE = "/var/lib/openclaw/.openclaw";
const KEYS = ["sk-the-first-key-4711", "sk-the-second-key-4712", "sk-the-third-key-4713"] as const;

/** A workload that leaves behind whatever a workload can, and notes the numbers of those. */
const LEAVING = `#!/bin/bash
if [[ $1 == gateway ]]; then
  note() { echo "$1" >>/var/lib/openclaw/left; }
  sleep 1001 & note $!
  setsid bash -c 'echo $$ >>/var/lib/openclaw/left; trap "" TERM HUP; while :; do sleep 0.2; done' & disown
  (bash -c 'env -i sleep 1002 & echo $! >>/var/lib/openclaw/left' &)
  nohup bash -c '(setsid sleep 1003 & echo $! >>/var/lib/openclaw/left)' >/dev/null 2>&1 &
fi
exec ${OPENCLAW} "$@"
`;

let droplet: Droplet;
const left = () => droplet.machine.run("cat", "/var/lib/openclaw/left").stdout.trim().split("\n").filter(Boolean);
const forget = () => droplet.must("rm", "-f", "/var/lib/openclaw/left");
const mainPid = (unit: string) => droplet.show(unit, "MainPID");
const running = () => until(() => expect(droplet.workload.state).toBe("running"));
const applied = (version: number) =>
  until(() => {
    const config_id = expect.stringMatching(`0${version}$`);
    expect(droplet.seen().acks.at(-1)).toMatchObject({ config_id, result: "applied", workload: "running" });
  });
const GATEWAY = `for pid in $(cat /sys/fs/cgroup/system.slice/${WORKLOAD_UNIT}/cgroup.procs); do
  if tr '\\0' ' ' </proc/$pid/cmdline | grep -q '${OPENCLAW} gateway'; then echo $pid; fi
done`;
const gateway = () => droplet.must("bash", "-c", GATEWAY).trim();
const kill = (signal: string, pid: string) => droplet.must("bash", "-c", `kill -${signal} ${pid}`);

beforeAll(async () => {
  droplet = await Droplet.boot();
  droplet.must("rm", "/usr/local/bin/openclaw");
  droplet.machine.write("/usr/local/bin/openclaw", LEAVING, 0o755);
  droplet.order("run");
  droplet.publish(1, KEYS[0]);
  droplet.must("systemctl", "start", AGENT_UNIT);
});

// What the agent said explains a failure.
afterEach(({ task }) => {
  if (task.result?.state === "fail") console.log(droplet.must("journalctl", "-o", "cat", "-n", "100"));
});

afterAll(() => droplet?.dispose());

describe("a running workload", () => {
  it("is another user's, without a capability or a way to gain one, and Node runs under this sandbox", async () => {
    await applied(1);
    for (const [pid, user] of [
      [mainPid(AGENT_UNIT), "spawnpoint-agent"],
      [mainPid(WORKLOAD_UNIT), "openclaw"],
      [gateway(), "openclaw"],
    ] as const) {
      expect(droplet.must("stat", "-c", "%U", `/proc/${pid}`).trim()).toBe(user);
      const status = droplet.must("cat", `/proc/${pid}/status`);
      for (const name of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
        expect(status).toMatch(new RegExp(`^${name}:\\s+0+$`, "m"));
      }
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).toMatch(/^Seccomp:\s+2$/m);
    }
    expect(droplet.must("cat", `/proc/${gateway()}/cgroup`)).toContain(`/system.slice/${WORKLOAD_UNIT}`);
    expect(droplet.must("cat", `/proc/${mainPid(AGENT_UNIT)}/cgroup`)).toContain(`/system.slice/${AGENT_UNIT}`);
    expect(droplet.must("cat", `/proc/${gateway()}/oom_score_adj`).trim()).toBe("500");
  });

  it("reads nothing of the agent's, gives no orders, and meets no door of the agent's", () => {
    expect(droplet.must("stat", "-c", "%U %a", "/var/lib/spawnpoint/agent").trim()).toBe("spawnpoint-agent 700");
    for (const name of ["credential", "agent.db", "gateway.token", "api.token"]) {
      expect(droplet.must("cat", `/var/lib/spawnpoint/agent/${name}`)).not.toBe("");
      expect(droplet.as("openclaw", "cat", `/var/lib/spawnpoint/agent/${name}`).code).not.toBe(0);
    }
    const agent = mainPid(AGENT_UNIT);
    for (const name of ["environ", "mem", "fd/0"]) {
      expect(droplet.as("openclaw", "cat", `/proc/${agent}/${name}`).code, name).not.toBe(0);
    }
    const knock = (path: string) => ["node", "-e", `require("net").connect(${JSON.stringify(path)})`];
    for (const path of [
      "/run/spawnpoint/launcher.sock",
      "/run/spawnpoint-agent/control.sock",
      "/run/spawnpoint-agent/output.sock",
    ]) {
      const { code, stderr } = droplet.as("openclaw", ...knock(path));
      expect([path, code]).toEqual([path, 1]);
      expect(stderr).toContain("EACCES");
    }
    expect(droplet.as("openclaw", "id", "-Gn").stdout.trim()).toBe("openclaw");
  });

  it("has its secrets in its own environment and nowhere else", () => {
    expect(droplet.must("cat", `/proc/${gateway()}/environ`)).toContain(KEYS[0]);
    const user = droplet.must("cat", `/proc/${gateway()}/environ`).split("\0");
    expect(user).toContain("USER=openclaw");
    expect(user.join("\n")).not.toMatch(/^(INVOCATION_ID|WORKLOAD_LAUNCHER|CONTROL_PLANE_URL)=/m);
    expect(droplet.must("bash", "-c", "cat /proc/[0-9]*/cmdline")).not.toContain("sk-the-");
    const properties = ["show", AGENT_UNIT, WORKLOAD_UNIT];
    for (const said of [droplet.must("systemctl", ...properties), droplet.must("journalctl", "-o", "export")]) {
      expect(said).not.toContain("sk-the-");
    }
    // The stand-in notes the key that it was given; the plane is told it by the test.
    const files = "grep -rlF sk-the- /run /etc /opt /tmp /var 2>/dev/null | grep -v -e fixture.log -e /var/log/journal";
    expect(droplet.machine.run("bash", "-c", files).stdout).toBe("");
    for (const unit of [AGENT_UNIT, WORKLOAD_UNIT]) {
      expect(droplet.must("cat", `/proc/${mainPid(unit)}/environ`)).not.toContain("sk-the-");
    }
  });
});

describe("what a workload has left behind", () => {
  it("is gone before another config is started", async () => {
    await until(() => expect(left()).toHaveLength(4));
    const old = left();
    expect(droplet.alive(old)).toEqual(old);
    forget();
    droplet.publish(2, KEYS[1]);
    await applied(2);
    expect(droplet.must("cat", `/proc/${gateway()}/environ`)).toContain(KEYS[1]);
    expect(droplet.alive(old)).toEqual([]);
  });

  it("is gone before the workload is called stopped", async () => {
    await until(() => expect(left()).toHaveLength(4));
    const old = left();
    droplet.order("stop");
    await until(() => expect(droplet.workload.state).toBe("stopped"));
    expect(droplet.alive(old)).toEqual([]);
    expect(droplet.seen().there_when_stopped).not.toContain(true);
    // What had to be killed makes it a failure to systemd.
    expect(droplet.show(WORKLOAD_UNIT, "ActiveState")).toMatch(/^(inactive|failed)$/);
    expect(droplet.journal()).toContain('"event":"workload_left_behind"');
    forget();
  });

  it("is gone, with the workload, where its agent was killed", async () => {
    droplet.order("run");
    await running();
    await until(() => expect(left()).toHaveLength(4));
    const old = [...left(), gateway()];
    kill("KILL", mainPid(AGENT_UNIT));
    droplet.order("stop");
    await until(() => expect(droplet.journal()).toContain('"event":"workload_leftover_ended"'));
    await until(() => expect(droplet.alive(old)).toEqual([]));
    await until(() => expect(droplet.workload.state).toBe("stopped"));
    expect(droplet.seen().there_when_stopped).not.toContain(true);
    forget();
  });

  it("is gone, with the workload, when the agent is stopped", async () => {
    droplet.order("run");
    await running();
    await until(() => expect(left()).toHaveLength(4));
    const old = [...left(), gateway()];
    droplet.must("systemctl", "stop", AGENT_UNIT);
    expect(droplet.show(AGENT_UNIT, "Result")).toBe("success");
    await until(() => expect(droplet.alive(old)).toEqual([]));
    await until(() => expect(droplet.show(WORKLOAD_UNIT, "ActiveState")).toMatch(/^(inactive|failed)$/));
    expect(droplet.must("cat", `${STATE}/fixture.log`)).toMatch(/stopped \d+ \S+\n$/);
    forget();
    droplet.must("systemctl", "start", AGENT_UNIT);
    await running();
  });
});

describe("a workload that does not want to end", () => {
  it("is killed in the end, by the launcher", async () => {
    droplet.publish(3, `${KEYS[2]}-stubborn`);
    await applied(3);
    const old = gateway();
    kill("STOP", mainPid(WORKLOAD_UNIT));
    droplet.order("stop");
    await until(() => expect(droplet.workload.state).toBe("stopped"));
    expect(droplet.alive([old])).toEqual([]);
    expect(droplet.seen().there_when_stopped).not.toContain(true);
    droplet.publish(4, KEYS[0]);
    droplet.order("run");
    await applied(4);
  });
});

describe("the launcher", () => {
  /** Says so many bytes as the user does, and hears the answer. */
  const say = (user: string, bytes: Buffer, end = true) => {
    const script = `
      const socket = require("net").connect("/run/spawnpoint/launcher.sock");
      socket.on("data", (chunk) => process.stdout.write(chunk));
      socket.on("error", (error) => process.stdout.write(error.code));
      socket.on("close", () => process.exit(0));
      socket.write(Buffer.from("${bytes.toString("base64")}", "base64"));
      ${end ? "socket.end();" : ""}`;
    droplet.machine.write("/tmp/say.cjs", script);
    return droplet.as(user, "node", "/tmp/say.cjs").stdout;
  };

  it.each([
    ["nothing", ""],
    ["another verb", "status\n"],
    ["another unit", "start spawnpoint-agent.service\n"],
    ["an order in capitals", "STOP\n"],
    ["an order that does not end", "stop"],
    ["two orders", "stop\nstop\n"],
    ["an order with a NUL", "st\0op\n"],
    ["an order with a NUL behind it", "stop\n\0"],
    ["an order with a carriage return", "stop\r\n"],
    ["an order behind a space", " stop\n"],
    ["a shell's words", "stop;id\n"],
    ["an order in front of much else", `stop\n${"x".repeat(100_000)}`],
  ])("does nothing for %s", (_, text) => {
    const before = droplet.show(WORKLOAD_UNIT, "InvocationID");
    // What is not read to its end is answered with a reset, behind or before the words.
    expect(say("spawnpoint-agent", Buffer.from(text))).toMatch(/^(refused: no order\n|EPIPE|ECONNRESET)/);
    expect(droplet.show(WORKLOAD_UNIT, "InvocationID")).toBe(before);
    expect(droplet.show(WORKLOAD_UNIT, "ActiveState")).toBe("active");
  });

  it("does nothing for bytes that are no text, or where the end of the order does not come", () => {
    const before = droplet.show(WORKLOAD_UNIT, "InvocationID");
    const noise = Buffer.from(Array.from({ length: 4096 }, (_, nth) => (nth * 167 + 13) % 256));
    expect(say("spawnpoint-agent", noise)).toMatch(/^(refused: no order\n|EPIPE|ECONNRESET)/);
    expect(say("spawnpoint-agent", Buffer.from("stop\n"), false)).toBe("refused: no order\n");
    expect(droplet.show(WORKLOAD_UNIT, "InvocationID")).toBe(before);
  });

  it("hears nobody but the agent and root, and starts nothing beside what runs", () => {
    expect(say("openclaw", Buffer.from("stop\n"))).toBe("EACCES");
    expect(say("nobody", Buffer.from("stop\n"))).toBe("EACCES");
    // Somebody else with a way to the socket.
    droplet.must("chmod", "0666", "/run/spawnpoint/launcher.sock");
    expect(say("nobody", Buffer.from("stop\n"))).toMatch(/^refused: not the agent\n/);
    droplet.must("chmod", "0660", "/run/spawnpoint/launcher.sock");
    expect(say("spawnpoint-agent", Buffer.from("start\n"))).toBe("refused: the workload runs\n");
    expect(droplet.show(WORKLOAD_UNIT, "ActiveState")).toBe("active");
    expect(droplet.must("systemctl", "--failed", "--no-legend")).toBe("");
  });
});

describe("what a workload plants where the agent or root looks", () => {
  const asWorkload = (script: string) =>
    expect(droplet.as("openclaw", "bash", "-c", script)).toMatchObject({ code: 0 });

  it("is moved out of the way, read through by nobody, and keeps no config from being applied", async () => {
    droplet.must("bash", "-c", "echo untouched >/root/victim; chmod 0644 /root/victim");
    const before = droplet.show(AGENT_UNIT, "NRestarts");
    let version = 10;
    for (const plant of [
      (path: string) => `ln -sfn /var/lib/spawnpoint/agent/credential ${path}`,
      (path: string) => `ln -sfn /root/victim ${path}`,
      (path: string) => `ln -sfn /dev/zero ${path}`,
      (path: string) => `rm -rf ${path}; mkfifo ${path}`,
      (path: string) => `rm -rf ${path}; truncate -s 1G ${path}`,
      (path: string) => `rm -rf ${path}; mkdir -p ${path}/x`,
    ]) {
      for (const path of [`${STATE}/openclaw.json`, `${STATE}/spawnpoint.json`, `${STATE}/workspace/AGENTS.md`]) {
        asWorkload(plant(path));
      }
      version += 1;
      droplet.publish(version, `sk-planted-${version}`);
      await applied(version);
      for (const name of ["openclaw.json", "spawnpoint.json"]) {
        expect(droplet.must("stat", "-c", "%F %U", `${STATE}/${name}`)).toBe("regular file openclaw\n");
      }
    }
    expect(droplet.must("cat", "/root/victim")).toBe("untouched\n");
    for (const name of ["openclaw.json", "spawnpoint.json", "workspace/AGENTS.md"]) {
      expect(droplet.must("cat", `${STATE}/${name}`)).not.toMatch(/sp_agt_/);
    }
    expect(droplet.show(AGENT_UNIT, "NRestarts")).toBe(before);
  });

  it("is no report, and what it writes for its group is one", async () => {
    const path = "/var/lib/openclaw/report.json";
    const told = () => droplet.seen().beat;
    for (const plant of [
      `ln -sfn /var/lib/spawnpoint/agent/credential ${path}`,
      `rm -f ${path}; mkfifo -m 0640 ${path}`,
      `rm -f ${path}; truncate -s 1G ${path}; chmod 0640 ${path}`,
      `ln -sfn /dev/zero ${path}`,
      `rm -f ${path}; echo {} >${path}; chmod 0600 ${path}`,
    ]) {
      asWorkload(plant);
      await until(() => expect(told().report_error).toContain("report.json"));
      asWorkload(`rm -f ${path}`);
      await until(() => expect(told()).not.toHaveProperty("report_error"));
    }
    const report = { equity: 1000, daily_pnl: -10, drawdown_pct: 1, trades_today: 2 };
    asWorkload(`umask 027; echo '${JSON.stringify(report)}' >${path}`);
    await until(() => expect(told().report).toEqual(report));
    expect(told().workload.state).toBe("running");
  });
});

describe("who listens in the workload's place", () => {
  it("is named, and makes nothing ready", async () => {
    droplet.order("stop");
    await until(() => expect(droplet.workload.state).toBe("stopped"));
    const server = 'require("http").createServer((q, r) => r.end("{}")).listen(18789, "127.0.0.1")';
    droplet.must("systemd-run", "--unit=foreign", "--uid=nobody", "node", "-e", server);
    droplet.order("run");
    await until(() => expect(droplet.journal()).toContain("port 18789 is taken by a process of the user nobody"));
    expect(droplet.workload.state).not.toBe("running");
    droplet.must("systemctl", "stop", "foreign");
    await running();
  });
});

describe("a machine that is switched off", () => {
  it("gives the workload its time to end in good order", async () => {
    droplet.publish(30, KEYS[2]);
    await applied(30);
    const pid = gateway();
    await droplet.machine.powerOff();
    const life = droplet.machine.readDisk(`${STATE}/fixture.log`).trim().split("\n");
    expect(life.at(-1)).toBe(`stopped ${pid} ${KEYS[2]}`);
  });
});
