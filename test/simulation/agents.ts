/** Simulated agents: one on each droplet that runs. They know what a real one knows and speak as it does. */

import type { Simulator } from "../../simulator/model/simulator.ts";
import type { DropletView } from "../../simulator/model/views.ts";
import { rotateCredential } from "../../src/bot/agent/credential-rotation.ts";
import * as face from "../../src/bot/agent/endpoints.ts";
import type { HeartbeatAnswer, HeartbeatRequest } from "../../src/wire/agent.ts";
import { BotFrame } from "../../src/wire/channel.ts";
import type { AgentConfig } from "../../src/wire/config.ts";
import { hashToken } from "../../src/wire/tokens.ts";
import { Agenda } from "./agenda.ts";
import { AgentCommands } from "./agent-commands.ts";
import { AgentRollout, type Timing, type Verdict } from "./agent-rollout.ts";
import { AgentWorkload, type Fate, WELL } from "./agent-workload.ts";
import type { FakeSocket } from "./fake-sockets.ts";
import type { Host } from "./host.ts";
import { type Machine, newCredential, newMachine, statusOf } from "./machine.ts";

const BOOT_MS = 40_000;
const ECHO_MS = 5 * 60_000;

export class Agents {
  readonly machines = new Map<number, Machine>();
  readonly #agenda = new Agenda<Machine>();
  readonly #options: { now: () => number; random: () => number; hostOf: (botId: string) => Host | undefined };
  /** How often an agent speaks, ms. */
  beat_ms = 30_000;
  /** After so long without news an agent states over its channel what it stated before, ms. */
  quiet_ms = Number.POSITIVE_INFINITY;
  /** How often an agent asks for its config though it knows of no other, ms. */
  poll_ms = Number.POSITIVE_INFINITY;
  /** Signs of life so far, over either transport. */
  beats = 0;
  /** Credentials that were replaced so far. */
  rotations = 0;
  /** While true nobody can be heard. */
  unreachable = false;
  /** The chance, 0 to 1, that a beat is lost on its way. */
  loss = 0;
  /** The chance, 0 to 1, that what a deleted machine said goes on arriving for a while. */
  echo = 0;
  /** The share of connection attempts, 0 to 1, that succeed; 0: everybody speaks over HTTP. */
  channels = 0.5;
  /** The chance, 0 to 1, that the end of a connection is noticed at once. */
  clean_closes = 0.7;
  /** What becomes of each config version. */
  verdict: (config: AgentConfig) => Verdict = () => "runs";
  timing: Timing = { apply: () => 0, away: () => 70_000 };
  /** What becomes of each start of a workload. */
  fate: () => Fate = () => WELL;
  /** How long each end of a workload takes, ms. */
  drain: () => number = () => 0;
  /** The chance, 0 to 1, that an acknowledgement is lost on its way, and again that its answer is. */
  ack_loss = 0;
  /** The chance, 0 to 1, that a request for another credential is lost on its way, and again that its answer is. */
  rotation_loss = 0;
  /** What no bot should ever have answered. */
  readonly violations: string[] = [];
  #copies = 0;

  constructor(
    simulator: Simulator,
    options: { now: () => number; random: () => number; hostOf: (botId: string) => Host | undefined },
  ) {
    this.#options = options;
    simulator.onTransition(({ kind, at, droplet }) => {
      if (droplet.foreign || droplet.user_data === null) return;
      const machine = this.machines.get(droplet.id);
      if (kind === "active" && !machine) this.#install(droplet.id, droplet.user_data, at);
      else if (kind === "off" || kind === "deleted") {
        if (!machine) return;
        machine.working = false;
        machine.workload.cut();
        this.#disconnect(machine);
        const echoes = kind === "deleted" && machine.registered && options.random() < this.echo;
        if (echoes) machine.echoes_until = at + ECHO_MS;
        else this.#agenda.set(machine, Number.POSITIVE_INFINITY);
      } else if ((kind === "on" || kind === "power_cycled" || kind === "rebooted" || kind === "active") && machine) {
        if (machine.frozen === "until_boot") machine.frozen = "no";
        this.#disconnect(machine);
        Object.assign(machine, { boot: machine.boot + 1, working: false, orders: null });
        this.#die(machine);
        machine.workload.cut();
        this.#agenda.set(machine, at + BOOT_MS / 2);
      }
    });
  }

