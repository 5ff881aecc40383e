/** The Durable Object: adapts the platform to the Bot and its methods to RPC. Nothing is decided here. */
import { DurableObject } from "cloudflare:workers";
import { patienceFor } from "../cloudflare/deadline.ts";
import { log } from "../cloudflare/log.ts";
import { randomBytes } from "../cloudflare/random.ts";
import { acceptSocket, answerPings, socketOf, socketsOf, tagOf } from "../cloudflare/sockets.ts";
import { storageOf } from "../cloudflare/storage.ts";
import { openDb } from "../db/client.ts";
import { pushToIndex } from "../db/index-feed.ts";
import { readSettings, type Settings } from "../env.ts";
import { connect } from "../provider/connect.ts";
import { type GateBinding, gateOf } from "../provider/gate/stub.ts";
import type { VerdictRequest } from "../provider/gate/verdict.ts";
import { renderBootstrap } from "../provider/release.ts";
import type { AgentCaller, Caller, Scope } from "../records/caller.ts";
import type { NewBot } from "../records/rows.ts";
import type { RekeyRequest } from "../secrets/key-rotation-plan.ts";
import { openVault } from "../secrets/vault.ts";
import type {
  AgentRelease,
  ConfigAckRequest,
  CredentialRequest,
  HeartbeatRequest,
  StageRequest,
} from "../wire/agent.ts";
import type { PatchBotRequest, WaitAnswer } from "../wire/bot.ts";
import type { CommandRequest } from "../wire/command.ts";
import type { BotAction, HoldOwner } from "../wire/enums.ts";
import * as channel from "./agent/channel.ts";
import { rotateCredential } from "./agent/credential-rotation.ts";
import * as agentFace from "./agent/endpoints.ts";
import { runAlarm } from "./alarm/run.ts";
import { acknowledgeSecurity } from "./calls/acknowledge-security.ts";
import * as commands from "./calls/commands.ts";
import { forceDestroy } from "./calls/force-destroy.ts";
import * as upkeep from "./calls/maintenance.ts";
import * as management from "./calls/management.ts";
import { type Publication, publishConfig } from "./calls/publish-config.ts";
import { eraseSecrets, rekey } from "./calls/rekey.ts";
import { releaseHold } from "./calls/release-hold.ts";
import { admitReader, catchUp, NOTHING_IS_HEARD } from "./calls/stream.ts";
import { suspend, unsuspend } from "./calls/suspend.ts";
import { Waiters, waitFor } from "./calls/wait.ts";
import { openShell } from "./followers.ts";
import type { Answer } from "./shell/answer.ts";
import type { Platform } from "./shell/ports.ts";
import type { BotShell } from "./shell/shell.ts";
import { CONNECT_HEADER, type Connect } from "./shell/sockets.ts";

/** What a Bot uses of the Worker's bindings, beside its settings. */
interface BotEnv extends GateBinding {
  DB: D1Database;
}

export class Bot extends DurableObject<BotEnv> {
  readonly #shell: BotShell;
  readonly #waiters = new Waiters();

  constructor(ctx: DurableObjectState, env: BotEnv) {
    super(ctx, env);
    answerPings(ctx);
    this.#shell = openShell(platformOf(ctx, env), this.#waiters);
  }

  override alarm(): Promise<void> {
    return runAlarm(this.#shell);
  }

  /** What the Worker asks for by a `Connect`. A refusal comes back as JSON. */
  override async fetch(request: Request): Promise<Response> {
    const wish = JSON.parse(request.headers.get(CONNECT_HEADER) ?? "{}") as Connect;
    switch (wish.tag) {
      case "agent":
        return this.#connectAgent(wish);
      case "events":
        return this.#stream(wish);
      case "wait":
        return Response.json(await this.#wait(wish, request.signal));
      default:
        return new Response(null, { status: 404 });
    }
  }

  #connectAgent(connect: Extract<Connect, { tag: "agent" }>): Response {
    const shell = this.#awake();
    const admitted = channel.admitAgent(shell, connect);
    if (!admitted.ok) return Response.json(admitted, { status: 409 });
    const [response, socket] = acceptSocket(this.ctx, "agent", admitted.value);
    channel.agentConnected(shell, socket);
    return response;
  }

  #stream(wish: Extract<Connect, { tag: "events" }>): Response {
    const shell = this.#awake();
    const reader = admitReader(shell, wish);
    if (!reader.ok) return Response.json(reader);
    const [response, socket] = acceptSocket(this.ctx, "events", reader.value);
    catchUp(shell, socket);
    return response;
  }

