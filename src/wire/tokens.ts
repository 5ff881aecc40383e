/**
 * Tokens that name their purpose and owner and carry a checksum, so that a mistyped or foreign one is refused before
 * anything is looked up: `sp_<kind>_<owner, 32 hex>_<secret, 64 hex><crc32 of all before it, 8 hex>`.
 * Only a token's SHA-256 is ever stored, and that form is never itself a token.
 */
import { sha256Hex, toHex } from "./digest.ts";

export type TokenKind = "reg" | "agt" | "op" | "key";

export interface ParsedToken {
  kind: TokenKind;
  /** A bot's UUID for `reg` and `agt`, a key's id for `op` (the operator's) and `key` (an account's). */
  owner: string;
}

const TOKEN = /^sp_(reg|agt|op|key)_([0-9a-f]{32})_[0-9a-f]{64}([0-9a-f]{8})$/;

/** @param secret 32 random bytes. @param owner a UUID. */
export function formatToken(kind: TokenKind, owner: string, secret: Uint8Array): string {
  const body = `sp_${kind}_${owner.replaceAll("-", "")}_${toHex(secret)}`;
  return body + crc32(body);
}

/** What the token says of itself, or null where shape or checksum is wrong. Says nothing about whether it is valid. */
export function parseToken(token: string): ParsedToken | null {
  const match = TOKEN.exec(token);
  if (!match) return null;
  const [, kind, owner, checksum] = match;
  if (kind === undefined || owner === undefined || crc32(token.slice(0, -8)) !== checksum) return null;
  return { kind: kind as TokenKind, owner: uuidFromHex(owner) };
}

/** SHA-256 of the token's text, lower-case hex: the stored form. */
export function hashToken(token: string): Promise<string> {
  return sha256Hex(token);
}

/** Compares two strings of equal, public length in time that does not depend on where they differ. */
export function constantTimeEqual(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

export function uuidFromHex(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32 (ISO-HDLC) of ASCII text, 8 hex digits. */
function crc32(text: string): string {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i++) crc = (CRC_TABLE[(crc ^ text.charCodeAt(i)) & 0xff] ?? 0) ^ (crc >>> 8);
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}
