/** `Idempotency-Key`: what it is scoped to, and the hash of the body that it came with. */
import type { Context } from "hono";
import * as z from "zod";
import type { IdempotencyKey } from "../accounts/idempotency.ts";
import type { Caller } from "../records/caller.ts";
import { sha256Hex } from "../wire/digest.ts";
import type { AppEnv } from "./context.ts";

export const IdempotencyHeaders = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 printable characters without spaces")
    .optional()
    .meta({
      description:
        "Makes the request safe to repeat: within 24 hours, a repetition with the same key has no further effect",
    }),
});

/** The request's key in its scope (credential, method, path), or null where it has none. */
export async function idempotencyKey(c: Context<AppEnv>, body: unknown): Promise<IdempotencyKey | null> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return null;
  const scope = [c.get("principal").credential_id, c.req.method, c.req.path, key].join("\n");
  return { key: await sha256Hex(scope), body_hash: await sha256Hex(canonicalJson(body)) };
}

/** Who asks a Bot, under which name. @param action the operation's id in the OpenAPI document */
export async function callerOf(c: Context<AppEnv>, action: string, body: unknown): Promise<Caller> {
  const { scope, actor, credential_id } = c.get("principal");
  const idempotency = c.req.method === "POST" ? await idempotencyKey(c, body) : null;
  const caller = { scope, actor, credential_id, action, request_id: c.get("request_id") };
  return { ...caller, ...(idempotency ? { idempotency } : {}) };
}

/** JSON with its keys in order: the same content has the same hash however it was written. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    item !== null && typeof item === "object" && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
