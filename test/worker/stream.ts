/** A reader of a bot's history, as a client is one. */
import { exports } from "cloudflare:workers";
import { EventFrame } from "../../src/wire/bot.ts";
import { eventually } from "./cloud.ts";
import { BASE } from "./document.ts";
import { operatorToken } from "./settings.ts";

/** Asks for the WebSocket; what comes back may be a refusal. */
export function askForStream(botId: string, query = "", headers: Record<string, string> = {}): Promise<Response> {
  return exports.default.fetch(`${BASE}/bots/${botId}/events/stream${query}`, {
    headers: { upgrade: "websocket", authorization: `Bearer ${operatorToken}`, ...headers },
  });
}

export async function openStream(botId: string, after = 0) {
  const response = await askForStream(botId, `?after=${after}`);
  const { webSocket } = response;
  if (!webSocket) throw new Error(`no stream: ${response.status} ${await response.text()}`);
  const frames: (EventFrame & { received_at: number })[] = [];
  const pongs: number[] = [];
  let closed: { code: number; reason: string } | null = null;
  webSocket.addEventListener("message", ({ data }) => {
    if (data === "pong") pongs.push(frames.length);
    else frames.push({ ...EventFrame.strict().parse(JSON.parse(String(data))), received_at: Date.now() });
  });
  webSocket.addEventListener("close", ({ code, reason }) => {
    closed = { code, reason };
  });
  webSocket.accept();
  return {
    frames,
    /** After how many events each `pong` came. */
    pongs,
    closed: () => closed,
    seqs: () => frames.map(({ seq }) => seq),
    send: (text: string) => webSocket.send(text),
    close: () => webSocket.close(1000, "done"),
    /** Waits until an event of this kind has come, and answers it. */
    until: (kind: string) =>
      eventually(() => {
        const found = frames.find((frame) => frame.kind === kind);
        if (found === undefined) throw new Error(`no ${kind} among ${frames.map((frame) => frame.kind)}`);
        return found;
      }),
  };
}
