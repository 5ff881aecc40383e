/** The agent as a whole: the real process against a small control plane and a stand-in for OpenClaw. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { hashToken, parseToken } from "../../../src/wire/tokens.ts";
import { configId } from "./fixtures/control-plane.ts";
import { agent, eachHasAnAgent, plane, problem, running, until } from "./fixtures/one-agent.ts";

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

eachHasAnAgent();

describe("enrolment", () => {
  it("exchanges the registration token for a credential of its own, durable before it is used", async () => {
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(0));
    const register = plane.to("/register")[0];
    const credential = readFileSync(join(agent.state, "credential"), "utf8");
    expect(register?.bearer).toBe(agent.token);
    expect(register?.body).toMatchObject({ droplet_id: 42, boot_id: "boot-1" });
    expect(register?.body.credential_sha256).toBe(await hashToken(credential));
    expect(parseToken(credential)).toEqual({ kind: "agt", owner: plane.bot_id });
    expect(statSync(join(agent.state, "credential")).mode & 0o777).toBe(0o600);
    expect(existsSync(join(agent.state, "registration.token"))).toBe(false);
    expect(plane.to("/heartbeat")[0]?.bearer).toBe(credential);
  });

  it("sends the same credential again when the answer was lost", async () => {
    plane.override = ({ path }) => (path === "/bot/register" ? { status: 503 } : null);
    agent.start();
    await until(() => expect(plane.to("/register").length).toBeGreaterThan(1));
    await agent.kill("SIGKILL");
    plane.override = () => null;
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(0));
    expect(new Set(plane.to("/register").map(({ body }) => body.credential_sha256)).size).toBe(1);
  });

  it.each([
    [409, "already_registered"],
    [403, "wrong_droplet"],
    [401, "unauthorized"],
  ])("refused with %i, it keeps asking and starts nothing", async (status, code) => {
    plane.order = "run";
    plane.override = ({ path }) => (path === "/bot/register" ? problem(status, code) : null);
    agent.start();
    await until(() => expect(plane.to("/register").length).toBeGreaterThan(2));
    expect(agent.workloadEvents).toEqual([]);
    expect(plane.beats).toEqual([]);
  });
});

describe("permission to run", () => {
  it("starts nothing until it is told to run, then proves the config and acknowledges it", async () => {
    agent.start();
    await until(() => expect(plane.acks[0]).toMatchObject({ result: "applied", workload: "stopped" }));
    await until(() => expect(plane.beats.at(-1)?.applied_config_id).toBe(configId(1)));
    expect(agent.workloadEvents).toEqual([]);
    plane.order = "run";
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: configId(1), workload: "running" }));
    await until(() => expect(running()).toBe(true));
    expect(plane.beats.at(-1)).toMatchObject({
      workload: { version: "2026.9.6", restarts: 0 },
      applied_config_id: configId(1),
      agent_version: "dev",
    });
  });

  it("stops at `stop`, and `hold` leaves a running workload alone", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    plane.order = "hold";
    const beats = plane.beats.length;
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats + 3));
    expect(running()).toBe(true);
    plane.order = "stop";
    await until(() => expect(plane.beats.at(-1)?.workload.state).toBe("stopped"));
    expect(agent.workloadEvents.at(-1)).toMatch(/^stopped/);
  });

  it("keeps running through an outage of the control plane", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(plane.acks.length).toBe(1));
    plane.override = () => problem(500, "internal");
    const before = plane.received.length;
    await until(() => expect(plane.received.length).toBeGreaterThan(before + 8));
    expect(agent.workloadEvents).toHaveLength(1);
    plane.override = () => null;
    await until(() => expect(running()).toBe(true));
    expect(agent.workloadEvents).toHaveLength(1);
  });

  it("stops for a revocation only when it is said again after a while", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    plane.override = ({ path }) => (path.endsWith("/heartbeat") ? problem(401, "credential_revoked") : null);
    await until(() => expect(agent.workloadEvents.at(-1)).toMatch(/^stopped/));
    const refused = plane.beats.length;
    await until(() => expect(plane.beats.length).toBeGreaterThan(refused + 1));
    expect(isAlive(agent.pid ?? 0)).toBe(true);
  });

  it("stops on the wrong droplet", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    plane.override = ({ path }) => (path.endsWith("/heartbeat") ? problem(403, "wrong_droplet") : null);
    await until(() => expect(agent.workloadEvents.at(-1)).toMatch(/^stopped/));
  });
});

describe("config rollout", () => {
  beforeEach(async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: configId(1), workload: "running" }));
  });

  it("replaces the workload and acknowledges the new version", async () => {
    const id = plane.publish(2, "sk-good-two-key");
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "applied" }));
    expect(agent.workloadEvents.map((event) => event.split(" ")[0])).toEqual(["started", "stopped", "started"]);
  });

  it("puts its last good config back when the new one is invalid", async () => {
    const id = plane.publish(2, "sk-bad-config-key");
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "failed" }));
    expect(plane.acks.at(-1)?.reason).toBe("bad config (openclaw.json: models.providers: Invalid input)");
    await until(() => expect(running()).toBe(true));
    expect(plane.beats.at(-1)?.applied_config_id).toBe(configId(1));
    expect(agent.workloadEvents.filter((event) => event.includes("bad-config"))).toHaveLength(1);
    expect(agent.workloadEvents.at(-1)).toContain("sk-good-one-key");
  });

  it("fails a config whose workload crashes again and again", async () => {
    const id = plane.publish(2, "sk-crash-always-key");
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "failed" }));
    expect(plane.acks.at(-1)?.reason).toBe("crash loop: exit code 1: the provider refuses [redacted]");
    await until(() => expect(running()).toBe(true));
  });

  it("fails a config whose workload never becomes ready", async () => {
    await agent.kill("SIGTERM");
    const beats = plane.beats.length;
    agent.start({ WORKLOAD_APPLY_DEADLINE_S: "1" });
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats));
    await until(() => expect(running()).toBe(true));
    const id = plane.publish(2, "sk-deaf-for-ever-key");
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "failed" }));
    expect(plane.acks.at(-1)?.reason).toContain("not ready within");
  });

  it("kills a workload that does not stop when asked", async () => {
    const id = plane.publish(2, "sk-stubborn-key");
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "applied" }));
    const next = plane.publish(3, "sk-good-three-key");
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: next, result: "applied" }));
  });

  it("repeats an acknowledgement until it is answered", async () => {
    let refused = 0;
    plane.override = ({ path }) => (path.endsWith("/config_ack") && ++refused < 4 ? { status: 503 } : null);
    const id = plane.publish(2, "sk-good-two-key");
    await until(() => expect(plane.acks.filter(({ config_id }) => config_id === id)).toHaveLength(4));
  });

  it("writes neither the LLM key nor any token to disk or to its log", async () => {
    await agent.kill("SIGTERM");
    const credential = readFileSync(join(agent.state, "credential"), "utf8");
    const disk = agent.everythingOnDisk;
    expect(disk).not.toContain("sk-good-one-key");
    expect(disk).not.toContain(agent.token);
    expect(disk).toContain("using key [redacted] and token [redacted]");
    for (const secret of ["sk-good-one-key", agent.token, credential]) expect(agent.output).not.toContain(secret);
  });
});

describe("ends and restarts", () => {
  it("stops the workload and exits 0 on SIGTERM; started again, it waits for `run`", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    expect(await agent.kill("SIGTERM")).toBe(0);
    expect(agent.workloadEvents.at(-1)).toMatch(/^stopped/);
    plane.order = "hold";
    const before = plane.beats.length;
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(before + 3));
    expect(agent.workloadEvents).toHaveLength(2);
    expect(plane.to("/register")).toHaveLength(1);
    plane.order = "run";
    await until(() => expect(running()).toBe(true));
  });

  it("killed outright, it ends the workload that it left behind before it starts another", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    await agent.kill("SIGKILL");
    const left = Number(agent.workloadEvents[0]?.split(" ")[1]);
    expect(isAlive(left)).toBe(true);
    plane.order = "hold";
    agent.start();
    await until(() => expect(agent.workloadEvents.at(-1)).toMatch(/^stopped/));
    const before = plane.beats.length;
    await until(() => expect(plane.beats.length).toBeGreaterThan(before + 2));
    expect(agent.workloadEvents).toHaveLength(2);
  });

  it("says that an apply failed when it died during it, and does not try it again", async () => {
    plane.order = "run";
    plane.publish(1, "sk-deaf-for-ever-key");
    agent.start();
    await until(() => expect(agent.workloadEvents).toHaveLength(1));
    await agent.kill("SIGKILL");
    agent.start();
    await until(() =>
      expect(plane.acks.at(-1)).toMatchObject({
        config_id: configId(1),
        result: "failed",
        reason: "agent_died_during_apply",
      }),
    );
    await until(() => expect(plane.beats.at(-1)?.workload.state).toBe("failed"));
    expect(agent.workloadEvents.filter((event) => event.startsWith("started"))).toHaveLength(1);
    const next = plane.publish(2, "sk-good-two-key");
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: next, result: "applied" }));
  });

  it("waits for OpenClaw to be installed, without blaming the config", async () => {
    plane.order = "run";
    agent.removeWorkload();
    agent.start();
    await until(() => expect(plane.beats.length).toBeGreaterThan(3));
    expect(plane.acks).toEqual([]);
    agent.installWorkload();
    await until(() => expect(plane.acks[0]).toMatchObject({ result: "applied", workload: "running" }));
  });
});

describe("local API", () => {
  const call = async (method: string, path: string, token = readFileSync(join(agent.state, "api.token"), "utf8")) => {
    const { port } = JSON.parse(readFileSync(join(agent.state, "api.json"), "utf8"));
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
    return { status: response.status, body: (await response.json()) as { config?: unknown } };
  };

  it("stops and starts the bot, and starts it only as far as the control plane permits", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(running()).toBe(true));
    expect(await call("GET", "/bots", "wrong")).toMatchObject({ status: 401 });
    expect((await call("GET", "/bots")).body).toMatchObject({ data: [{ id: plane.bot_id, state: "running" }] });
    await until(() => expect(plane.acks).toHaveLength(1));
    const { body } = await call("GET", `/bots/${plane.bot_id}`);
    expect(body.config).toMatchObject({ version: 1, llm_provider: "openai" });
    expect(JSON.stringify(body)).not.toContain("sk-good-one-key");
    expect(await call("POST", `/bots/${plane.bot_id}/stop`)).toMatchObject({ status: 202 });
    await until(() => expect(plane.beats.at(-1)?.workload.state).toBe("stopped"));
    expect(await call("POST", `/bots/${plane.bot_id}/start`)).toMatchObject({ status: 202 });
    await until(() => expect(running()).toBe(true));
    plane.order = "stop";
    await until(() => expect(plane.beats.at(-1)?.workload.state).toBe("stopped"));
    expect(await call("POST", `/bots/${plane.bot_id}/start`)).toMatchObject({ status: 409 });
  });
});
