/** What happens to a bot: to be read, to be followed, to be waited for. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Answer } from "../bot/shell/answer.ts";
import { connectTo, openSocket } from "../fleet/bots.ts";
import { EventFrame, EventPage, WaitAnswer } from "../wire/bot.ts";
import { BOT_STATUSES } from "../wire/enums.ts";
import { Uuid } from "../wire/primitives.ts";
import { access } from "./auth.ts";
import { askBot, switchProtocols } from "./bot-calls.ts";
import { createApp } from "./context.ts";
import { refusal } from "./problem.ts";
import { json, problems } from "./responses.ts";
import { isUpgrade, upgradeRequired } from "./upgrade.ts";

const tags = ["History"];
const BotPath = z.object({ id: Uuid });
const After = z.coerce.number().int().min(0).default(0).meta({ description: "Only events with higher numbers" });
const MAX_WAIT_S = 60;
const MAX_ASKS = 5;
const ASK_AGAIN_MS = 50;

export const historyRoutes = createApp();
historyRoutes.openAPIRegistry.register("EventFrame", EventFrame);

historyRoutes.openapi(
  createRoute({
    method: "get",
    path: "/bots/{id}/events",
    operationId: "listEvents",
    summary: "Read a bot's history, oldest first",
    description: "Of a long history the oldest part is forgotten: a page then begins at `first_seq`, not at `after`.",
    tags,
    ...access("bots:read"),
    request: {
      params: BotPath,
      query: z.object({ after: After, limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    },
    responses: {
      200: json(EventPage, "Events; `next_cursor` is the next page's `after`"),
      ...problems(400, 404),
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
  createRoute({
    method: "get",
    path: "/bots/{id}/events/stream",
    operationId: "streamEvents",
    summary: "Follow a bot's history over a WebSocket",
    description:
      "Sends what is kept after `after`, then each event as it happens: one `EventFrame` a message. To resume, give the number of the last event that you have. A `ping` is answered with `pong`; anything else closes the stream with 1008. At most 20 streams a bot.",
    tags,
    ...access("bots:read"),
    request: { params: BotPath, query: z.object({ after: After }) },
    responses: { 101: { description: "The stream" }, ...problems(400, 404, 426) },
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
  createRoute({
    method: "get",
    path: "/bots/{id}/wait",
    operationId: "waitForBot",
    summary: "Wait until a bot has a status",
    description:
      "Answers as soon as the bot has it, and at the time-out with what the bot is then and `reached: false`; of a destroyed bot at once, for nothing else will come. At most 5 callers a bot.",
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
          .meta({ description: "How long at most, in seconds" }),
      }),
    },
    responses: { 200: json(WaitAnswer, "The bot as it is now"), ...problems(400, 404) },
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
