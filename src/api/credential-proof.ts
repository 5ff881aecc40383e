/** Whether a credential that an agent would bind is one that its later requests may carry. */
import { hashToken, parseToken } from "../wire/tokens.ts";
import type { Issue } from "./problem.ts";

/**
 * Only a hash is stored, and a hash does not tell what it was made of: so the agent shows the credential once, as it does
 * with every later request. Agents of the first releases show nothing, and are believed.
 * @returns what is wrong with it, or null
 */
export async function faultOfProof(
  bot_id: string,
  credential: string | undefined,
  credential_sha256: string,
): Promise<Issue | null> {
  if (credential === undefined) return null;
  const parsed = parseToken(credential);
  if (parsed?.kind !== "agt") {
    return {
      path: ["credential"],
      message: "must be sp_agt_<bot id, 32 hex digits>_<secret, 64 hex digits><CRC-32 of all before it, 8 hex digits>",
    };
  }
  if (parsed.owner !== bot_id) return { path: ["credential"], message: "must name this bot" };
  if ((await hashToken(credential)) !== credential_sha256) {
    return { path: ["credential_sha256"], message: "must be the SHA-256 of `credential`, in lower-case hex" };
  }
  return null;
}
