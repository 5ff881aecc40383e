/** The real agent process on its live channel, and without it. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CLOSE_CODES, type CloseReason } from "../../../../src/wire/channel.ts";
import { AgentProcess } from "../fixtures/agent-process.ts";
import { configId, TestControlPlane } from "../fixtures/control-plane.ts";
import { problem, until } from "../fixtures/one-agent.ts";

let plane: TestControlPlane;
let agent: AgentProcess;
const events = () => agent.workloadEvents.map((event) => event.split(" ")[0]);
const lastState = () => plane.channel.statuses.at(-1)?.workload.state;

function make(extra: Record<string, string> = {}): void {
  // Without the channel, a new config would be found only after this long.
  agent = new AgentProcess(plane.bot_id, plane.url, { AGENT_CONFIG_POLL_S: "300", ...extra });
}

/** The channel carries: the first statuses are answered, and the beats over HTTP have ended. */
async function connected(): Promise<void> {
  const before = plane.channel.pings;
  await until(() => expect(plane.channel.pings).toBeGreaterThan(before + 2));
}

async function running(): Promise<void> {
  plane.order = "run";
  agent.start();
  await until(() => expect(lastState()).toBe("running"));
  await until(() => expect(plane.acks.at(-1)).toMatchObject({ workload: "running" }));
  await until(() => expect(plane.channel.statuses.at(-1)?.applied_config_id).toBe(configId(1)));
}

beforeEach(async () => {
  plane = await new TestControlPlane(randomUUID()).start();
  plane.channel.open();
  make();
});

afterEach(async (context) => {
  if (context.task.result?.state === "fail") console.log(agent.output);
  await agent.dispose();
  await plane.stop();
});

describe("while the channel is up", () => {
  it("says who it is and how it is, and then only pings: no beat over HTTP, no look at the config", async () => {
    agent.start();
    await connected();
    const { url, bearer, statuses } = plane.channel.last;
    expect(url.pathname).toBe(`/bot/${plane.bot_id}/channel`);
    expect(Object.fromEntries(url.searchParams)).toEqual({ droplet_id: "42", boot_id: "boot-1" });
    expect(bearer).toBe(readFileSync(join(agent.state, "credential"), "utf8"));
    expect(statuses[0]).toMatchObject({ agent_version: "dev", droplet_id: 42, workload: { state: "stopped" } });
    await until(() => expect(plane.channel.statuses.at(-1)?.applied_config_id).toBe(configId(1)));
    await connected();
    const quiet = [plane.received.length, plane.channel.statuses.length];
    const pings = plane.channel.pings;
    await until(() => expect(plane.channel.pings).toBeGreaterThan(pings + 8));
    expect([plane.received.length, plane.channel.statuses.length]).toEqual(quiet);
    expect(plane.channel.connections).toHaveLength(1);
  });

  it("obeys a push at once, and tells every change", async () => {
    agent.start();
    await connected();
    plane.order = "run";
    plane.channel.push();
    await until(() => expect(lastState()).toBe("running"));
    await connected();
    const beats = plane.beats.length;
    plane.order = "stop";
    plane.channel.push();
    await until(() => expect(lastState()).toBe("stopped"));
    expect(events()).toEqual(["started", "stopped"]);
    expect(plane.beats).toHaveLength(beats);
  });

  it("fetches a pushed config at once, proves it and says so", async () => {
    await running();
    const id = plane.publish(2, "sk-good-two-key");
    const fetched = plane.to("/config").length;
    plane.channel.push();
    // Without the push, it would be looked for only after AGENT_CONFIG_POLL_S.
    await until(() => expect(plane.to("/config").length).toBe(fetched + 1));
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "applied" }));
    await until(() => expect(plane.channel.statuses.at(-1)?.applied_config_id).toBe(id));
    expect(agent.workloadEvents.at(-1)).toContain("sk-good-two-key");
  });

  it("ignores what makes no sense, complains once, and obeys what follows", async () => {
    agent.start();
    await connected();
    plane.channel.push("{");
    plane.channel.push({ type: "news" });
    plane.channel.push({ type: "orders", ...plane.orders, workload: "sprint" });
    plane.order = "run";
    plane.channel.push();
    await until(() => expect(lastState()).toBe("running"));
    expect(agent.output.match(/channel_frame_ignored/g)).toHaveLength(1);
    expect(plane.channel.connections).toHaveLength(1);
  });

  it("says goodbye when the agent is told to end", async () => {
    agent.start();
    await connected();
    expect(await agent.kill("SIGTERM")).toBe(0);
    await until(() => expect(plane.channel.last.closed).toEqual({ code: 1000 }));
  });
});

