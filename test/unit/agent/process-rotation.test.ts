/** A new credential for the real process, with an answer lost and a death in between. */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AgentProcess } from "./fixtures/agent-process.ts";
import { configId, TestControlPlane } from "./fixtures/control-plane.ts";

let plane: TestControlPlane;
let agent: AgentProcess;
const until = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 20 });
const running = () => plane.beats.at(-1)?.workload.state === "running";
const problem = (status: number, code: string) => ({ status, body: { status, code } });
const digest = (token: string) => createHash("sha256").update(token).digest("hex");

beforeEach(async () => {
  const bot_id = randomUUID();
  plane = await new TestControlPlane(bot_id).start();
  agent = new AgentProcess(bot_id, plane.url);
});

afterEach(async (context) => {
  if (context.task.result?.state === "fail") console.log(agent.output);
  await agent.dispose();
  await plane.stop();
});

describe("a new credential", () => {
  it("is taken when it is asked for, and holds though the answer was lost and the agent died of it", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: configId(1), workload: "running" }));
    const path = join(agent.state, "credential");
    const old = readFileSync(path, "utf8");
    let accepted = digest(old);
    plane.override = ({ path, bearer, body }) => {
      const known = digest(bearer) === accepted;
      if (!known) return problem(401, "credential_revoked");
      if (!path.endsWith("/credential") || body.credential_sha256 === accepted) return null;
      accepted = body.credential_sha256;
      return { status: 503 };
    };
    const id = plane.command("rotate_credential");
    await until(() => expect(accepted).not.toBe(digest(old)));
    await agent.kill("SIGKILL");
    agent.start();
    await until(() => expect(digest(readFileSync(path, "utf8"))).toBe(accepted));
    await until(() => expect(digest(plane.to("/heartbeat").at(-1)?.bearer ?? "")).toBe(accepted));
    await until(() => expect(running()).toBe(true));
    const fresh = readFileSync(path, "utf8");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(existsSync(`${path}.next`)).toBe(false);
    await until(() => expect(plane.result(id)).toMatchObject({ ok: false }));

    // Once more, with nothing lost: the workload does not notice.
    const lives = agent.workloadEvents.length;
    const again = plane.command("rotate_credential");
    plane.override = () => null;
    await until(() => expect(plane.result(again)).toMatchObject({ ok: true }));
    await until(() => expect(plane.to("/heartbeat").at(-1)?.bearer).toBe(readFileSync(path, "utf8")));
    expect(readFileSync(path, "utf8")).not.toBe(fresh);
    expect(agent.workloadEvents).toHaveLength(lives);
    for (const token of [old, fresh]) expect(agent.output).not.toContain(token);
  });
});