  #install(droplet_id: number, userData: string, at: number): void {
    const { random } = this.#options;
    const machine = newMachine(droplet_id, userData, random);
    this.machines.set(droplet_id, machine);
    this.#agenda.set(machine, at + BOOT_MS * (0.5 + random()));
  }

  /** A machine that was there before this world. One that is off speaks when it is switched on. */
  place(droplet: Pick<DropletView, "id" | "powered">, bot_id: string, known: Partial<Machine>): void {
    const { now, random } = this.#options;
    const machine = { ...newMachine(droplet.id, JSON.stringify({ bot_id }), random), ...known };
    this.machines.set(droplet.id, machine);
    if (droplet.powered) this.#agenda.set(machine, now() + BOOT_MS);
  }

  /** The machine runs on, and its agent says nothing more. */
  freeze(droplet_id: number, how: "until_boot" | "for_good"): void {
    const machine = this.machines.get(droplet_id);
    if (machine) machine.frozen = how;
  }

  /** Somebody starts a second machine from a copy of this one's disk, credential and all. */
  copy(droplet_id: number, copy_id: number): void {
    const machine = this.machines.get(droplet_id);
    if (!machine?.registered) return;
    const copy = {
      ...machine,
      rollout: new AgentRollout(),
      commands: new AgentCommands(),
      rotation: machine.rotation.copied(),
      workload: new AgentWorkload(),
      droplet_id: copy_id,
      copy: true,
      working: false,
      socket: null,
      boot: 1000 + this.#copies++,
    };
    this.machines.set(copy_id, copy);
    this.#agenda.set(copy, this.#options.now() + BOOT_MS);
  }

  next(): number {
    return this.#agenda.next();
  }

  /** Lets every agent that is due say what it has to say. */
  async step(): Promise<void> {
    const now = this.#options.now();
    for (let machine = this.#agenda.takeDue(now); machine; machine = this.#agenda.takeDue(now)) {
      if (machine.echoes_until > 0 && machine.echoes_until <= now) continue;
      this.#agenda.set(machine, now + this.beat_ms);
      const host = this.#options.hostOf(machine.registration.bot_id);
      const lost = this.unreachable || machine.frozen !== "no" || this.#options.random() < this.loss;
      if (host && !lost) await this.#speak(machine, host);
    }
  }

  async #speak(machine: Machine, host: Host): Promise<void> {
    const { droplet_id, boot } = machine;
    if (!machine.registered) {
      machine.token_hash ||= await hashToken(machine.registration.token);
      const answer = face.register(
        host.awake(),
        { kind: "reg", token_sha256: machine.token_hash },
        {
          bot_id: machine.registration.bot_id,
          credential_sha256: machine.credential_hash,
          droplet_id,
          boot_id: `boot-${boot}`,
          // Half of them are of the release that shows nothing.
          ...(machine.credential_hash < "8" ? { proven: true } : {}),
        },
      );
      machine.registered = answer.ok;
      this.#agenda.set(machine, this.#options.now() + (answer.ok ? 0 : 10_000));
      return;
    }
    if (machine.rotation.busy) this.#rotate(machine, host);
    const orders = this.#hear(machine, host);
    if (orders !== null) await this.#follow(machine, host, orders);
  }

  /** Its process dies and comes again; its machine runs on. */
  restart(droplet_id: number): void {
    const machine = this.machines.get(droplet_id);
    if (!machine) return;
    this.#disconnect(machine);
    this.#die(machine);
    machine.workload.leave(this.#options.now());
    Object.assign(machine, { working: false, orders: null });
  }

  #die({ rollout, rotation, commands }: Machine): void {
    rollout.die();
    const left = rotation.die();
    if (left !== null) commands.conclude(left, false);
  }

  #rotate(machine: Machine, host: Host): void {
    const { random } = this.#options;
    const { droplet_id, boot, rotation, commands } = machine;
    const isLost = () => this.rotation_loss > 0 && random() < this.rotation_loss;
    const send = (token_sha256: string, credential_sha256: string) => {
      if (isLost()) return null;
      const body = { credential_sha256, droplet_id, boot_id: `boot-${boot}` };
      const answer = rotateCredential(host.awake(), { kind: "agt", token_sha256 }, body);
      return isLost() ? null : answer;
    };
    const { ended, promoted, again_ms } = rotation.goOn(machine.credential_hash, send, () => newCredential(random));
    if (promoted !== null) {
      machine.credential_hash = promoted;
      this.rotations++;
    }
    if (ended !== null && ended.command !== null) commands.conclude(ended.command, ended.ok);
    if (again_ms > 0) this.#agenda.set(machine, this.#options.now() + again_ms);
  }

  /** What is wanted, as the agent learns it: over its channel while that is open, else with a heartbeat. */
  #hear(machine: Machine, host: Host): HeartbeatAnswer | null {
    const { droplet_id } = machine;
    this.beats++;
    const report = machine.workload.look(machine.working, this.#options.now(), this.fate, this.drain);
    const beat = statusOf(machine, report);
    const caller = { kind: "agt", token_sha256: machine.credential_hash } as const;
    if (machine.socket !== null && host.sockets.open("agent").includes(machine.socket))
      return this.#overChannel(machine, machine.socket, host, beat);
    machine.socket = null;
    if (this.#options.random() < this.channels && !machine.copy) {
      machine.socket = host.connectAgent({ tag: "agent", caller, droplet_id, boot_id: beat.boot_id });
      machine.said = "";
      if (machine.socket !== null) return this.#overChannel(machine, machine.socket, host, beat);
    }
    const answer = face.heartbeat(host.awake(), caller, beat);
    if (answer.ok) {
      this.#obey(machine, host, answer.value, beat);
      return answer.value;
    }
    const counts = answer.code === "credential_revoked" && !machine.rotation.explains();
    if (counts && ++machine.revoked >= 2) machine.working = false;
    return null;
  }

  #overChannel(machine: Machine, socket: FakeSocket, host: Host, beat: HeartbeatRequest): HeartbeatAnswer | null {
    const now = host.now();
    socket.pinged_at = now;
    const said = JSON.stringify(beat);
    if (said !== machine.said || now - machine.said_at >= this.quiet_ms) {
      Object.assign(machine, { said, said_at: now });
      host.receive(socket, { type: "status", ...beat });
    }
    const last = socket.inbox.splice(0).at(-1);
    if (last !== undefined) {
      const frame = BotFrame.parse(JSON.parse(last));
      machine.orders = frame;
      this.#obey(machine, host, frame, beat);
      const { desired } = host.shell.present().bot.config;
      if (frame.desired_config_id !== desired.id)
        this.violations.push(`the agent of ${machine.registration.bot_id} was not told of version ${desired.version}`);
    }
    return machine.orders;
  }

  /** What came just now: of commands only those that wait for this very agent. */
  #obey(
    { registration, commands, rotation, copy, echoes_until }: Machine,
    host: Host,
    orders: HeartbeatAnswer,
    beat: HeartbeatRequest,
  ) {
    const { generation, holds } = host.shell.present().bot;
    if (orders.workload === "run" && holds.length > 0)
      this.violations.push(`the agent of ${registration.bot_id} was told to run, and ${holds[0]?.owner} holds it`);
    const open = host.shell.store.commands().filter((row) => row.result === null && row.generation === generation);
    const stray = orders.commands.find(({ id }) => !open.some((row) => row.id === id));
    if (stray) this.violations.push(`the agent of ${registration.bot_id} was given ${stray.kind}, which was over`);
    if (copy || echoes_until > 0) return;
    commands.hear(orders.commands, beat.command_results ?? [], (id) => rotation.begin(id));
  }

  #disconnect(machine: Machine): void {
    const { socket } = machine;
    machine.socket = null;
    const host = this.#options.hostOf(machine.registration.bot_id);
    // Otherwise it stays half open: nobody learns of its end.
    if (socket && host?.sockets.open("agent").includes(socket) && this.#options.random() < this.clean_closes)
      host.disconnect(socket);
  }

  async #follow(machine: Machine, host: Host, orders: HeartbeatAnswer): Promise<void> {
    machine.revoked = 0;
    if (machine.copy) this.violations.push(`a copy of the agent of ${machine.registration.bot_id} was believed`);
    if (machine.echoes_until > 0) return;
    machine.working = orders.workload === "run" || (orders.workload === "hold" && machine.working);
    this.#checkAlone(machine);
    // An end is told when it is there.
    const { drained_at } = machine.workload;
    if (drained_at !== null) this.#agenda.set(machine, Math.min(drained_at, this.#options.now() + this.beat_ms));
    await this.#rollOut(machine, host, orders.desired_config_id);
  }

  async #rollOut(machine: Machine, host: Host, desired: string): Promise<void> {
    const caller = { kind: "agt", token_sha256: machine.credential_hash } as const;
    const { rollout, working } = machine;
    const now = this.#options.now();
    const isNew = rollout.held !== desired;
    if (isNew || now - machine.asked_at >= this.poll_ms) {
      machine.asked_at = now;
      const config = await host.whileAlive(() => face.agentConfig(host.awake(), caller, machine.droplet_id));
      if (config?.ok) {
        const { id, version } = config.value;
        if (host.shell.present().bot.config.desired.id !== id) {
          this.violations.push(`version ${version} was handed out, and another one was desired`);
        }
        if (isNew || rollout.held !== id) rollout.hold(id, this.verdict(config.value));
      }
    }
    // Nothing is put into effect, or said to be stopped, over what another agent has left running.
    if (!working && machine.workload.began_at !== null) return;
    const proven = rollout.acks.length;
    const silent_ms = rollout.goOn(working, this.#options.now(), this.timing);
    if (rollout.acks.slice(proven).some(({ workload }) => workload === "running"))
      machine.workload.prove(this.#options.now());
    if (silent_ms > 0) this.#agenda.set(machine, this.#options.now() + silent_ms);
    for (let ack = rollout.acks[0]; ack !== undefined; ack = rollout.acks[0]) {
      if (this.#options.random() < this.ack_loss) return;
      face.acknowledge(host.awake(), caller, ack);
      // Only the answer is lost: the agent says it again.
      if (this.#options.random() < this.ack_loss) return;
      rollout.acks.shift();
    }
  }

  /** Two machines that trade for the same bot trade twice. */
  #checkAlone({ registration: { bot_id } }: Machine): void {
    let working = 0;
    for (const machine of this.machines.values())
      if (machine.working && machine.registration.bot_id === bot_id) working++;
    if (working > 1) this.violations.push(`${working} agents of ${bot_id} were told to run`);
  }
}
