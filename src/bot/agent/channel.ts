/**
 * The agent's channel on the Bot's side: who may connect, what its frames do, and what its silence means. Its pings are
 * answered by the runtime and wake nobody: they are looked at when the alarm asks whether the agent still lives.
 */
import * as z from "zod";
import type { Socket } from "../../cloudflare/sockets-port.ts";
import type { HeartbeatRequest } from "../../wire/agent.ts";
import { AgentFrame, CLOSE_CODES, type CloseReason, MAX_FRAME_BYTES } from "../../wire/channel.ts";
import type { BotState, Instant } from "../model/state.ts";
import { Telemetry } from "../reconcile/decision.ts";
import { type Answer, ok, refuse } from "../shell/answer.ts";
import type { BotShell, Live } from "../shell/shell.ts";
import type { Connect } from "../shell/sockets.ts";
import { authenticateOn } from "./authenticate.ts";
import { ordersOf } from "./directives.ts";
import { heartbeat } from "./endpoints.ts";

const MINUTE_MS = 60_000;
/** A frame of its own every second is more than any agent has to say. */
const MAX_FRAMES_A_MINUTE = 60;
/** Two agents of one credential take the channel from each other for ever: after so many times the newcomer is refused. */
const MAX_REPLACEMENTS = 3;

/** What hibernates with the socket. */
const Attached = z.object({
  generation: z.int(),
  droplet_id: z.int(),
  boot_id: z.string(),
  credential_sha256: z.string(),
  opened_at: z.number(),
  /** When agents of other boots lost the channel to this one and its predecessors. */
  replaced_at: z.array(z.number()),
  /** Frames in the minute that began then. */
  minute: z.object({ since: z.number(), frames: z.int() }),
  /** What the agent said last of itself. */
  telemetry: Telemetry.nullable(),
});
type Attached = z.infer<typeof Attached>;

type AgentConnect = Extract<Connect, { tag: "agent" }>;

/** @returns what to attach to the socket, or why there is none */
export function admitAgent(shell: BotShell, { caller, droplet_id, boot_id }: AgentConnect): Answer<Attached> {
  const known = authenticateOn(shell, caller, droplet_id);
  if (!known.ok) return known;
  const { bot } = known.live;
  const now = shell.platform.now();
  const [rival] = presentSockets(shell, bot);
  const before = rival?.attached.replaced_at.filter((at) => now - at < MINUTE_MS) ?? [];
  const replaced_at = rival && rival.attached.boot_id !== boot_id ? [...before, now] : before;
  if (replaced_at.length > MAX_REPLACEMENTS) {
    if (!bot.flags.includes("duplicate_agent")) {
      const detail = "Two agents use the same credential and keep disconnecting each other.";
      shell.commit({ events: [{ kind: "flag_raised", data: { flag: "duplicate_agent", detail } }], actor: "agent" });
    }
    return refuse("duplicate_agent", undefined, { retry_after_s: 60 });
  }
  return ok({
    generation: bot.generation,
    droplet_id,
    boot_id,
    credential_sha256: caller.token_sha256,
    opened_at: now,
    replaced_at,
    minute: { since: now, frames: 0 },
    telemetry: null,
  });
}

/** The socket was accepted: it takes the place of any other. */
export function agentConnected(shell: BotShell, socket: Socket): void {
  const { opened_at } = Attached.parse(socket.attachment());
  for (const { socket: other, attached } of presentSockets(shell, shell.present().bot))
    if (attached.opened_at < opened_at) close(other, "replaced");
  const { rt } = shell.present();
  // Committed, for the alarm: over the channel silence counts sooner.
  shell.commit({ rt: { ...rt, channel: { opened_at, heard_at: opened_at }, channel_closed_at: null } });
}

export function agentSaid(shell: BotShell, socket: Socket, data: string | ArrayBuffer): void {
  const read = readFrame(shell, socket, data);
  if ("refused" in read) {
    close(socket, read.refused);
    return;
  }
  const { attached, beat } = read;
  const caller = { kind: "agt", token_sha256: attached.credential_sha256 } as const;
  const answer = heartbeat(shell, caller, beat, "channel");
  if (!answer.ok) {
    close(socket, answer.code === "wrong_droplet" ? "wrong_droplet" : "credential_revoked");
    return;
  }
  const { telemetry } = shell.present().rt;
  socket.attach({ ...attached, telemetry } satisfies Attached);
  socket.send(JSON.stringify({ type: "orders", ...answer.value }));
}

