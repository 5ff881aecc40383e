/** Where a workload lives, for one start of it. There are two kinds: the agent's own user, or a unit of another user. */
import type { Readable } from "node:stream";
import type { ListeningSocket } from "./listener.ts";
import type { Command, PrepareOrder, Ready, RenewOrder, WarnOrder } from "./orders.ts";

export interface Sites {
  open(superseded: AbortSignal): Promise<Site>;
  /** Ends what an earlier agent has left running, all of it. @param signal aborts when there is no time for it to end well */
  endLeftover(signal: AbortSignal): Promise<void>;
}

export interface Site {
  /** Writes what a start needs. @throws {BadConfigError} where it cannot work with this config */
  prepare(order: PrepareOrder, superseded: AbortSignal): Promise<Ready>;
  /** Writes what a running workload reads anew. @returns why it has to be started anew instead; null where it has not */
  renew(order: RenewOrder): Promise<string | null>;
  /** Tells what trades that the end is near. */
  warn(order: WarnOrder): Promise<void>;
  /** Once. What is returned has ended only when nothing of it is left. */
  start(command: Command): Promise<StartedWorkload>;
  /** For a site where nothing was started. */
  leave(): Promise<void>;
}

/** A started workload, as far as its supervisor is concerned. */
export interface WorkloadProcess {
  readonly pid?: number | undefined;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** SIGTERM asks the first process; SIGKILL ends all of them. */
  kill(signal: "SIGTERM" | "SIGKILL"): boolean;
  /** Once nothing is left: how the first process has ended. */
  once(event: "exit", heard: (code: number | null, signal: NodeJS.Signals | null) => void): unknown;
  /** It could not be started, and there will be no `exit`. */
  on(event: "error", heard: (error: Error) => void): unknown;
}

export interface StartedWorkload extends WorkloadProcess {
  /** Whether there are such sockets, and all of them are the workload's. */
  owns(sockets: readonly ListeningSocket[]): boolean;
  /** Whether the kernel ended something of it a moment ago for want of memory. To be asked now and then: see `OomWatch`. */
  lacksMemory(): boolean;
}
