/**
 * Brakes at the edge: approximate, for each location and isolate. What must be exact is counted where it is stored: quotas
 * and creates in D1, restarts in the bot's object, guesses at a password in D1.
 */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./context.ts";
import { problem } from "./problem.ts";
import { type Counted, RateWindows } from "./rate-window.ts";

const windows = new RateWindows();
/** The operator's back end speaks for every customer. */
const OPERATOR_FACTOR = 60;
const SIGN_IN_PER_MINUTE = 10;

/** Counts the request of a known caller. @returns the refusal, or null */
export function brake(c: Context<AppEnv>, caller: string): Promise<Response | null> {
  const { REQUESTS_PER_MINUTE } = c.get("settings");
  return c.get("principal").kind === "operator"
    ? count(c, caller, REQUESTS_PER_MINUTE * OPERATOR_FACTOR, c.env.OPERATOR_LIMITER, "default")
    : count(c, caller, REQUESTS_PER_MINUTE, c.env.API_LIMITER, "default");
}

/** For what anybody may ask, by address. */
export const addressBrake = createMiddleware<AppEnv>(async (c, next) => {
  const { REQUESTS_PER_MINUTE } = c.get("settings");
  return (await count(c, `anybody:${addressOf(c)}`, REQUESTS_PER_MINUTE, c.env.API_LIMITER, "default")) ?? next();
});

/** An agent's requests are counted in memory alone: a heartbeat asks nobody but its Bot. */
export function brakeAgent(c: Context<AppEnv>, botId: string): Response | null {
  const counted = windows.count(`agent:${botId}`, c.get("settings").REQUESTS_PER_MINUTE, Date.now());
  if (counted.allowed) return null;
  show(c, counted, "default");
  return tooMany(c, counted);
}

/** For routes that take passwords or send messages, by address: whoever tries many is slowed before any work is done. */
export const signInBrake = createMiddleware<AppEnv>(async (c, next) => {
  return (await count(c, `sign-in:${addressOf(c)}`, SIGN_IN_PER_MINUTE, c.env.SIGN_IN_LIMITER, "sign-in")) ?? next();
});

/** Guessing is slowed by address. @returns whether this stranger has failed too often */
export async function isTiresome(c: Context<AppEnv>): Promise<boolean> {
  const { success } = await c.env.API_LIMITER.limit({ key: `unauthorized:${addressOf(c)}` });
  return !success;
}

/** First in this isolate, which can say what remains; then at this location. @returns the refusal, or null */
async function count(c: Context<AppEnv>, key: string, limit: number, limiter: RateLimit, policy: string) {
  const counted = windows.count(key, limit, Date.now());
  show(c, counted, policy);
  const { success } = counted.allowed ? await limiter.limit({ key }) : { success: false };
  return success ? null : tooMany(c, counted);
}

/** Set by Cloudflare; whatever a client sends under that name is replaced there. */
function addressOf(c: Context<AppEnv>): string {
  return c.req.header("cf-connecting-ip") ?? "local";
}

function tooMany(c: Context<AppEnv>, { limit, reset_s }: Counted): Response {
  return problem(c, "too_many_requests", `More than ${limit} requests per minute. Try again in ${reset_s} s.`, {
    retry_after_s: reset_s,
  });
}

/** draft-ietf-httpapi-ratelimit-headers-10 */
function show(c: Context<AppEnv>, { limit, remaining, reset_s }: Counted, policy: string): void {
  c.header("ratelimit-policy", `"${policy}";q=${limit};w=60`);
  c.header("ratelimit", `"${policy}";r=${remaining};t=${reset_s}`);
}
