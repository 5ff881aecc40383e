/**
 * The agent's own credential: made here, never sent but as a bearer, known to the control plane only by its hash. It is
 * durable before its first use; so a crash between the exchange and its answer repeats the same credential, not another.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { formatToken, hashToken, parseToken, toHex } from "../../src/wire/tokens.ts";
import { readText, writeDurably } from "./files.ts";

export interface Credential {
  token: string;
  sha256: string;
}

export async function loadCredential(
  state_dir: string,
  bot_id: string,
  random: (bytes: number) => Uint8Array,
): Promise<Credential> {
  const path = join(state_dir, "credential");
  let token = readText(path);
  const parsed = token === null ? null : parseToken(token);
  if (token === null || parsed?.kind !== "agt" || parsed.owner !== bot_id) {
    token = formatToken("agt", bot_id, random(32));
    writeDurably(path, token);
    // Whatever was exchanged before was another credential.
    rmSync(join(state_dir, "registered"), { force: true });
  }
  return { token, sha256: await hashToken(token) };
}

/** A secret of this machine alone (gateway, local API): made once, kept 0600. */
export function loadLocalSecret(path: string, random: (bytes: number) => Uint8Array): string {
  const kept = readText(path);
  if (kept !== null) return kept;
  const made = toHex(random(32));
  writeDurably(path, made);
  return made;
}

export function isRegistered(state_dir: string): boolean {
  return existsSync(join(state_dir, "registered"));
}

/** The marker first: it tells the bootstrap that the token is spent. */
export function markRegistered(state_dir: string, registration_token_file: string): void {
  writeDurably(join(state_dir, "registered"), "registered\n");
  rmSync(registration_token_file, { force: true });
}