describe("without the channel", () => {
  it("beats over HTTP after the loss, again and again, and comes back to the channel when it can", async () => {
    await running();
    await connected();
    plane.channel.refusal = { status: 503 };
    const beats = plane.beats.length;
    plane.channel.dropAll();
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats + 3));
    plane.channel.open();
    await connected();
    expect(plane.channel.connections).toHaveLength(2);
    expect(plane.channel.last.statuses[0]?.workload.state).toBe("running");
    expect(events()).toEqual(["started"]);
  });

  it("takes a missing pong for a loss: beats over HTTP, and connects anew", async () => {
    await agent.dispose();
    make({ AGENT_CHANNEL_PONG_S: "0.5" });
    await running();
    await connected();
    const beats = plane.beats.length;
    plane.channel.deaf = true;
    await until(() => expect(plane.beats.length + plane.channel.connections.length).toBeGreaterThan(beats + 1));
    await until(() => expect(plane.channel.connections.length).toBeGreaterThan(2));
    expect(plane.channel.connections[0]?.closed).toEqual({ code: 4000 });
    plane.channel.deaf = false;
    const { length } = plane.channel.connections;
    await connected();
    expect(plane.channel.connections.length).toBeLessThanOrEqual(length + 1);
    expect(events()).toEqual(["started"]);
  });

  it("does not trust a channel on which nobody answers, pongs or not", async () => {
    await agent.dispose();
    make({ AGENT_REQUEST_TIMEOUT_S: "1" });
    plane.channel.silent = true;
    plane.order = "run";
    agent.start();
    await until(() => expect(plane.beats.at(-1)?.workload.state).toBe("running"));
    await until(() => expect(plane.channel.connections.length).toBeGreaterThan(2));
    const beats = plane.beats.length;
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats + 3));
    plane.channel.silent = false;
    await connected();
  });

  it("lives behind a proxy that takes every upgrade for a page, slowly asking again", async () => {
    plane.channel.refusal = { status: 200, headers: { "content-type": "text/html" } };
    plane.order = "run";
    const began = performance.now();
    agent.start();
    await until(() => expect(plane.beats.at(-1)?.workload.state).toBe("running"));
    const id = plane.publish(2, "sk-good-two-key");
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: id, result: "applied" }));
    await until(() => expect(plane.channel.upgrades).toBeGreaterThan(1));
    // Between two upgrades lies at least half of the slow pause, 0.2 s.
    expect(plane.channel.upgrades).toBeLessThan((performance.now() - began) / 200 + 1);
  });
});

describe("a channel that the Bot closes", () => {
  const close = (reason: CloseReason) => plane.channel.last.socket.close(CLOSE_CODES[reason], reason);

  it.each<CloseReason>(["invalid_frame", "too_many_frames", "frame_too_big"])(
    "as %s is opened anew",
    async (reason) => {
      await running();
      close(reason);
      await until(() => expect(plane.channel.connections).toHaveLength(2));
      await connected();
      expect(agent.output).toContain(`"code":${CLOSE_CODES[reason]}`);
      expect(events()).toEqual(["started"]);
    },
  );

  it("as replaced is not fought over, and beats go on over HTTP", async () => {
    await agent.dispose();
    make({ AGENT_SLOW_RETRY_S: "4" });
    await running();
    const beats = plane.beats.length;
    const upgrades = plane.channel.upgrades;
    const closed_at = performance.now();
    // It is not let in before it has beaten a few times.
    plane.channel.refusal = { status: 503 };
    close("replaced");
    await until(() => expect(plane.channel.upgrades).toBeGreaterThan(upgrades));
    expect(performance.now() - closed_at).toBeGreaterThan(1900);
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats + 3));
    plane.channel.open();
    await until(() => expect(plane.channel.connections).toHaveLength(2));
    expect(events()).toEqual(["started"]);
  });

  it("for a revocation is believed when a beat confirms it after a while", async () => {
    await running();
    plane.override = ({ path }) => (path.endsWith("/heartbeat") ? problem(401, "credential_revoked") : null);
    const beats = plane.beats.length;
    const closed_at = performance.now();
    close("credential_revoked");
    await until(() => expect(events()).toEqual(["started", "stopped"]));
    expect(performance.now() - closed_at).toBeGreaterThan(450);
    expect(plane.beats.length).toBeGreaterThan(beats);
    // It does not connect again before a beat was answered.
    const upgrades = plane.channel.upgrades;
    const more = plane.beats.length;
    await until(() => expect(plane.beats.length).toBeGreaterThan(more + 1));
    expect(plane.channel.upgrades).toBe(upgrades);
    plane.override = () => null;
    await until(() => expect(lastState()).toBe("running"));
  });

  it("for a revocation that no beat confirms stops nothing", async () => {
    await running();
    plane.override = ({ path }) => (path.endsWith("/heartbeat") ? problem(500, "internal") : null);
    const beats = plane.beats.length;
    close("credential_revoked");
    await until(() => expect(plane.beats.length).toBeGreaterThan(beats + 5));
    plane.override = () => null;
    await until(() => expect(plane.channel.connections).toHaveLength(2));
    await connected();
    expect(events()).toEqual(["started"]);
  });

  it("for being on the wrong droplet stops the workload, until a beat says otherwise", async () => {
    await running();
    plane.override = ({ path }) => (path.endsWith("/heartbeat") ? problem(403, "wrong_droplet") : null);
    close("wrong_droplet");
    await until(() => expect(events()).toEqual(["started", "stopped"]));
    expect(plane.channel.connections).toHaveLength(1);
    plane.override = () => null;
    await until(() => expect(lastState()).toBe("running"));
  });
});