function readFrame(
  shell: BotShell,
  socket: Socket,
  data: string | ArrayBuffer,
): { attached: Attached; beat: HeartbeatRequest } | { refused: CloseReason } {
  const known = Attached.safeParse(socket.attachment()).data;
  const live = shell.live();
  if (!known || live === null) return { refused: "credential_revoked" };
  if (!isPresent(known, live.bot)) return { refused: whyNot(known, live.bot) };
  if ((typeof data === "string" ? data.length : data.byteLength) > MAX_FRAME_BYTES) return { refused: "frame_too_big" };
  const attached = { ...known, minute: countFrame(known.minute, shell.platform.now()) };
  if (attached.minute.frames > MAX_FRAMES_A_MINUTE) return { refused: "too_many_frames" };
  const frame = AgentFrame.safeParse(parseJson(data));
  if (!frame.success) return { refused: "invalid_frame" };
  const { type: _, ...beat } = frame.data;
  return { attached, beat };
}

/** The platform says that the connection has ended. */
export function agentDisconnected(shell: BotShell, socket: Socket): void {
  const attached = Attached.safeParse(socket.attachment()).data;
  const live = shell.live();
  if (!attached || live === null || !isPresent(attached, live.bot)) return;
  if (presentSockets(shell, live.bot).some(({ attached: other }) => other.opened_at > attached.opened_at)) return;
  shell.commit({ rt: { ...live.rt, channel: null, channel_closed_at: shell.platform.now() } });
}

/**
 * Brings what the sockets know into the Bot's memory, each time it wakes. Sockets of another generation or credential go
 * before any time-stamp is read: an old agent's pings say nothing of this one.
 */
export function tendChannel(shell: BotShell): void {
  const live = shell.live();
  if (live === null) return;
  for (const socket of shell.platform.sockets.open("agent")) {
    const attached = Attached.safeParse(socket.attachment()).data;
    if (!attached || !isPresent(attached, live.bot)) close(socket, whyNot(attached, live.bot));
  }
  const newest = presentSockets(shell, live.bot).sort((a, b) => b.attached.opened_at - a.attached.opened_at)[0];
  const { rt } = live;
  if (newest) {
    const { opened_at, telemetry } = newest.attached;
    const heard_at = Math.max(opened_at, newest.socket.lastPingAt() ?? 0);
    shell.see({ ...rt, channel: { opened_at, heard_at }, telemetry: latest(rt.telemetry, telemetry) });
  } else if (rt.channel !== null) {
    // A socket that is gone without a word: we were reset. Nobody could be heard meanwhile.
    const now = shell.platform.now();
    shell.commit({ rt: { ...rt, channel: null, channel_closed_at: null, channel_lost_at: now, deaf_until: now } });
  }
}

/** After a commit: whoever is not wanted any more is cut off, and the agent is told what is wanted now. */
export function announceOrders(shell: BotShell, before: BotState | null, { bot: after }: Live): void {
  if (before === null || before === after || shell.platform.sockets.open("agent").length === 0) return;
  const silent = after.presence === "silent" && before.presence !== "silent";
  for (const socket of shell.platform.sockets.open("agent")) {
    const attached = Attached.safeParse(socket.attachment()).data;
    if (!attached || !isPresent(attached, after)) close(socket, whyNot(attached, after));
    // Its pings would go on being answered without anybody being told: let it connect anew.
    else if (silent) close(socket, "unheard");
    else socket.send(JSON.stringify({ type: "orders", ...ordersOf(shell) }));
  }
}

function presentSockets(shell: BotShell, bot: BotState): { socket: Socket; attached: Attached }[] {
  return shell.platform.sockets.open("agent").flatMap((socket) => {
    const attached = Attached.safeParse(socket.attachment()).data;
    return attached && isPresent(attached, bot) ? [{ socket, attached }] : [];
  });
}

function isPresent({ generation, credential_sha256 }: Attached, bot: BotState): boolean {
  return generation === bot.generation && credential_sha256 === bot.agent?.credential_sha256;
}

/** Of a socket that is not present. Its agent may have the newer credential, and has only to come with that one. */
function whyNot(attached: Attached | undefined, { agent, generation }: BotState): CloseReason {
  return agent !== null && attached?.generation === generation ? "credential_rotated" : "credential_revoked";
}

function close(socket: Socket, reason: CloseReason): void {
  socket.close(CLOSE_CODES[reason], reason);
}

function countFrame({ since, frames }: Attached["minute"], now: Instant): Attached["minute"] {
  return now - since < MINUTE_MS ? { since, frames: frames + 1 } : { since: now, frames: 1 };
}

function latest(a: Live["rt"]["telemetry"], b: Live["rt"]["telemetry"]): Live["rt"]["telemetry"] {
  return (b?.at ?? 0) > (a?.at ?? 0) ? b : a;
}

function parseJson(data: string | ArrayBuffer): unknown {
  try {
    return JSON.parse(typeof data === "string" ? data : new TextDecoder().decode(data));
  } catch {
    return undefined;
  }
}
