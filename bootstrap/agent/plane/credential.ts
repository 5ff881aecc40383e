/**
 * The agent's own credential: made here, sent as a bearer and, once, as the proof of its hash,
 * which is all that the control plane keeps. It is durable before its first use; so a crash between the exchange and its answer repeats the same credential, not another.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../../src/wire/digest.ts";
import { formatToken, hashToken, parseToken } from "../../../src/wire/tokens.ts";
import { readText, renameDurably, writeDurably } from "../base/files.ts";

export interface Credential {
  token: string;
  sha256: string;
}

/** The files that credentials are kept in, by their names; each call is done whole and durable, or not at all. */
export interface CredentialFiles {
  read(name: string): string | null;
  write(name: string, text: string): void;
  rename(from: string, to: string): void;
  remove(name: string): void;
}

export function filesIn(directory: string): CredentialFiles {
  const path = (name: string) => join(directory, name);
  return {
    read: (name) => readText(path(name)),
    write: (name, text) => writeDurably(path(name), text),
    rename: (from, to) => renameDurably(path(from), path(to)),
    remove: (name) => rmSync(path(name), { force: true }),
  };
}

const PRESENT = "credential";
const NEXT = "credential.next";

/**
 * The present credential and, beside it, the next one for as long as the control plane may or may not have taken it. The
 * next one is never thrown away, only put in the present one's place: a request that carried it may still arrive.
 */
export class Credentials {
  readonly #files: CredentialFiles;
  readonly #make: () => string;
  #present: Credential;
  #next: Credential | null;
  /** The next one counts, and has not been put in its place on the disk yet. */
  #unsaved = false;

  private constructor(files: CredentialFiles, make: () => string, present: Credential, next: Credential | null) {
    this.#files = files;
    this.#make = make;
    this.#present = present;
    this.#next = next;
  }

  static async load(
    files: CredentialFiles,
    bot_id: string,
    random: (bytes: number) => Uint8Array,
  ): Promise<Credentials> {
    const make = () => formatToken("agt", bot_id, random(32));
    const read = (name: string) => {
      const token = files.read(name);
      const parsed = token === null ? null : parseToken(token);
      return token !== null && parsed?.kind === "agt" && parsed.owner === bot_id ? token : null;
    };
    const next = read(NEXT);
    let present = read(PRESENT);
    if (present === null && next !== null) {
      files.rename(NEXT, PRESENT);
      return new Credentials(files, make, await hashed(next), null);
    }
    if (present === null) {
      present = make();
      files.write(PRESENT, present);
      // Whatever was exchanged before was another credential.
      files.remove("registered");
    }
    return new Credentials(files, make, await hashed(present), next === null ? null : await hashed(next));
  }

  get token(): string {
    return this.#present.token;
  }

  get sha256(): string {
    return this.#present.sha256;
  }

  get next(): Credential | null {
    return this.#next;
  }

  /** Every token on this disk, for redaction. */
  get secrets(): string[] {
    return [this.#present.token, ...(this.#next === null ? [] : [this.#next.token])];
  }

  /** The next one, durable before it is used: another than before only once that one has taken its place. */
  async prepare(): Promise<Credential> {
    if (this.#next !== null) return this.#next;
    this.settle();
    const made = await hashed(this.#make());
    this.#files.write(NEXT, made.token);
    this.#next = made;
    return made;
  }

  /** The control plane has taken the next one: it counts from now on, whatever becomes of the disk. */
  promote(): void {
    if (this.#next === null) return;
    this.#present = this.#next;
    this.#next = null;
    this.#unsaved = true;
  }

  /** Brings the disk to what counts. @throws where it cannot: until then there is no other next one */
  settle(): void {
    if (!this.#unsaved) return;
    this.#files.rename(NEXT, PRESENT);
    this.#unsaved = false;
  }
}

async function hashed(token: string): Promise<Credential> {
  return { token, sha256: await hashToken(token) };
}

/** A secret of this machine alone (gateway, local API): made once, kept 0600. On a full disk it serves until a restart. */
export function loadLocalSecret(path: string, random: (bytes: number) => Uint8Array): string {
  const kept = readText(path);
  if (kept !== null) return kept;
  const made = toHex(random(32));
  try {
    writeDurably(path, made);
  } catch {
    // Whoever reads the file finds none, which is all that is lost.
  }
  return made;
}

export function isRegistered(state_dir: string): boolean {
  return existsSync(join(state_dir, "registered"));
}

/** The marker first: it tells the bootstrap that the token is spent. @throws where the disk takes no writes */
export function markRegistered(state_dir: string, registration_token_file: string): void {
  if (!isRegistered(state_dir)) writeDurably(join(state_dir, "registered"), "registered\n");
  if (existsSync(registration_token_file)) rmSync(registration_token_file);
}
