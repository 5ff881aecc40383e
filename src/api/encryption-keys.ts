/** The rotation of the encryption keys: asking for it, and how far it has come. */
import { appendAudit } from "../accounts/audit.ts";
import type { Env } from "../bindings.ts";
import { openDb } from "../db/client.ts";
import { findPresentRotation, listRotationErrors, takeCensus } from "../db/encryption-keys.ts";
import { rotationPlatform } from "../fleet/secrets-care.ts";
import { askForRotation, stepRotation } from "../secrets/key-rotation.ts";
import { keyUses } from "../secrets/key-rotation-plan.ts";
import { RotateRequest, RotationStatus } from "../wire/encryption-keys.ts";
import { auditOf } from "./audit-record.ts";
import { access } from "./auth.ts";
import { optionalJsonBody } from "./body.ts";
import { createApp } from "./context.ts";
import { problem } from "./problem.ts";
import { json } from "./responses.ts";
import { route } from "./route.ts";

const tags = ["Operator"];
const MAX_ERRORS = 100;

export const encryptionKeyRoutes = createApp();

encryptionKeyRoutes.openapi(
  route({
    method: "post",
    path: "/operator/keys/rotate",
    operationId: "rotateKeys",
    summary: "Rotate the encryption keys",
    description:
      "Re-encrypts all stored secrets with the first key of ENCRYPTION_KEYS. Starts the rotation, or continues a running one by a page; the rest is done in the background. Safe to repeat.",
    tags,
    ...access("operator:write", ...optionalJsonBody),
    request: { body: { required: false, content: { "application/json": { schema: RotateRequest } } } },
    refuses: ["key_retired", "key_not_current"],
    responses: { 202: json(RotationStatus, "The rotation's progress") },
  }),
  async (c) => {
    const platform = rotationPlatform(c.env);
    const plan = await askForRotation(platform, c.req.valid("json").target ?? null);
    if ("refuse" in plan) {
      const [first] = platform.ring;
      return plan.refuse === "first_key_is_retired"
        ? problem(
            c,
            "key_retired",
            `Key "${first}", the first of ENCRYPTION_KEYS, is retired. To return to it, name it as the target.`,
          )
        : problem(
            c,
            "key_not_current",
            `The first key of ENCRYPTION_KEYS is "${first}". Deploy the target as the first key, then try again.`,
          );
    }
    await appendAudit(openDb(c.env.DB), auditOf(c, "rotateKeys", { after: plan }));
    await stepRotation(platform);
    return c.json(await readStatus(c.env), 202);
  },
);

encryptionKeyRoutes.openapi(
  route({
    method: "get",
    path: "/operator/keys/rotate",
    operationId: "getKeyRotation",
    summary: "Get the encryption key rotation",
    description: "Returns the progress of the last rotation, and which keys can be removed from ENCRYPTION_KEYS.",
    tags,
    ...access("operator:read"),
    responses: { 200: json(RotationStatus, "The last rotation's progress") },
  }),
  async (c) => c.json(await readStatus(c.env), 200),
);

async function readStatus(env: Env): Promise<RotationStatus> {
  const db = openDb(env.DB);
  const { ring } = rotationPlatform(env);
  const present = await findPresentRotation(db);
  const { latest } = present;
  const census = await takeCensus(db, latest?.number ?? 0);
  const { errors, count } = await listRotationErrors(db, MAX_ERRORS);
  const total = Object.values(census.envelopes).reduce((sum, envelopes) => sum + envelopes, 0);
  return {
    state: latest?.state ?? "none",
    target_key_id: latest?.target ?? null,
    current_key_id: ring[0],
    started_at: latest && iso(latest.started_at),
    finished_at: latest?.finished_at ? iso(latest.finished_at) : null,
    progress: {
      phase: latest?.phase ?? null,
      round: latest?.round ?? 0,
      bots: { done: census.asked, total: census.bots },
      envelopes: { done: latest ? (census.envelopes[latest.target] ?? 0) : 0, total },
    },
    keys: keyUses(ring, present, census),
    errors: errors.map(({ bot_id, store, reason, final, at }) => ({ bot_id, store, reason, final, at: iso(at) })),
    error_count: count,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
