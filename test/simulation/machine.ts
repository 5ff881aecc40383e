/** A simulated machine with its agent: what is on its disk, what it knows, and what it says of itself. */
import type { HeartbeatAnswer, HeartbeatRequest } from "../../src/wire/agent.ts";
import type { TradingReport } from "../../src/wire/trading-report.ts";
import { AgentCommands } from "./agent-commands.ts";
import { AgentRollout } from "./agent-rollout.ts";
import { AgentRotation } from "./agent-rotation.ts";
import { AgentWorkload } from "./agent-workload.ts";
import type { FakeSocket } from "./fake-sockets.ts";

export interface Machine {
  droplet_id: number;
  registration: { bot_id: string; token: string };
  token_hash: string;
  credential_hash: string;
  registered: boolean;
  boot: number;
  rollout: AgentRollout;
  commands: AgentCommands;
  rotation: AgentRotation;
  workload: AgentWorkload;
  /** Answers of `credential_revoked` so far. */
  revoked: number;
  working: boolean;
  /** What its workload has written of its trading. */
  report: TradingReport | null;
  /** Hangs: says nothing until the next boot, or for ever. */
  frozen: "no" | "until_boot" | "for_good";
  /** Has the credential of another machine: nothing that it says may be believed. */
  copy: boolean;
  /** Its channel, for as long as it believes that it is open. */
  socket: FakeSocket | null;
  orders: HeartbeatAnswer | null;
  /** What it said last of itself over the channel, and when. */
  said: string;
  said_at: number;
  /** When it last asked for its config. */
  asked_at: number;
  /** Its droplet is gone; what it said before still arrives until then, ms. */
  echoes_until: number;
}

/** @param userData as the simulated bootstrap reads it */
export function newMachine(droplet_id: number, userData: string, random: () => number): Machine {
  return {
    droplet_id,
    registration: JSON.parse(userData),
    token_hash: "",
    credential_hash: newCredential(random),
    registered: false,
    boot: 1,
    rollout: new AgentRollout(),
    commands: new AgentCommands(),
    rotation: new AgentRotation(),
    workload: new AgentWorkload(),
    revoked: 0,
    working: false,
    report: null,
    frozen: "no",
    copy: false,
    socket: null,
    orders: null,
    said: "",
    said_at: 0,
    asked_at: 0,
    echoes_until: 0,
  };
}

/** The hash of one. */
export function newCredential(random: () => number): string {
  return Array.from({ length: 64 }, () => Math.floor(random() * 16).toString(16)).join("");
}

/** @param workload how it is just now */
export function statusOf(
  { droplet_id, boot, rollout, commands, report }: Machine,
  workload: HeartbeatRequest["workload"],
): HeartbeatRequest {
  const command_results = commands.results();
  return {
    ...(command_results.length > 0 ? { command_results } : {}),
    ...(report === null ? {} : { report }),
    agent_version: "sim",
    boot_id: `boot-${boot}`,
    droplet_id,
    workload,
    applied_config_id: rollout.applied,
    load: null,
    mem: null,
    disk: null,
  };
}
