/**
 * Stands between the objects and their world: each bot and gate meets only its own schedule's cloud, and its process
 * may die at any call, before its effect or after it.
 */

import { env } from "cloudflare:workers";
import { AsyncLocalStorage } from "node:async_hooks";
import { vi } from "vitest";
import { type Call, readCall } from "../../../simulator/model/routes.ts";
import { Store } from "../../../src/bot/shell/store.ts";
import { storageOf } from "../../../src/cloudflare/storage.ts";
import { Bot, ProviderGate } from "../../../src/index.ts";
import type { Gate } from "../../../src/provider/gate/permit.ts";
import { privatesOf } from "./privates.ts";
import type { Scene } from "./scene.ts";
import { policy, sleep } from "./speed.ts";

/** Whose alarm runs. */
interface Actor {
  scene: Scene;
  ctx: DurableObjectState;
  /** Null: it is the gate. */
  bot: string | null;
}

const acting = new AsyncLocalStorage<Actor>();
const sceneOfAccount = new Map<string, Scene>();
const sceneOfGate = new Map<string, Scene>();
const gateByName = env.GATE.getByName.bind(env.GATE);
const prepare = env.DB.prepare.bind(env.DB);

/** From now on the bots of this account play in this scene. */
export function enterScene(scene: Scene, accountId: string): void {
  sceneOfAccount.set(accountId, scene);
  sceneOfGate.set(scene.gate, scene);
}

export function gateOf(scene: Scene): DurableObjectStub<ProviderGate> {
  return gateByName(scene.gate);
}

/** Until the file's end: what outlives its schedule must not reach for a real network. */
export function standIn(): void {
  follow(Bot.prototype, (ctx) => {
    const loaded = new Store(storageOf(ctx.storage)).load();
    const scene = loaded.kind === "bot" ? sceneOfAccount.get(loaded.bot.account_id) : undefined;
    return scene && { scene, ctx, bot: ctx.id.name ?? null };
  });
  follow(ProviderGate.prototype, (ctx) => {
    const scene = sceneOfGate.get(ctx.id.name ?? "");
    return scene && { scene, ctx, bot: null };
  });
  vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => reachCloud(String(input), init as RequestInit));
  vi.spyOn(env.GATE, "getByName").mockImplementation(reachGate);
  vi.spyOn(env.DB, "prepare").mockImplementation(reachIndex);
  for (const level of ["log", "warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((line) => hear(level, String(line)));
  }
}

function follow<T extends { alarm(): Promise<void> }>(
  prototype: T,
  actorOf: (ctx: DurableObjectState) => Actor | undefined,
): void {
  const { alarm } = prototype;
  prototype.alarm = function (this: T) {
    const actor = actorOf(privatesOf(this).ctx);
    return actor ? acting.run(actor, () => alarm.call(this)) : alarm.call(this);
  };
}

/** What an object logs; what a Bot calls an error is its own bug. */
function hear(level: string, line: string): void {
  const actor = acting.getStore();
  actor?.scene.note(line);
  if (level === "error" && actor && actor.bot !== null) actor.scene.history.complain(`a bot logs ${line}`);
}

/** Awaits a call that takes its time and may cost the process its life. @param sent what is under way all the same */
async function between<T>(actor: Actor, what: string, call: () => Promise<T>, sent = async () => {}): Promise<T> {
  const fate = actor.scene.fate(actor.bot);
  await sleep(fate.there_ms);
  if (fate.dies === "before") {
    if (fate.sent) await sent();
    dieAt(actor, `before ${what}`);
  }
  try {
    return await call();
  } finally {
    await sleep(fate.back_ms);
    if (fate.dies === "after") dieAt(actor, `after ${what}`);
  }
}

function dieAt({ scene, ctx, bot }: Actor, where: string): void {
  scene.note(`${bot ?? "the gate"} dies ${where}`);
  scene.deaths++;
  die(ctx);
}

/** As in a crash: what was not yet durable is gone. */
export function die(ctx: DurableObjectState): void {
  // Of this reason, and only of this one, the test plugin does not print a stack for each death.
  ctx.abort("Instance disposed");
}

async function reachCloud(url: string, init: RequestInit): Promise<Response> {
  const actor = acting.getStore();
  if (!actor) throw new TypeError("there is no network");
  const { scene, ctx, bot } = actor;
  const began = Date.now();
  const call = readCall(init.method ?? "GET", new URL(url), String(init.body ?? ""));
  const sight = bot === null ? null : scene.history.see(bot, ctx.storage);
  // A real request leaves only when what was written before it is durable.
  await ctx.storage.sync();
  if (bot !== null && sight !== null) scene.history.judge(bot, sight);
  const send = async () => {
    scene.judgeCall(call, bot);
    const response = await scene.cloud.fetch(url, init);
    scene.note(`${bot ?? "gate"} ${call.operation} ${call.droplet_id ?? ""} ${response.status}`);
    return response;
  };
  return between(
    actor,
    call.operation,
    async () => {
      // A busy machine is not the provider: a POST takes effect within its time-out or never.
      if (Date.now() - began >= policy.call_timeout_ms) throw new DOMException("too late", "TimeoutError");
      return send();
    },
    () => sendLate(scene, call, send),
  );
}

/** It arrives when nobody waits for its answer any more, but not after its time-out. */
async function sendLate({ cloud, seed }: Scene, { operation }: Call, send: () => Promise<Response>): Promise<void> {
  if (operation !== "create_droplet" && operation !== "delete_droplet" && operation !== "droplet_action") return;
  const delay_ms = (policy.call_timeout_ms * (seed % 8)) / 10;
  const late = cloud.script.add({ on: operation, fault: "late_effect", delay_ms });
  const sent = send().catch(() => undefined);
  late.remove();
  // A promise that fails while its process dies is reported as one that nobody handled.
  await sent;
}

/** The one gate of the fleet is, for each schedule, its own. */
function reachGate(name: string): DurableObjectStub<ProviderGate> {
  const actor = acting.getStore();
  if (!actor) return gateByName(name);
  const gate = gateOf(actor.scene) as unknown as Gate;
  const routed: Gate = {
    permit: (ask) => between(actor, "permit", () => gate.permit(ask)),
    report: (report) => between(actor, "report", () => gate.report(report)),
  };
  return routed as unknown as DurableObjectStub<ProviderGate>;
}

function reachIndex(query: string): D1PreparedStatement {
  const actor = acting.getStore();
  return actor ? indexed(actor, prepare(query)) : prepare(query);
}

/** The statement, whose runs are calls like any other. */
function indexed(actor: Actor, statement: D1PreparedStatement): D1PreparedStatement {
  const run = (method: (...args: unknown[]) => Promise<unknown>, args: unknown[]) =>
    between(actor, "the index", async () => {
      if (actor.scene.index_down) throw new Error("D1_ERROR: Network connection lost.");
      return method.apply(statement, args);
    });
  return new Proxy(statement, {
    get(target, key) {
      const method = Reflect.get(target, key, target);
      if (key === "bind") return (...values: unknown[]) => indexed(actor, target.bind(...values));
      return typeof method === "function" ? (...args: unknown[]) => run(method, args) : method;
    },
  });
}
