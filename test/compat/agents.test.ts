import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { machinesDirectory } from "../../simulator/machine/machines.ts";
import { succeeds, untilApplied } from "./cast.ts";
import { Installation } from "./installation.ts";
import { agentDigest, withAgentOf } from "./release.ts";

const releases = inject("releases");

describe.skipIf(releases === null)("a droplet's agent and a Worker of different releases", () => {
  let system: Installation;

  beforeAll(async () => {
    system = await Installation.create();
  });
  afterAll(async () => {
    await system?.remove();
  });

  /** The digest of the agent that a droplet has been given. */
  async function agentOn(dropletId: number): Promise<string> {
    const root = join(machinesDirectory(join(system.state_dir, "simulator")), String(dropletId), "root");
    return createHash("sha256")
      .update(await readFile(join(root, "opt/spawnpoint/agent.mjs")))
      .digest("hex");
  }

  for (const [agents, workers, agent, worker] of [
    ["this release", "the previous Worker", releases?.present, releases?.past],
    ["the previous release", "this Worker", releases?.past, releases?.present],
  ] as const) {
    it(`${agents}'s agent registers with ${workers}, does what it is told, and winds down`, async ({ expect }) => {
      if (agent === undefined || worker === undefined) throw new Error("no releases");
      await system.deploy(await withAgentOf(worker, agent, join(system.state_dir, worker.name)));
      const { id } = await system.newBot(`Of ${agents}`, { environment: { KRAKEN_SECRET: "which opens nothing" } });
      const online = await system.rests(id, "online");
      expect(online).toMatchObject({ applied_config_version: 1, config_drift: false });
      expect(await agentOn(online.droplet_id ?? 0)).toBe(await agentDigest(agent));
      const stages = (await system.events(id)).filter(({ kind }) => kind === "stage_reported");
      expect(stages.length, "its bootstrap has said how far it is").toBeGreaterThan(0);

      await system.api("PATCH", `/bots/${id}/config`, { strictness: "high" });
      await untilApplied(system, id, 2);
      for (const kind of ["restart", "collect_logs", "rotate"]) await succeeds(system, id, kind);
      await system.until("it is heard with its new credential", async () => {
        const { health, status } = await system.bot(id);
        return status === "online" && health.channel === "open" && health.workload === "running";
      });
      await succeeds(system, id, "stop");
      await system.until("its workload is stopped", async () => (await system.bot(id)).health.workload === "stopped");
      await succeeds(system, id, "start");

      await system.act(id, "pause");
      await system.rests(id, "paused");
      expect(await system.dropletsOf(id)).toMatchObject([{ status: "off", machine: { state: "off" } }]);
      await system.act(id, "resume");
      await system.rests(id, "online");
      await system.act(id, "destroy");
      await system.rests(id, "destroyed");
      expect(await system.droplets()).toEqual([]);
      expect(await system.alarms(), "neither has said anything that the other cannot read").toEqual([]);
    });
  }
});
