/** Passwords at rest: scrypt (RFC 7914) with its cost and salt beside it. */
import { scrypt } from "node:crypto";
import { toHex } from "../wire/digest.ts";
import { constantTimeEqual } from "../wire/tokens.ts";

const SALT_BYTES = 16;
const KEY_BYTES = 32;
const MAX_MEMORY_BYTES = 32 * 1024 * 1024;
/** OWASP's password storage cheat sheet: 16 MiB and five rounds weigh as much as 64 MiB and one; a Worker has 128 MiB in all. */
const COST = { N: 2 ** 14, r: 8, p: 5 };

/** `scrypt.<N>.<r>.<p>.<salt>.<key>`, hexadecimal: what it cost is part of it, so that it can be raised later. */
export async function hashPassword(
  password: string,
  randomBytes: (count: number) => Uint8Array<ArrayBuffer>,
): Promise<string> {
  const salt = toHex(randomBytes(SALT_BYTES));
  return ["scrypt", COST.N, COST.r, COST.p, salt, await derive(password, salt, COST)].join(".");
}

/** @returns whether the password is the one; false too where what is stored is nothing of ours */
export async function verifyPassword(stored: string, password: string): Promise<boolean> {
  const match = /^scrypt\.(\d{1,7})\.(\d{1,3})\.(\d{1,3})\.([0-9a-f]+)\.([0-9a-f]+)$/.exec(stored);
  const [, N, r, p, salt, key] = match ?? [];
  if (salt === undefined || key === undefined) return false;
  return constantTimeEqual(key, await derive(password, salt, { N: Number(N), r: Number(r), p: Number(p) }));
}

function derive(password: string, salt: string, cost: typeof COST): Promise<string> {
  return new Promise((resolve, reject) => {
    // The same password typed on another keyboard may be composed of other code points.
    const text = password.normalize("NFKC");
    scrypt(text, salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY_BYTES }, (error, key) => {
      if (error) reject(error);
      else resolve(toHex(key));
    });
  });
}
