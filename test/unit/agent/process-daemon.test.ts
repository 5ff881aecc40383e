/** The real agent as its machine's daemon: one of it, a table of bots, a local face, and an end in order. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readProcess } from "../../../bootstrap/agent/workload/process-tree.ts";
import { botStates, withDatabase } from "./fixtures/bot-rows.ts";
import { configId } from "./fixtures/control-plane.ts";
import { agent, eachHasAnAgent, plane, running, until } from "./fixtures/one-agent.ts";

eachHasAnAgent();

const OTHER = configId(99);
const state = () => botStates(agent).find(({ bot_id }) => bot_id === plane.bot_id)?.state;
const workload = () => plane.beats.at(-1)?.workload.state;
const pidOf = (event: string | undefined) => Number(event?.split(" ")[1]);

async function call(method: string, path: string) {
  const { port } = JSON.parse(readFileSync(join(agent.state, "api.json"), "utf8"));
  const headers = { authorization: `Bearer ${readFileSync(join(agent.state, "api.token"), "utf8")}` };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

describe("its only instance", () => {
  it("is the first: a second one says so, ends with 75, and disturbs nothing", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    const registered = plane.to("/register").length;
    const { code, said } = await agent.startSecond();
    expect(code).toBe(75);
    // Not every kernel says who holds a lock.
    expect(said).toMatch(new RegExp(`^Another agent( \\(process ${agent.pid}\\))? runs on this state directory`, "m"));
    const beats = plane.beats.length;
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats + 2));
    expect(running()).toBe(true);
    expect(agent.workloadEvents).toHaveLength(1);
    expect(plane.to("/register")).toHaveLength(registered);
  });

  it("that was killed leaves no lock", async () => {
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(0));
    await agent.kill("SIGKILL");
    const beats = plane.beats.length;
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats));
  });
});

describe("its table of bots", () => {
  it("says what runs, and what is paused because somebody said so", async () => {
    agent.start();
    await until(() => expect(workload()).toBe("stopped"));
    expect(state()).toBe("Stopped");
    plane.order = "run";
    await until(() => expect(running()).toBe(true));
    expect(state()).toBe("Running");
    plane.order = "stop";
    await until(() => expect(workload()).toBe("stopped"));
    await until(() => expect(state()).toBe("Paused"));
    const [row] = botStates(agent);
    expect(row?.started_at).toBeGreaterThan(0);
    await until(() => expect(botStates(agent)[0]?.last_heartbeat).toBeGreaterThan(row?.last_heartbeat ?? 0));
  });

  it("says why what should run does not, without a secret", async () => {
    plane.publish(1, "sk-bad-config-key");
    plane.order = "run";
    agent.start();
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ result: "failed" }));
    await until(() => expect(botStates(agent)).toMatchObject([{ state: "Error" }]));
    expect(botStates(agent)[0]?.error).toContain("models.providers: Invalid input");
    const { body } = await call("GET", `/api/bots/${plane.bot_id}`);
    expect(body.runtime).toMatchObject({ state: "Error", error: botStates(agent)[0]?.error });
    expect(JSON.stringify(body)).not.toContain("sk-bad-config-key");
  });

  it("starts only the agent's own bot, and shows the others", async () => {
    agent.start();
    await until(() => expect(workload()).toBe("stopped"));
    await agent.kill("SIGTERM");
    withDatabase(agent, (db) => {
      db.exec(`INSERT INTO bot_configs (bot_id, enabled, config_id) VALUES ('${OTHER}', 1, NULL), ('rubbish', 1, 'x')`);
      db.exec(`INSERT INTO bot_runtime_state (bot_id, state) VALUES ('${OTHER}', 'Running')`);
    });
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    expect(agent.output).toContain('"event":"kept_value_unreadable","key":"bot rubbish"');
    expect(agent.workloadEvents).toHaveLength(1);
    const { body } = await call("GET", "/api/bots");
    expect(body.data).toMatchObject([
      { id: plane.bot_id, enabled: true, state: "running", runtime: { state: "Running" } },
      { id: OTHER, enabled: false, state: "stopped", runtime: { state: "Stopped" } },
    ]);
    expect((await call("PUT", `/api/bots/${OTHER}/start`)).status).toBe(409);
    expect((await call("DELETE", `/api/bots/${OTHER}`)).status).toBe(204);
    expect((await call("GET", `/api/bots/${OTHER}`)).status).toBe(404);
    expect((await call("DELETE", `/api/bots/${plane.bot_id}`)).body).toMatchObject({ status: 409, code: "managed" });
  });
});

describe("its local face", () => {
  it("holds a person's stop over a restart, and lifts it only where the control plane says run", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    const own = `/api/bots/${plane.bot_id}`;
    expect((await call("PUT", `${own}/stop`)).status).toBe(202);
    await until(() => expect(state()).toBe("Paused"));
    await agent.kill("SIGTERM");
    const beats = plane.beats.length;
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats + 3));
    expect(workload()).toBe("stopped");
    plane.order = "hold";
    await until(async () => expect((await call("GET", own)).body.order).toBe("hold"));
    expect((await call("PUT", `${own}/start`)).status).toBe(409);
    plane.order = "run";
    await until(async () => expect((await call("PUT", `${own}/start`)).status).toBe(202));
    await until(() => expect(running()).toBe(true));
  });

  it("says on its socket what changes, to its owner alone, and without a secret", async () => {
    agent.start();
    const path = join(agent.state, "status.sock");
    await until(() => expect(statSync(path).mode & 0o777).toBe(0o600));
    let heard = "";
    const socket = connect(path);
    socket.on("data", (chunk) => (heard += String(chunk)));
    await until(() => expect(heard.split("\n").length).toBeGreaterThan(1));
    plane.order = "run";
    const states = () => heard.split("\n").flatMap((line) => /"runtime":\{"state":"(\w+)"/.exec(line)?.[1] ?? []);
    await until(() => expect(states().at(-1)).toBe("Running"));
    expect(states()[0]).toBe("Stopped");
    const ended = new Promise((done) => socket.once("close", done));
    await agent.kill("SIGTERM");
    await ended;
    expect(existsSync(path)).toBe(false);
    expect(heard).not.toMatch(/sk-good|agt_/);
  });
});

describe("its end and its next start", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "on %s the workload ends first, the state is written, and it exits 0",
    async (signal) => {
      plane.order = "run";
      agent.start();
      await until(() => expect(running()).toBe(true));
      expect(await agent.kill(signal)).toBe(0);
      expect(agent.workloadEvents.map((event) => event.split(" ")[0])).toEqual(["started", "stopped"]);
      expect(readProcess(pidOf(agent.workloadEvents[0]))).toBeNull();
      expect(state()).toBe("Stopped");
    },
  );

  let innocent: ChildProcess | null = null;
  afterEach(() => {
    innocent?.kill("SIGKILL");
    innocent = null;
  });

  it("notes what it starts before that is there", async () => {
    agent.removeWorkload();
    // It can be executed, and does not start.
    writeFileSync(join(agent.directory, "bin", "openclaw"), "#!/nonexistent\n", { mode: 0o755 });
    plane.order = "run";
    agent.start();
    await until(() => expect(plane.beats.at(-1)?.workload.crashes).toBeGreaterThan(0));
    const child = withDatabase(agent, (db) => db.prepare("SELECT value FROM kept WHERE key = 'child'").get());
    expect(JSON.parse(String(child?.value))).toMatchObject({ pid: null, start_ticks: null, mark: expect.any(String) });
    expect(agent.workloadEvents).toEqual([]);
  });

  it("ends what was started by an agent that died before it could note more than that", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    await agent.kill("SIGKILL");
    const left = pidOf(agent.workloadEvents[0]);
    expect(readProcess(left)).not.toBeNull();
    expect(state()).toBe("Running");
    withDatabase(agent, (db) => {
      db.exec(`UPDATE kept SET value = json_set(value, '$.pid', NULL, '$.start_ticks', NULL) WHERE key = 'child'`);
    });
    plane.order = "hold";
    const beats = plane.beats.length;
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats));
    expect(readProcess(left)).toBeNull();
    expect(state()).toBe("Stopped");
  });

  it("leaves a process alone that has got the number of one from before the boot", async () => {
    innocent = spawn("sleep", ["1000"], { stdio: "ignore", detached: true });
    const pid = innocent.pid ?? 0;
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(0));
    await agent.kill("SIGTERM");
    const child = { pid, start_ticks: readProcess(pid)?.start_ticks, mark: "m", boot: "an-earlier-boot" };
    withDatabase(agent, (db) => {
      db.prepare("INSERT OR REPLACE INTO kept VALUES ('child', ?)").run(JSON.stringify(child));
    });
    const beats = plane.beats.length;
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats));
    expect(readProcess(pid)).not.toBeNull();
  });
});