  async #wait(wish: Extract<Connect, { tag: "wait" }>, gone: AbortSignal): Promise<Answer<WaitAnswer>> {
    const patience = patienceFor(wish.timeout_ms, gone);
    try {
      return await waitFor(this.#awake(), this.#waiters, wish, patience.over);
    } finally {
      patience.end();
    }
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void {
    const tag = tagOf(this.ctx, socket);
    const end = socketOf(this.ctx, socket, tag);
    if (tag === "agent") channel.agentSaid(this.#awake(), end, data);
    else end.close(NOTHING_IS_HEARD.code, NOTHING_IS_HEARD.reason);
  }

  override webSocketClose(socket: WebSocket): void {
    const tag = tagOf(this.ctx, socket);
    // Not tended first: to the Bot this socket would be one that is gone without a word.
    if (tag === "agent") channel.agentDisconnected(this.#shell, socketOf(this.ctx, socket, tag));
  }

  override webSocketError(socket: WebSocket): void {
    this.webSocketClose(socket);
  }

  /** Makes the bot exist, from its row in D1. Repeating it changes nothing. */
  create(bot: NewBot) {
    const shell = this.#awake();
    management.createBot(shell, bot);
    return management.snapshot(shell, { account_id: bot.account_id });
  }

  snapshot(scope: Scope) {
    return management.snapshot(this.#awake(), scope);
  }

  act(caller: Caller, action: BotAction, force = false) {
    return management.act(this.#awake(), caller, action, force);
  }

  suspend(caller: Caller, reason: string) {
    return suspend(this.#awake(), caller, reason);
  }

  unsuspend(caller: Caller) {
    return unsuspend(this.#awake(), caller);
  }

  releaseHold(caller: Caller, owner: HoldOwner, reason: string) {
    return releaseHold(this.#awake(), caller, owner, reason);
  }

  forceDestroy(caller: Caller) {
    return forceDestroy(this.#awake(), caller);
  }

  cancelOperation(caller: Caller, operationId: string) {
    return management.cancelOperation(this.#awake(), caller, operationId);
  }

  listOperations(scope: Scope) {
    return management.listOperations(this.#awake(), scope);
  }

  listEvents(scope: Scope, after: number, limit: number) {
    return management.listEvents(this.#awake(), scope, after, limit);
  }

  patch(caller: Caller, patch: PatchBotRequest) {
    return management.patchBot(this.#awake(), caller, patch);
  }

  desiredConfig(scope: Scope) {
    return management.desiredConfig(this.#awake(), scope);
  }

  publishConfig(caller: Caller, publication: Publication) {
    return publishConfig(this.#awake(), caller, publication);
  }

  requestRotation(caller: Caller) {
    return commands.requestCommand(this.#awake(), caller, { kind: "rotate_credential" });
  }

  acknowledgeSecurity(caller: Caller, reason: string) {
    return acknowledgeSecurity(this.#awake(), caller, reason);
  }

  requestCommand(caller: Caller, request: CommandRequest) {
    return commands.requestCommand(this.#awake(), caller, request);
  }

  listCommands(scope: Scope) {
    return commands.listCommands(this.#awake(), scope);
  }

  readCommand(scope: Scope, commandId: string) {
    return commands.readCommand(this.#awake(), scope, commandId);
  }

  register(caller: AgentCaller, request: agentFace.Registration) {
    return agentFace.register(this.#awake(), caller, request);
  }

  rotateCredential(caller: AgentCaller, request: Omit<CredentialRequest, "credential">) {
    return rotateCredential(this.#awake(), caller, request);
  }

  reportStage(caller: AgentCaller, report: StageRequest) {
    return agentFace.reportStage(this.#awake(), caller, report);
  }

  agentRelease(caller: AgentCaller, release: AgentRelease) {
    return agentFace.agentRelease(this.#awake(), caller, release);
  }

  heartbeat(caller: AgentCaller, beat: HeartbeatRequest) {
    return agentFace.heartbeat(this.#awake(), caller, beat);
  }

  agentConfig(caller: AgentCaller, dropletId: number | null) {
    return agentFace.agentConfig(this.#awake(), caller, dropletId);
  }

  acknowledge(caller: AgentCaller, ack: ConfigAckRequest) {
    return agentFace.acknowledge(this.#awake(), caller, ack);
  }

  /** Asked by the sweep of each droplet that carries this bot's name. */
  claim(request: VerdictRequest) {
    return upkeep.claim(this.#awake(), request);
  }

  /** A rotation's: brings this bot's own secrets under its target. */
  rekey(request: RekeyRequest) {
    return rekey(this.#awake(), request);
  }

  eraseSecrets() {
    return eraseSecrets(this.#awake());
  }

  snapshotRows() {
    return upkeep.snapshotRows(this.#awake());
  }

  /** The watchdog's: wakes the Bot where its alarm was lost. @param indexedRevision what the index knows of it */
  async poke(indexedRevision: number) {
    return upkeep.poke(this.#shell, await this.ctx.storage.getAlarm(), indexedRevision);
  }

  #awake(): BotShell {
    channel.tendChannel(this.#shell);
    this.#shell.repairAlarm();
    return this.#shell;
  }
}

function platformOf(ctx: DurableObjectState, env: BotEnv): Platform {
  const settings = readSettings(env);
  const db = openDb(env.DB);
  return {
    ...storageOf(ctx.storage),
    now: () => Date.now(),
    random: () => Math.random(),
    randomBytes,
    uuid: () => crypto.randomUUID(),
    provider: connect(settings),
    gate: gateOf(env),
    index: { push: (entry) => pushToIndex(db, entry, Date.now()) },
    sockets: socketsOf(ctx),
    vault: openVault(settings.ENCRYPTION_KEYS, randomBytes),
    plan: planOf(settings),
    policy: settings.POLICY,
    log: (entry) => log({ bot_id: ctx.id.name, ...entry }),
  };
}

function planOf(settings: Settings): Platform["plan"] {
  return {
    region: settings.DROPLET_REGION,
    size: settings.DROPLET_SIZE,
    image: settings.DROPLET_IMAGE,
    ssh_keys: settings.DROPLET_SSH_KEY === "" ? [] : [settings.DROPLET_SSH_KEY],
    userData: (bot, registrationToken) => renderBootstrap(settings, bot.id, registrationToken),
  };
}
