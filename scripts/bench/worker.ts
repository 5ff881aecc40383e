/** The production Worker, with what a benchmark needs beside it: a call that does nothing, and how often objects woke. */
import { app } from "../../src/api/app.ts";
import { agent } from "../../src/api/auth.ts";
import { type BotStub, withBot } from "../../src/fleet/bots.ts";
import production, { Bot as ProductionBot } from "../../src/index.ts";

export { ProviderGate } from "../../src/index.ts";

/** All objects of one workerd share an isolate, so they share this. */
let messagesHeard = 0;

export class Bot extends ProductionBot {
  /** The floor. */
  noop() {
    return { status: "ok" };
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): void {
    messagesHeard++;
    super.webSocketMessage(socket, data);
  }
}

app.post("/bench/:id/noop", agent, async (c) => {
  const call = (bot: BotStub) => (bot as BotStub & { noop(): Promise<{ status: string }> }).noop();
  return c.json(await withBot(c.env, c.get("agent").bot_id, call), 200);
});

app.get("/bench/messages", (c) => c.json({ heard: messagesHeard }));

export default production;
