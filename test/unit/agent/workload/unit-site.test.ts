/** The workload as a unit of its own: the real agent and steward beside a stand-in for the launcher, and the agent's half alone. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UnitSites } from "../../../../bootstrap/agent/workload/unit-site.ts";
import { agent, eachHasAnAgent, plane, running, until } from "../fixtures/one-agent.ts";
import { UnitLauncher } from "../fixtures/unit-launcher.ts";

describe("an agent with a launcher", () => {
  let launcher: UnitLauncher;
  eachHasAnAgent();

  beforeEach(async () => {
    launcher = await new UnitLauncher(agent.directory).start();
  });
  afterEach(() => launcher.dispose());

  const workload = () => plane.beats.at(-1)?.workload;
  const events = (kind: string) => agent.workloadEvents.filter((event) => event.startsWith(kind));

  async function run(): Promise<void> {
    plane.order = "run";
    agent.start(launcher.settings);
    await until(() => expect(running()).toBe(true));
  }

  it("has it start the workload under a steward, tells it its secrets, and hears what it prints", async () => {
    await run();
    expect(launcher.orders).toEqual(["start"]);
    const [, pid, key] = events("started")[0]?.split(" ") ?? [];
    expect(key).toBe("sk-good-one-key");
    expect(agent.output).toContain(`"event":"workload_spawned","pid":${pid},`);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    expect(stat.slice(stat.lastIndexOf(")")).split(" ")[2]).toBe(String(launcher.steward));
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    expect(environment).toContain("USER=openclaw");
    expect(environment.join("\n")).not.toMatch(/^(WORKLOAD_LAUNCHER|CONTROL_PLANE_URL|INVOCATION_ID)=/m);
    expect(readFileSync(`/proc/${launcher.steward}/environ`, "utf8")).not.toContain("sk-good-one-key");
    await until(() =>
      expect(readFileSync(join(agent.state, "logs", "workload.log"), "utf8")).toContain("using key [redacted]"),
    );
    expect(workload()?.version).toBe("2026.9.6");
    expect(agent.everythingOnDisk).not.toContain("sk-good-one-key");
  });

  it("starts it anew for another key, and ends it in good order", async () => {
    await run();
    plane.publish(2, "sk-another-key");
    await until(() => expect(events("started")).toHaveLength(2));
    expect(events("stopped")).toHaveLength(1);
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ result: "applied", workload: "running" }));
    plane.order = "stop";
    await until(() => expect(workload()?.state).toBe("stopped"));
    expect(events("stopped")).toHaveLength(2);
    expect(launcher.orders).toEqual(["start", "stop", "start", "stop"]);
    expect(launcher.steward).toBeDefined();
    await until(() => expect(() => process.kill(launcher.steward ?? 0, 0)).toThrow());
  });

  it("writes new rules for a running one without starting it anew", async () => {
    await run();
    plane.publish(2, "sk-good-one-key");
    plane.config = { ...plane.config, risk_config: { max_position_size_pct: 1, max_daily_loss_pct: 1 } };
    plane.config.risk_config = { ...Object(plane.config.risk_config), max_drawdown_pct: 2, max_trades_per_day: 1 };
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: plane.config.id, result: "applied" }));
    expect(events("started")).toHaveLength(1);
    expect(readFileSync(join(agent.workload_state, "spawnpoint.json"), "utf8")).toContain('"max_drawdown_pct": 2');
  });

  it("says how it has ended, with what it said last", async () => {
    plane.publish(1, "sk-crash-crash-key");
    plane.order = "run";
    agent.start(launcher.settings);
    await until(() => expect(agent.output).toMatch(/"state":"crashed","reason":"exit code 1: the provider refuses /));
    expect(agent.output).not.toContain("sk-crash-crash-key");
  });

  it("says what the check calls wrong, and leaves no unit behind", async () => {
    plane.publish(1, "sk-bad-config-key");
    plane.order = "run";
    agent.start(launcher.settings);
    await until(() => expect(plane.acks.at(-1)?.reason).toContain("models.providers: Invalid input"));
    expect(events("started")).toEqual([]);
    expect(launcher.orders.at(-1)).toBe("stop");
  });

  it("has the launcher kill what does not end", async () => {
    plane.publish(1, "sk-stubborn-key");
    await run();
    plane.order = "stop";
    await until(() => expect(workload()?.state).toBe("stopped"));
    expect(events("stopped")).toHaveLength(1);
    expect(launcher.orders).toEqual(["start", "stop"]);
  });

  it("tells why nothing starts", async () => {
    launcher.refusal = "failed: exit-code";
    plane.order = "run";
    agent.start(launcher.settings);
    const why = '"reason":"cannot start: the launcher does not start: failed: exit-code"';
    await until(() => expect(agent.output).toContain(why));
    launcher.refusal = null;
    plane.publish(2, "sk-another-key");
    await until(() => expect(running()).toBe(true));
  });
});

describe("the agent's half", () => {
  let directory: string;
  let server: Server;
  let orders: string[];
  let said: string[];
  let sites: UnitSites;
  const visitors: Socket[] = [];
  const populated = (is: 0 | 1) => writeFileSync(join(directory, "group/cgroup.events"), `populated ${is}\nfrozen 0\n`);

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "spawnpoint-site-"));
    mkdirSync(join(directory, "group"));
    orders = [];
    said = [];
    server = createServer({ allowHalfOpen: true }, (peer) => {
      peer.once("data", (order) => {
        orders.push(String(order).trim());
        peer.end("ok\n");
      });
    });
    await new Promise<void>((listening) => server.listen(join(directory, "launcher.sock"), listening));
    sites = new UnitSites({
      launcher: join(directory, "launcher.sock"),
      directory,
      group: join(directory, "group"),
      log: (event) => said.push(event),
    });
  });

  afterEach(async () => {
    for (const visitor of visitors.splice(0)) visitor.destroy();
    await new Promise((closed) => server.close(closed));
    rmSync(directory, { recursive: true });
  });

  function visit(name: string): Socket {
    const visitor = connect(join(directory, name));
    visitor.on("error", () => {});
    visitors.push(visitor);
    return visitor;
  }

  /** A steward that answers to all that it is asked. */
  async function open() {
    const opening = sites.open(new AbortController().signal);
    await until(() => expect(orders).toContain("start"));
    const talk = visit("control.sock");
    visit("output.sock");
    talk.on("data", (chunk) => {
      for (const line of String(chunk).trim().split("\n")) {
        talk.write(`${JSON.stringify({ id: JSON.parse(line).id, ok: 4711 })}\n`);
      }
    });
    talk.write('{"hello":{"uid":998}}\n');
    return { site: await opening, talk };
  }

  it("takes a workload for ended only when the kernel says that its group is empty", async () => {
    const { site, talk } = await open();
    const child = await site.start({ file: "/bin/true", args: [], env: {}, cwd: "/" });
    expect(child.pid).toBe(4711);
    let ended: unknown = null;
    child.once("exit", (code, signal) => {
      ended = [code, signal];
    });
    populated(1);
    talk.end('{"ended":{"code":3,"signal":null,"left":[7]}}\n');
    await until(() => expect(orders.filter((order) => order === "stop").length).toBeGreaterThan(2));
    expect(ended).toBeNull();
    populated(0);
    await until(() => expect(ended).toEqual([3, null]));
    expect(said).toContain("workload_left_behind");
  });

  it("ends what an earlier agent has left before it goes on, and orders nothing where nothing is", async () => {
    await sites.endLeftover();
    expect(orders).toEqual([]);
    populated(1);
    let over = false;
    const ending = sites.endLeftover().then(() => {
      over = true;
    });
    await until(() => expect(orders.length).toBeGreaterThan(1));
    expect(over).toBe(false);
    populated(0);
    await ending;
    expect(said).toContain("workload_leftover_ended");
  });

  it("takes only the workload's user for the holder of its port", async () => {
    const { site } = await open();
    const child = await site.start({ file: "/bin/true", args: [], env: {}, cwd: "/" });
    expect(child.owns([{ inode: "1", uid: 998 }])).toBe(true);
    expect(child.owns([{ inode: "1", uid: 0 }])).toBe(false);
    expect(child.owns([])).toBe(false);
  });

  it("sends away whoever comes unasked", async () => {
    const { talk } = await open();
    const second = visit("control.sock");
    await until(() => expect(second.closed).toBe(true));
    expect(talk.destroyed).toBe(false);
  });

  it("hears no nonsense, and gives a steward up that does not end a line", async () => {
    const { talk } = await open();
    talk.write('{"log":{"event":"Agent Started","fields":{}}}\n');
    talk.write(`${JSON.stringify({ log: { event: "much", fields: { text: "x".repeat(5000) } } })}\n`);
    talk.write("no JSON\n");
    talk.write('{"log":{"event":"workload_config_left_alone","fields":{"path":"/x"}}}\n');
    await until(() => expect(said).toContain("workload_config_left_alone"));
    expect(said.filter((event) => event === "steward_not_understood")).toHaveLength(3);
    talk.write("x".repeat(9 * 1024 * 1024));
    await until(() => expect(talk.closed).toBe(true));
    await until(() => expect(orders.at(-1)).toBe("stop"));
  });
});
