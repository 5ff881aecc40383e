/**
 * Secrets at rest: AES-256-GCM by WebCrypto. An envelope is `v1.<key id>.<nonce>.<ciphertext and tag>`, base64url; its
 * additional data binds it to bot, config version and field, so that an envelope moved elsewhere does not open.
 */

/** Opens and seals; throws `SecretUnreadable` where an envelope does not open. */
export interface Vault {
  /** @param context additional authenticated data; the same is needed to open. */
  seal(plaintext: string, context: string): Promise<string>;
  open(envelope: string, context: string): Promise<string>;
}

export class SecretUnreadable extends Error {
  constructor(why: string) {
    super(`a sealed secret does not open: ${why}`);
    this.name = "SecretUnreadable";
  }
}

/** The id of the key that sealed it; null where it is no envelope. */
export function keyIdOf(envelope: string): string | null {
  return /^v1\.([A-Za-z0-9_-]{1,32})\./.exec(envelope)?.[1] ?? null;
}

export interface KeyringEntry {
  id: string;
  bytes: Uint8Array<ArrayBuffer>;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** 32 random bytes hold about 30 distinct values; fewer than half means somebody typed or repeated them. */
const MIN_DISTINCT_BYTES = 16;

/**
 * Parses `ENCRYPTION_KEYS` = `id:base64,id:base64`; the first key seals, all open.
 * @throws a sentence that names the key and what is wrong with it, never the key's content
 */
export function parseKeyring(setting: string): [KeyringEntry, ...KeyringEntry[]] {
  const [first, ...rest] = setting.split(",").map((part) => parseKey(part.trim()));
  if (first === undefined) throw new Error("ENCRYPTION_KEYS is empty");
  const ids = [first, ...rest].map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new Error(`ENCRYPTION_KEYS names the key id "${twice}" twice`);
  return [first, ...rest];
}

function parseKey(text: string): KeyringEntry {
  const match = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]+={0,2})$/.exec(text);
  const [, id, encoded] = match ?? [];
  if (id === undefined || encoded === undefined) {
    throw new Error(
      "ENCRYPTION_KEYS must read id:base64,id:base64 (an id of letters, digits, _ or -, then a base64 key)",
    );
  }
  const bytes = decodeBase64(encoded);
  if (bytes?.byteLength !== KEY_BYTES) {
    throw new Error(
      `ENCRYPTION_KEYS: key "${id}" is not ${KEY_BYTES} bytes of base64; make one with: openssl rand -base64 32`,
    );
  }
  if (new Set(bytes).size < MIN_DISTINCT_BYTES || isPrintable(bytes)) {
    throw new Error(`ENCRYPTION_KEYS: key "${id}" is not random; make one with: openssl rand -base64 32`);
  }
  return { id, bytes };
}

function isPrintable(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

export function openVault(
  keyring: readonly [KeyringEntry, ...KeyringEntry[]],
  randomBytes: (count: number) => Uint8Array<ArrayBuffer>,
): Vault {
  const keys: Keys = new Map(keyring.map(({ id, bytes }) => [id, importKey(bytes)]));
  const [{ id: current }] = keyring;
  return {
    async seal(plaintext, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const parameters = { name: "AES-GCM", iv: nonce, additionalData: encode(context) };
      const key = await required(keys, current);
      const sealed = await crypto.subtle.encrypt(parameters, key, encode(plaintext));
      return ["v1", current, toBase64Url(nonce), toBase64Url(new Uint8Array(sealed))].join(".");
    },
    async open(envelope, context) {
      const [version, id, nonce, sealed, ...more] = envelope.split(".");
      const iv = nonce === undefined ? null : decodeBase64(nonce);
      const ciphertext = sealed === undefined ? null : decodeBase64(sealed);
      if (version !== "v1" || id === undefined || iv === null || ciphertext === null || more.length > 0) {
        throw new SecretUnreadable("its envelope is malformed");
      }
      const key = await required(keys, id);
      const parameters = { name: "AES-GCM", iv, additionalData: encode(context) };
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
          await crypto.subtle.decrypt(parameters, key, ciphertext),
        );
      } catch {
        throw new SecretUnreadable("it was sealed for another place, by another key, or altered");
      }
    },
  };
}

type Keys = Map<string, ReturnType<typeof importKey>>;

async function required(keys: Keys, id: string) {
  const key = keys.get(id);
  if (key === undefined) throw new SecretUnreadable(`its key "${id}" is not in ENCRYPTION_KEYS`);
  return key;
}

function importKey(bytes: Uint8Array<ArrayBuffer>) {
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}

function toBase64Url(bytes: Uint8Array): string {
  // Not spread into one call: so many arguments do not fit a stack.
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** Both alphabets, with or without padding; null where it is neither. */
function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