describe.each(["channel", "HTTP"])("commands over %s", (transport) => {
  const state = () => (transport === "HTTP" ? plane.beats : plane.channel.statuses).at(-1)?.workload.state;
  const deliver = () => {
    if (transport === "channel") plane.channel.push();
  };
  beforeEach(async () => {
    if (transport === "HTTP") plane.channel.refusal = { status: 404 };
    plane.order = "run";
    agent.start();
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ workload: "running" }));
    if (transport === "channel") await connected();
  });

  it("stop and start the workload", async () => {
    const stop = plane.command("stop");
    deliver();
    await until(() => expect(plane.result(stop)).toMatchObject({ ok: true }));
    await until(() => expect(state()).toBe("stopped"));
    const start = plane.command("start");
    deliver();
    await until(() => expect(plane.result(start)).toMatchObject({ ok: true }));
    await until(() => expect(state()).toBe("running"));
    expect(events()).toEqual(["started", "stopped", "started"]);
  });

  it("restart it, unless it may not run", async () => {
    const restart = plane.command("restart");
    deliver();
    await until(() => expect(plane.result(restart)).toMatchObject({ ok: true }));
    expect(events()).toEqual(["started", "stopped", "started"]);
    plane.order = "hold";
    deliver();
    const held = plane.command("restart");
    deliver();
    await until(() => expect(plane.result(held)).toMatchObject({ ok: false }));
    expect(plane.result(held)?.detail).toBe("The workload must not be started: the control plane's order is hold.");
    const stop = plane.command("stop");
    const stopped = plane.command("restart");
    deliver();
    await until(() => expect(plane.result(stopped)).toMatchObject({ ok: false }));
    expect(plane.result(stopped)?.detail).toBe("The workload must not run: stopped by a command.");
    await until(() => expect(plane.result(stop)).toMatchObject({ ok: true }));
  });

  it("collect the log, redacted", async () => {
    const collect = plane.command("collect_logs", { lines: 5 });
    deliver();
    await until(() => expect(plane.result(collect)).toMatchObject({ ok: true }));
    expect(plane.result(collect)?.output).toBe("using key [redacted] and token [redacted]");
  });

  it("expire, and are refused where they are unknown", async () => {
    const late = plane.command("stop", {}, -1);
    const strange = plane.command("dance");
    deliver();
    await until(() => expect(plane.result(strange)).toMatchObject({ ok: false }));
    expect(plane.result(late)).toEqual({ id: late, ok: false, detail: "The command expired before it could run." });
    expect(events()).toEqual(["started"]);
  });

  it("are carried out once, though the agent restarts before its result is heard", async () => {
    plane.forgetful = true;
    const stop = plane.command("stop");
    deliver();
    await until(() => expect(events()).toEqual(["started", "stopped"]));
    const start = plane.command("start");
    deliver();
    await until(() => expect(events()).toEqual(["started", "stopped", "started"]));
    expect(plane.results).toEqual([]);
    await agent.kill("SIGKILL");
    plane.forgetful = false;
    agent.start();
    await until(() => expect(plane.result(stop)).toMatchObject({ ok: true }));
    await until(() => expect(plane.result(start)).toMatchObject({ ok: true }));
    // The workload that was left behind is ended, and another started; nothing more.
    await until(() => expect(events()).toEqual(["started", "stopped", "started", "stopped", "started"]));
    await until(() => expect(state()).toBe("running"));
    // Both transports may have brought them, but always the same two.
    expect(new Set(plane.results.map(({ id }) => id))).toEqual(new Set([stop, start]));
  });
});

it("says a result again before long when the answer to it lists the command still", async () => {
  await agent.dispose();
  make({ AGENT_REQUEST_TIMEOUT_S: "1" });
  await running();
  plane.forgetful = true;
  const id = plane.command("collect_logs");
  plane.channel.push();
  const sent = () =>
    plane.channel.statuses.filter(({ command_results = [] }) => command_results.some((r) => r.id === id));
  await until(() => expect(sent()).toHaveLength(1));
  plane.forgetful = false;
  await until(() => expect(plane.result(id)).toMatchObject({ ok: true }));
  expect(sent()).toHaveLength(2);
});
