/** Lives of bots that are worth remembering: their histories are recorded, and later releases must still read them. */

import * as face from "../../src/bot/agent/endpoints.ts";
import { acknowledgeSecurity } from "../../src/bot/calls/acknowledge-security.ts";
import { requestCommand } from "../../src/bot/calls/commands.ts";
import type { RecordedEvent } from "../../src/bot/model/events.ts";
import type { BotState } from "../../src/bot/model/state.ts";
import type { AgentCaller } from "../../src/records/caller.ts";
import type { BotStatus } from "../../src/wire/enums.ts";
import { OPERATOR } from "../fixtures/caller.ts";
import { MINUTE, World, type WorldOptions } from "./world.ts";

/** What a file of a recorded life holds. */
export interface RecordedLife {
  events: RecordedEvent[];
  /** What the events came to when they were recorded. */
  state: BotState;
}

interface Life {
  options?: WorldOptions;
  prepare?: (world: World) => void;
  live: (world: World, id: string, rest: (status: BotStatus) => Promise<void>) => Promise<void>;
}

export const LIVES: Readonly<Record<string, Life>> = {
  "paused-resumed-redeployed-destroyed": {
    live: async (world, id, rest) => {
      await rest("online");
      world.act(id, "pause");
      await rest("paused");
      world.act(id, "resume");
      await rest("online");
      world.act(id, "redeploy");
      await rest("online");
      world.act(id, "destroy");
      await rest("destroyed");
    },
  },
  "create-without-an-answer": {
    prepare: (world) => {
      world.simulator.script.add({ on: "create_droplet", fault: "timeout_after", times: 1 });
      world.simulator.script.add({ on: "list_droplets", fault: "html_502_before", times: 6 });
    },
    live: (_world, _id, rest) => rest("online"),
  },
  "create-that-took-no-effect": {
    prepare: (world) => world.simulator.script.add({ on: "create_droplet", fault: "timeout_before", times: 1 }),
    live: (_world, _id, rest) => rest("online"),
  },
  "create-held-up-and-given-up": {
    prepare: (world) => {
      world.simulator.script.add({ on: "create_droplet", fault: "quota", times: 1 });
      world.simulator.script.add({ on: "create_droplet", fault: "create_errored" });
    },
    live: (_world, _id, rest) => rest("error"),
  },
  "first-droplet-that-was-given-up": {
    live: async (world, _id, rest) => {
      world.agents.unreachable = true;
      await world.run(40 * MINUTE);
      world.agents.unreachable = false;
      await rest("online");
    },
  },
  "healed-by-a-power-cycle": {
    live: async (world, id, rest) => {
      await rest("online");
      world.agents.freeze(world.bot(id).adopted ?? 0, "until_boot");
      await world.run(20 * MINUTE, () => world.bot(id).status === "unresponsive");
      await rest("online");
    },
  },
  "healed-by-a-new-droplet": {
    live: async (world, id, rest) => {
      await rest("online");
      world.patch(id, { policies: { healing: "redeploy" } });
      world.agents.freeze(world.bot(id).adopted ?? 0, "for_good");
      await world.run(20 * MINUTE, () => world.bot(id).status === "unresponsive");
      await rest("online");
    },
  },
  "suspended-and-unsuspended": {
    live: async (world, id, rest) => {
      await rest("online");
      world.suspend(id);
      await rest("suspended");
      world.unsuspend(id);
      await rest("online");
    },
  },
  "held-for-a-breach-and-released": {
    live: async (world, id, rest) => {
      await rest("online");
      await world.publish(id, { on_breach: "stop" });
      await world.run(5 * MINUTE);
      const machine = world.agents.machines.get(world.bot(id).adopted ?? 0);
      if (machine) machine.report = { equity: 95, daily_pnl: -5, drawdown_pct: 5, trades_today: 0 };
      await world.run(5 * MINUTE);
      world.suspend(id);
      await rest("suspended");
      world.unsuspend(id);
      await rest("online");
      world.release(id, "breach");
      if (machine) machine.report = { equity: 100, daily_pnl: 0, drawdown_pct: 0, trades_today: 0 };
      await world.run(5 * MINUTE);
    },
  },
  "configs-that-failed-and-that-worked": {
    live: async (world, id, rest) => {
      await rest("online");
      await world.publish(id, { strictness: "high" });
      const { desired } = world.bot(id).config;
      const failed = { config_id: desired.id, result: "failed", reason: "OpenClaw ended with exit code 78" } as const;
      face.acknowledge(world.host(id).awake(), agentOf(world, id), failed);
      await world.publish(id, { strictness: "low" });
      await world.run(5 * MINUTE);
    },
  },
  "commands-and-another-machine": {
    live: async (world, id, rest) => {
      await rest("online");
      const shell = world.host(id).awake();
      const caller = { ...OPERATOR, request_id: "r" };
      const command = requestCommand(shell, caller, { kind: "collect_logs", lines: 10 });
      if (!command.ok) throw new Error(command.detail);
      const { agent } = world.bot(id);
      face.heartbeat(shell, agentOf(world, id), {
        agent_version: "sim",
        boot_id: agent?.boot_id ?? "",
        droplet_id: agent?.droplet_id ?? 0,
        workload: { state: "running", version: null, restarts: 0 },
        applied_config_id: world.bot(id).config.applied?.id ?? null,
        load: null,
        mem: null,
        disk: null,
        command_results: [{ id: command.value.id, ok: true }],
      });
      const copy = world.simulator.addForeignDroplet({ name: "somebodys-copy", tags: [] });
      world.agents.copy(world.bot(id).adopted ?? 0, copy.id);
      await world.run(5 * MINUTE);
    },
  },
  "rotated-copied-and-looked-at": {
    live: async (world, id, rest) => {
      await rest("online");
      const copied = world.simulator.addForeignDroplet({ name: "a-copy-with-the-old-credential", tags: [] });
      world.agents.copy(world.bot(id).adopted ?? 0, copied.id);
      world.command(id, "rotate_credential");
      await world.run(5 * MINUTE);
      acknowledgeSecurity(world.host(id).awake(), { ...OPERATOR, request_id: "seen" }, "our own copy");
      await world.run(MINUTE);
    },
  },
  "destroyed-by-force": {
    prepare: (world) => {
      world.simulator.script.add({ on: "create_droplet", fault: "late_effect", nth: 1, delay_ms: 50_000 });
    },
    live: async (world, id) => {
      await world.run(10 * MINUTE, () => world.bot(id).intents.some(({ state }) => state === "open"));
      world.forceDestroy(id);
      await world.run(60 * MINUTE);
    },
  },
  "so-long-that-it-was-pruned": {
    options: { policy: { history_max: 40, history_keep: 8, history_chunk: 20 } },
    live: async (world, id, rest) => {
      await rest("online");
      for (let round = 0; round < 5; round++) {
        world.act(id, "pause");
        await rest("paused");
        world.act(id, "resume");
        await rest("online");
      }
      await world.run(10 * MINUTE);
    },
  },
};

/** Lives one of them. */
export async function record({ options = {}, prepare, live }: Life): Promise<RecordedLife> {
  const world = new World(1, {}, options);
  prepare?.(world);
  const id = world.createBot();
  await live(world, id, async (status) => {
    if (!(await world.run(90 * MINUTE, () => world.rests(id, status))))
      throw new Error(`it does not come to ${status}`);
  });
  world.checkAnytime();
  world.checkHistory(id);
  return { events: world.host(id).shell.store.history.events(0, 100_000), state: world.bot(id) };
}

function agentOf(world: World, id: string): AgentCaller {
  return { kind: "agt", token_sha256: world.bot(id).agent?.credential_sha256 ?? "" };
}
