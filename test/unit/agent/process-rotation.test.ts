/** A new credential for the real process, with an answer lost and a death in between. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configId } from "./fixtures/control-plane.ts";
import { agent, eachHasAnAgent, plane, problem, running, until } from "./fixtures/one-agent.ts";

const digest = (token: string) => createHash("sha256").update(token).digest("hex");

eachHasAnAgent();

describe("a new credential", () => {
  it("is taken when it is asked for, and holds though the answer was lost and the agent died of it", async () => {
    plane.order = "run";
    agent.start();
    await until(() => expect(plane.acks.at(-1)).toMatchObject({ config_id: configId(1), workload: "running" }));
    const path = join(agent.state, "credential");
    const old = readFileSync(path, "utf8");
    let accepted = digest(old);
    let reachable = true;
    plane.override = ({ path, bearer, body }) => {
      // Until the agent is dead: it would ask again at once.
      if (!reachable) return { status: 503 };
      const known = digest(bearer) === accepted;
      if (!known) return problem(401, "credential_revoked");
      if (!path.endsWith("/credential") || body.credential_sha256 === accepted) return null;
      accepted = body.credential_sha256;
      reachable = false;
      return { status: 503 };
    };
    const id = plane.command("rotate_credential");
    await until(() => expect(accepted).not.toBe(digest(old)));
    await agent.kill("SIGKILL");
    reachable = true;
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
