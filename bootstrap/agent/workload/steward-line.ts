/** The agent's side of a steward: what it is asked, and what becomes of the workload that it has started. */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import * as z from "zod";
import type { Log } from "../base/log.ts";
import { aborted } from "../base/timing.ts";
import { BadConfigError } from "./config-file.ts";
import { areOfUser, type ListeningSocket } from "./listener.ts";
import {
  type Command,
  type Ended,
  type Order,
  onLines,
  type PrepareOrder,
  Ready,
  type RenewOrder,
  Said,
  type WarnOrder,
} from "./orders.ts";
import type { Site, StartedWorkload } from "./site.ts";

/** A workload may have stopped its steward: nobody waits for it longer than what it does can take. */
const PREPARE_MS = 180_000;
const ANSWER_MS = 15_000;

export interface StewardLineDeps {
  /** To and from the steward. */
  talk: Socket;
  /** What the workload prints. */
  words: Socket;
  /** Resolves once nothing of the unit is left; ends it where it has not ended. */
  clear: () => Promise<void>;
  log: Log;
}

type WithoutId<One> = One extends Order ? Omit<One, "id"> : never;

interface Question {
  answer: (value: unknown) => void;
  fail: (error: Error) => void;
}

export class StewardLine implements Site {
  readonly #deps: StewardLineDeps;
  readonly #questions = new Map<number, Question>();
  readonly #met = Promise.withResolvers<number>();
  readonly #gone: Promise<void>;
  #last_id = 0;
  #end: { code: number | null; signal: NodeJS.Signals | null } = { code: null, signal: "SIGKILL" };
  #lacks_memory = false;
  #clearing: Promise<void> | null = null;

  constructor(deps: StewardLineDeps) {
    this.#deps = deps;
    const { talk } = deps;
    this.#met.promise.catch(() => {});
    onLines(talk, (line) => this.#hear(line));
    this.#gone = new Promise((gone) => talk.once("close", () => void this.#lost().then(gone)));
  }

  /** Waits until it speaks. */
  async hello(patience: AbortSignal): Promise<void> {
    await this.#unless(patience, this.#met.promise);
  }

  prepare(order: PrepareOrder, superseded: AbortSignal): Promise<Ready> {
    const patience = AbortSignal.any([superseded, AbortSignal.timeout(PREPARE_MS)]);
    return this.#unless(patience, this.#ask({ do: "prepare", with: order }, Ready));
  }

  renew(order: RenewOrder): Promise<string | null> {
    return this.#soon(this.#ask({ do: "renew", with: order }, z.string().max(1000).nullable()));
  }

  async warn(order: WarnOrder): Promise<void> {
    await this.#soon(this.#ask({ do: "warn", with: order }, z.null()));
  }

  async start(command: Command): Promise<StartedWorkload> {
    const workload = new UnitWorkload({
      words: this.#deps.words,
      uid: await this.#met.promise,
      term: () => void this.#ask({ do: "term" }, z.null()).catch(() => {}),
      end: () => void this.#clear(),
      lacksMemory: () => this.#lacks_memory,
    });
    void this.#gone.then(() => workload.emit("exit", this.#end.code, this.#end.signal));
    workload.pid = await this.#soon(this.#ask({ do: "start", with: command }, z.int().positive()));
    return workload;
  }

  async leave(): Promise<void> {
    this.#deps.talk.destroy();
    this.#deps.words.destroy();
    await this.#gone;
  }

  async #ask<T>(asked: WithoutId<Order>, answer: z.ZodType<T>): Promise<T> {
    const { talk } = this.#deps;
    if (!talk.writable) throw new Error("the steward is gone");
    this.#last_id += 1;
    const id = this.#last_id;
    const value = await new Promise<unknown>((resolve, fail) => {
      this.#questions.set(id, { answer: resolve, fail });
      talk.write(`${JSON.stringify({ ...asked, id })}\n`);
    });
    return answer.parse(value);
  }

  #hear(line: string): void {
    const said = readSaid(line);
    if (said === null) this.#deps.log("steward_not_understood");
    else if ("hello" in said) this.#met.resolve(said.hello.uid);
    else if ("log" in said) this.#deps.log(said.log.event, said.log.fields);
    else if ("ended" in said) this.#hearEnd(said.ended);
    else {
      const question = this.#questions.get(said.id);
      this.#questions.delete(said.id);
      if ("error" in said) question?.fail(said.bad_config ? new BadConfigError(said.error) : new Error(said.error));
      else question?.answer(said.ok);
    }
  }

  #hearEnd({ code, signal, left, lacks_memory }: Ended): void {
    this.#lacks_memory = lacks_memory;
    // The name of a signal is for people to read.
    this.#end = { code, signal: signal as NodeJS.Signals | null };
    if (left.length > 0) this.#deps.log("workload_left_behind", { pids: left });
  }

  async #lost(): Promise<void> {
    const error = new Error("the steward is gone");
    this.#met.reject(error);
    for (const { fail } of this.#questions.values()) fail(error);
    this.#questions.clear();
    await this.#clear();
  }

  #clear(): Promise<void> {
    this.#clearing ??= this.#deps.clear();
    return this.#clearing;
  }

  #soon<T>(answer: Promise<T>): Promise<T> {
    return this.#unless(AbortSignal.timeout(ANSWER_MS), answer);
  }

  async #unless<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
    const cut = aborted(signal).then(() => {
      throw new Error("the steward has not answered in time");
    });
    return await Promise.race([answer, cut]);
  }
}

interface UnitWorkloadDeps {
  words: Socket;
  uid: number;
  /** Asks the first process to end. */
  term: () => void;
  /** Ends all of it. */
  end: () => void;
  lacksMemory: () => boolean;
}

class UnitWorkload extends EventEmitter implements StartedWorkload {
  readonly stdout = null;
  readonly stderr: Socket;
  pid: number | undefined;
  readonly #deps: UnitWorkloadDeps;

  constructor(deps: UnitWorkloadDeps) {
    super();
    this.#deps = deps;
    this.stderr = deps.words;
  }

  /** Nobody but the unit runs as this user. */
  owns(sockets: readonly ListeningSocket[]): boolean {
    return areOfUser(sockets, this.#deps.uid);
  }

  lacksMemory(): boolean {
    return this.#deps.lacksMemory();
  }

  kill(signal: "SIGTERM" | "SIGKILL"): boolean {
    if (signal === "SIGTERM") this.#deps.term();
    else this.#deps.end();
    return true;
  }
}

function readSaid(line: string): Said | null {
  try {
    return Said.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
