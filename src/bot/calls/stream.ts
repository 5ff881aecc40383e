/**
 * The history as it is written, over a WebSocket. Each socket carries the number that was sent last, and hibernates with
 * it: whoever wakes goes on from there, without a gap and without repeating itself.
 */
import type { Socket } from "../../cloudflare/sockets-port.ts";
import type { EventFrame } from "../../wire/bot.ts";
import { type Answer, ok, refuse } from "../shell/answer.ts";
import type { BotShell } from "../shell/shell.ts";
import type { Connect } from "../shell/sockets.ts";
import { viewEvent } from "../view/event.ts";
import { reach } from "./management.ts";

/** Every commit is sent to each of them. */
const MAX_STREAMS = 20;
const PAGE = 200;

/** How a reader is closed that says anything but `ping`, which the runtime answers by itself. */
export const NOTHING_IS_HEARD = { code: 1008, reason: "Only ping is accepted." } as const;

/** Attached to each socket. */
export interface Reader {
  /** The number of the last event that it was sent, or that it said to have. */
  sent: number;
}

/** Whether one more may follow the bot, and from where. */
export function admitReader(shell: BotShell, wish: Extract<Connect, { tag: "events" }>): Answer<Reader> {
  const reached = reach(shell, wish.scope);
  if (!reached.ok) return reached;
  if (shell.platform.sockets.open("events").length >= MAX_STREAMS) {
    return refuse(
      "too_many_streams",
      `The bot already has ${MAX_STREAMS} open event streams, its limit. Close one first.`,
    );
  }
  return ok({ sent: wish.after });
}

/** Sends what the reader has not had yet, a page at a time. */
export function catchUp(shell: BotShell, socket: Socket): void {
  for (;;) {
    const { sent } = socket.attachment() as Reader;
    // Most commits only set the alarm anew: then nothing is asked of the history.
    if (sent >= shell.present().bot.revision) return;
    const page = shell.store.history.events(sent, PAGE);
    for (const event of page) {
      const frame: EventFrame = { type: "event", ...viewEvent(event) };
      socket.send(JSON.stringify(frame));
    }
    const last = page.at(-1);
    if (!last) return;
    socket.attach({ sent: last.seq } satisfies Reader);
  }
}

/** After a commit. What goes wrong with one reader is neither the commit's trouble nor another's. */
export function tellReaders(shell: BotShell): void {
  for (const socket of shell.platform.sockets.open("events")) {
    try {
      catchUp(shell, socket);
    } catch (error) {
      shell.log({ level: "error", event: "stream_failed", detail: String(error) });
    }
  }
}
