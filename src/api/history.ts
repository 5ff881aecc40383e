/** What happens to a bot: to be read, to be followed, to be waited for. */
import { z } from "@hono/zod-openapi";
import type { Answer } from "../bot/shell/answer.ts";
import { connectTo, openSocket } from "../fleet/bots.ts";
import { EventFrame, EventPage, WaitAnswer } from "../wire/bot.ts";
import { BOT_STATUSES } from "../wire/enums.ts";
import { NUMBER_AS_TEXT, Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { ANY_BOT_REFUSES, askBot, switchProtocols } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { refusal } from "./problem.ts";
import { headers, json } from "./responses.ts";
import { route } from "./route.ts";
import { isUpgrade, upgradeRequired } from "./upgrade.ts";

const tags = ["History"];
const BotPath = z.object({ id: Uuid });
const After = z.coerce
  .number()
  .int()
  .min(0)
  .default(0)
  .meta({
    ...NUMBER_AS_TEXT,
    description: "Returns events after this one: a `next_cursor`, or the `seq` of an event",
  });
const MAX_WAIT_S = 60;
const MAX_ASKS = 5;
const ASK_AGAIN_MS = 50;

export const historyRoutes = createApp();
historyRoutes.openAPIRegistry.register("EventFrame", EventFrame);

historyRoutes.openapi(
  route({
    method: "get",
    path: "/bots/{id}/events",
    operationId: "listEvents",
    summary: "List events",
    description:
      "Returns the bot's event history, oldest first. Old events are deleted from a long history: a page then begins at `first_seq` instead of right after `after`.",
    tags,
    ...access("bots:read"),
    request: {
      params: BotPath,
      query: z.object({ after: After, limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    },
    refuses: [...ANY_BOT_REFUSES],
    responses: {
      200: json(EventPage, "A page of events; pass its `next_cursor` as `after`"),
    },
  }),
  async (c) => {
    const { after, limit } = c.req.valid("query");
    const { scope } = c.get("principal");
    const answer = await askBot(c, c.req.valid("param").id, (stub) => stub.listEvents(scope, after, limit));
    if (!answer.ok) return refusal(c, answer);
    const { events, first_seq } = answer.value;
    const last = events.at(-1);
    return c.json(
      { data: events, next_cursor: events.length === limit && last ? String(last.seq) : null, first_seq },
      200,
    );
  },
);

historyRoutes.openapi(
  route({
    method: "get",
    path: "/bots/{id}/events/stream",
    operationId: "streamEvents",
    summary: "Stream events",
    description:
      "Upgrades to a WebSocket. Sends the stored events after `after`, then each new event, as one `EventFrame` per message. To resume, pass the `seq` of the last event that you received. The text `ping` is answered with `pong`; any other message closes the stream with code 1008. At most 20 streams per bot.",
    tags,
    ...access("bots:read"),
    request: { params: BotPath, query: z.object({ after: After }) },
    "x-websocket": { receives: { $ref: "#/components/schemas/EventFrame" } },
    refuses: [...ANY_BOT_REFUSES, "upgrade_required", "too_many_streams"],
    responses: { 101: { description: "Switching protocols: the stream is open", headers: headers("Upgrade") } },
  }),
  async (c) => {
    const { after } = c.req.valid("query");
    const { scope } = c.get("principal");
    if (!isUpgrade(c)) return upgradeRequired(c);
    const wish = { tag: "events", scope, after } as const;
    const answer = await askBot(c, c.req.valid("param").id, (stub) => openSocket(stub, wish));
    return answer.ok ? switchProtocols(answer.value) : refusal(c, answer);
  },
);

historyRoutes.openapi(
  route({
    method: "get",
    path: "/bots/{id}/wait",
    operationId: "waitForBot",
    summary: "Wait for a status",
    description:
      "Returns as soon as the bot has the status, or at the timeout with `reached: false`. A destroyed bot is returned at once, since its status no longer changes. At most 5 waiting requests per bot.",
    tags,
    ...access("bots:read"),
    request: {
      params: BotPath,
      query: z.object({
        status: z.enum(BOT_STATUSES),
        timeout: z.coerce
          .number()
          .int()
          .min(1)
          .max(MAX_WAIT_S)
          .default(MAX_WAIT_S)
          .meta({ description: "Seconds to wait at most" }),
      }),
    },
    refuses: [...ANY_BOT_REFUSES, "too_many_waiters"],
    responses: { 200: json(WaitAnswer, "The bot, and whether it has the status") },
  }),
  async (c) => {
    const { status, timeout } = c.req.valid("query");
    const { scope } = c.get("principal");
    const until = Date.now() + timeout * 1000;
    const answer = await askPatiently(until, c.req.raw.signal, () =>
      askBot(c, c.req.valid("param").id, async (stub): Promise<Answer<WaitAnswer>> => {
        const wish = { tag: "wait", scope, status, timeout_ms: Math.max(0, until - Date.now()) } as const;
        return (await connectTo(stub, wish, c.req.raw.signal)).json();
      }),
    );
    return answer.ok ? c.json(answer.value, 200) : refusal(c, answer);
  },
);

/** An object that is reset takes its waiters with it, whatever the error says: it is asked anew for what is left. */
async function askPatiently<T>(until: number, gone: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (let asked = 1; ; asked++) {
    try {
      return await ask();
    } catch (error) {
      const { overloaded } = error as { overloaded?: boolean };
      if (asked >= MAX_ASKS || gone.aborted || overloaded || Date.now() >= until) throw error;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS * asked));
    }
  }
}
