/**
 * What people have an agent do beside its lifecycle. A command is delivered with every answer until its result has come
 * or it has expired; the agent remembers what it has done.
 */
import type { Caller, Scope } from "../../records/caller.ts";
import type { AgentCommand, CommandResult } from "../../wire/agent.ts";
import type { CommandRequest, CommandView } from "../../wire/command.ts";
import type { CommandKind } from "../../wire/enums.ts";
import { redactText } from "../../wire/redact.ts";
import type { EventBody } from "../model/events.ts";
import { isHeld } from "../model/holds.ts";
import type { BotState, Instant } from "../model/state.ts";
import { allowedActions } from "../reconcile/action-matrix.ts";
import { type Answer, ok, refuse } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import type { CommandRow } from "../shell/store.ts";
import { iso } from "../view/bot.ts";
import { reach, recall, refuseAction } from "./management.ts";
import { tooSoon } from "./restart-limit.ts";

const MAX_PENDING = 8;
/** As many as one answer carries; the others follow when these are done. */
const MAX_DELIVERED = 4;
const DEFAULT_LIFE_S = 600;

/** A rotation is asked for by a route of its own. */
type Wanted = CommandRequest | { kind: "rotate_credential"; lines?: never; force?: never; expires_in_s?: number };

export function requestCommand(shell: BotShell, caller: Caller, request: Wanted): Answer<CommandView> {
  const asked = recall(shell, caller);
  if (!asked.ok) return asked;
  if (asked.known) return replay(shell, String(asked.known.result));
  const { bot } = asked.live;
  const starts = request.kind === "start" || request.kind === "restart";
  if (bot.destroyed_at !== null) return refuse("bot_destroyed");
  if (starts && bot.suspension !== null) return refuseAction(bot, `${request.kind} its workload`);
  if (starts && isHeld(bot)) {
    const owners = bot.holds.map(({ owner }) => owner).join(", ");
    const detail = `The bot is held (${owners}) and cannot ${request.kind} its workload. Lift the hold first.`;
    return refuse("action_not_allowed", detail, { allowed: allowedActions(bot) });
  }
  const early = request.kind === "restart" ? tooSoon(shell) : null;
  if (early) return early;
  const now = shell.platform.now();
  const pending = shell.store.commands().filter((command) => isPending(command, bot, now));
  const rotation = pending.find(({ kind }) => kind === "rotate_credential");
  if (request.kind === "rotate_credential" && rotation) {
    shell.commit(asked.remember(rotation.id));
    return ok(viewCommand(rotation, bot, now));
  }
  if (pending.length >= MAX_PENDING)
    return refuse(
      "too_many_commands",
      `The bot already has ${MAX_PENDING} pending commands. Wait until the agent has run some of them.`,
      { retry_after_s: 30 },
    );
  const command: CommandRow = {
    id: shell.platform.uuid(),
    kind: request.kind,
    args: {
      ...(request.lines === undefined ? {} : { lines: request.lines }),
      ...(request.force === undefined ? {} : { force: request.force }),
    },
    generation: bot.generation,
    actor: caller.actor,
    requested_at: now,
    expires_at: now + (request.expires_in_s ?? DEFAULT_LIFE_S) * 1000,
    result: null,
  };
  shell.commit({
    events: [{ kind: "command_requested", data: { command_id: command.id, kind: command.kind } }],
    by: caller,
    commands: [command],
    ...asked.remember(command.id),
  });
  return ok(viewCommand(command, bot, now));
}

function replay(shell: BotShell, id: string): Answer<CommandView> {
  const found = findCommand(shell, id);
  return found === null ? gone() : { ok: true, value: found, replayed: true };
}

function gone() {
  return refuse("command_not_found");
}

/** Newest first. */
export function listCommands(shell: BotShell, scope: Scope): Answer<CommandView[]> {
  const reached = reach(shell, scope);
  if (!reached.ok) return reached;
  const now = shell.platform.now();
  return ok(shell.store.commands().map((command) => viewCommand(command, reached.live.bot, now)));
}

export function readCommand(shell: BotShell, scope: Scope, id: string): Answer<CommandView> {
  const reached = reach(shell, scope);
  if (!reached.ok) return reached;
  const found = findCommand(shell, id);
  return found === null ? gone() : ok(found);
}

function findCommand(shell: BotShell, id: string): CommandView | null {
  const found = shell.store.commands().find((command) => command.id === id);
  return found ? viewCommand(found, shell.present().bot, shell.platform.now()) : null;
}

/** The oldest first. */
export function deliverable(shell: BotShell): AgentCommand[] {
  const { bot } = shell.present();
  if (!bot.commands_pending) return [];
  const now = shell.platform.now();
  const pending = shell.store.commands().filter((command) => isPending(command, bot, now));
  return pending
    .reverse()
    .slice(0, MAX_DELIVERED)
    .map(({ id, kind, args, expires_at }) => ({ id, kind, args, expires_at: iso(expires_at) }));
}

/** The rotation that the agent may carry out now: one at a time. */
export function rotationAsked(shell: BotShell): CommandRow | null {
  const { bot } = shell.present();
  const now = shell.platform.now();
  const found = shell.store.commands().find((row) => row.kind === "rotate_credential" && isPending(row, bot, now));
  return found ?? null;
}

/**
 * What the agent's results change: one that is not known, or has come before, changes nothing.
 * @param granted the rotation that has just been granted: no other is taken for done on an agent's word
 */
export function concludeCommands(
  shell: BotShell,
  results: readonly CommandResult[],
  granted: string | null = null,
): { events: EventBody[]; concluded: CommandRow[] } {
  const open = new Map(
    results.length === 0 ? [] : shell.store.commands().flatMap((row) => (row.result ? [] : [[row.id, row] as const])),
  );
  const at = shell.platform.now();
  const concluded: CommandRow[] = [];
  const events: EventBody[] = [];
  for (const { id, ok: well, detail = null, output = null } of results) {
    const row = open.get(id);
    if (!row) continue;
    const done = well && (row.kind !== "rotate_credential" || id === granted);
    // What the agent has done was granted to a later one: of this one it stays true that it expired.
    if (well && !done && at >= row.expires_at) continue;
    if (!open.delete(id)) continue;
    concluded.push({ ...row, result: { at, ok: done, detail, output: output && redactText(output) } });
    const left = open.size > 0;
    events.push({ kind: "command_ended", data: { command_id: id, kind: row.kind, ok: done, detail, left } });
  }
  return { events, concluded };
}

/** A command for a droplet that is gone is not carried over to the next one. */
function isPending({ result, expires_at, generation }: CommandRow, bot: BotState, now: Instant): boolean {
  return result === null && now < expires_at && generation === bot.generation;
}

function viewCommand(command: CommandRow, bot: BotState, now: Instant): CommandView {
  const { id, args, actor, requested_at, expires_at, result } = command;
  const state = result ? (result.ok ? "succeeded" : "failed") : isPending(command, bot, now) ? "pending" : "expired";
  return {
    id,
    kind: command.kind as CommandKind,
    lines: args.lines ?? null,
    state,
    actor,
    requested_at: iso(requested_at),
    expires_at: iso(expires_at),
    ended_at: result ? iso(result.at) : null,
    detail: result?.detail ?? null,
    output: result?.output ?? null,
  };
}
