/**
 * The live channel, from connection to connection. It counts as up once the Bot has answered on it: a proxy that lets
 * the upgrade through and swallows the frames is no channel, and beats go on over HTTP.
 */
import type { HeartbeatAnswer, HeartbeatRequest } from "../../../src/wire/agent.ts";
import { type AgentFrame, type BotFrame, PING } from "../../../src/wire/channel.ts";
import { describeError, type Log } from "../base/log.ts";
import { Signal, sleep } from "../base/timing.ts";
import type { Settings } from "../settings.ts";
import { afterChannel, readFrame } from "./channel-rules.ts";
import type { Outcome } from "./control-plane.ts";
import { carriedBy } from "./session.ts";
import { type AgentSocket, openSocket } from "./socket.ts";

export interface ChannelDeps {
  settings: Settings;
  credential: () => string;
  address: () => URL | null;
  /** Whether nothing stands that only an answer over HTTP can lift. */
  permitted: () => boolean;
  status: () => Promise<HeartbeatRequest>;
  /** Command results wait to be confirmed. */
  owes: () => boolean;
  /** @param carried ids of the command results in the newest status. */
  onOrders: (orders: BotFrame, carried: readonly string[]) => void;
  onPong: () => void;
  /** @param bearer the credential that the channel was opened with */
  onRefused: (outcome: Outcome<HeartbeatAnswer>, bearer: string) => void;
  onLink: (up: boolean) => void;
  ping_every_ms: () => number;
  log: Log;
  monotonic_ms: () => number;
  random: () => number;
}

/** Ours to say that the connection is given up (4000 to 4999 are free to use). */
const GIVEN_UP = 4000;
const GOING_AWAY = 1000;
const LOOK_EVERY_MS = 1000;

/** What is known of the present connection. */
interface Talk {
  bearer: string;
  socket: AgentSocket;
  pong: Signal;
  answer: Signal;
  carried: readonly string[];
  up_since_ms: number | null;
  complained: boolean;
}

export class Channel {
  /** Raised when there is something new to say. */
  readonly wake = new Signal();
  /** Raised when what the channel was refused for no longer holds. */
  readonly again = new Signal();
  readonly #deps: ChannelDeps;

  constructor(deps: ChannelDeps) {
    this.#deps = deps;
  }

  async loop(signal: AbortSignal): Promise<void> {
    const { settings, address, permitted, onRefused, log, monotonic_ms, random } = this.#deps;
    const limits = { backoff: settings.channel.backoff, slow_retry_ms: settings.slow_retry_ms };
    let failures = 0;
    while (!signal.aborted) {
      const url = address();
      if (url === null) {
        log("channel_address_unusable");
        await sleep(settings.slow_retry_ms, signal);
        continue;
      }
      if (!permitted()) {
        await sleep(LOOK_EVERY_MS, signal);
        continue;
      }
      this.again.clear();
      const talk = this.#open(url);
      try {
        await this.#hold(talk, signal);
      } finally {
        talk.socket.end(GOING_AWAY, "the agent lets go");
        if (talk.up_since_ms !== null) this.#deps.onLink(false);
      }
      if (signal.aborted) return;
      const end = await talk.socket.ended;
      const lived_ms = talk.up_since_ms === null ? 0 : monotonic_ms() - talk.up_since_ms;
      const next = afterChannel(end, lived_ms, failures, limits, random());
      failures = next.failures;
      log("channel_ended", { ...end, lived_ms: Math.round(lived_ms), again_in_ms: next.after_ms });
      if (next.counts_as !== null) onRefused(next.counts_as, talk.bearer);
      await this.again.wait(next.after_ms, signal);
    }
  }

  #open(url: URL): Talk {
    const bearer = this.#deps.credential();
    const talk: Talk = {
      bearer,
      socket: openSocket(url, bearer, (data) => this.#hear(talk, data)),
      pong: new Signal(),
      answer: new Signal(),
      carried: [],
      up_since_ms: null,
      complained: false,
    };
    return talk;
  }

  async #hold(talk: Talk, signal: AbortSignal): Promise<void> {
    const { socket } = talk;
    const here = AbortSignal.any([signal, socket.over]);
    const { request_timeout_ms } = this.#deps.settings;
    const isOpen = await Promise.race([
      socket.opened.then(() => true),
      sleep(request_timeout_ms, here).then(() => false),
    ]);
    if (isOpen) await Promise.all([this.#tell(talk, here), this.#ping(talk, here)]);
    else if (!here.aborted) socket.end(GIVEN_UP, "it did not open in time");
  }

  /** States, each answered before the next: at once, at every change, and now and then. */
  async #tell(talk: Talk, here: AbortSignal): Promise<void> {
    const { settings, status, owes } = this.#deps;
    const { request_timeout_ms, beat_gap_ms, channel } = settings;
    while (!here.aborted) {
      this.wake.clear();
      const body = await status();
      if (here.aborted) return;
      talk.carried = carriedBy(body);
      talk.answer.clear();
      talk.socket.send(JSON.stringify({ type: "status", ...body } satisfies AgentFrame));
      const answered = await talk.answer.wait(request_timeout_ms, here);
      if (!answered && !here.aborted) talk.socket.end(GIVEN_UP, "no answer to a status");
      await sleep(beat_gap_ms, here);
      // What was answered and yet not confirmed is said again before long.
      await this.wake.wait(owes() ? request_timeout_ms : channel.quiet_ms, here);
    }
  }

  async #ping(talk: Talk, here: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.#deps.ping_every_ms(), here);
      if (here.aborted) return;
      talk.pong.clear();
      talk.socket.send(PING);
      const alive = await talk.pong.wait(this.#deps.settings.channel.pong_timeout_ms, here);
      if (!alive && !here.aborted) talk.socket.end(GIVEN_UP, "no pong");
    }
  }

  #hear(talk: Talk, data: unknown): void {
    const { onOrders, onPong, onLink, log, monotonic_ms } = this.#deps;
    const heard = readFrame(data);
    try {
      switch (heard.is) {
        case "pong":
          talk.pong.raise();
          onPong();
          break;
        case "orders":
          if (talk.up_since_ms === null) {
            talk.up_since_ms = monotonic_ms();
            log("channel_up");
            onLink(true);
          }
          talk.answer.raise();
          onOrders(heard.orders, talk.carried);
          break;
        case "nonsense":
          if (!talk.complained) log("channel_frame_ignored", { detail: heard.detail });
          talk.complained = true;
      }
    } catch (error) {
      // The next answer says again what was not taken of this one.
      log("channel_frame_not_taken", { error: describeError(error) });
    }
  }
}
