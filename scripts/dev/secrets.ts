/** Secrets of a local system: made once, kept with its state, good for nothing else. */
import { randomBytes, randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { formatToken } from "../../src/wire/tokens.ts";

const LocalSecrets = z.object({
  admin_token: z.string(),
  encryption_keys: z.string(),
  digitalocean_token: z.string(),
  /** A state of before people could sign in has none: it is given one. */
  session_secret: z.string().default(newSessionSecret),
});
export type LocalSecrets = z.infer<typeof LocalSecrets>;

/** @throws a sentence where the file is there but cannot be used: making new keys would lose what the old ones sealed */
export async function localSecrets(stateDir: string): Promise<LocalSecrets> {
  const path = join(stateDir, "secrets.json");
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (text !== null) {
    const parsed = LocalSecrets.safeParse(parse(text));
    if (parsed.success) {
      await keep(path, parsed.data);
      return parsed.data;
    }
    throw new Error(`${path} cannot be read. Restore it, or remove the whole state directory to begin anew.`);
  }
  const secrets: LocalSecrets = {
    admin_token: formatToken("op", randomUUID(), randomBytes(32)),
    encryption_keys: `local:${randomBytes(32).toString("base64")}`,
    session_secret: newSessionSecret(),
    digitalocean_token: `dop_v1_simulator_${randomBytes(16).toString("hex")}`,
  };
  await keep(path, secrets);
  return secrets;
}

function newSessionSecret(): string {
  return `local-${randomBytes(32).toString("base64")}`;
}

function keep(path: string, secrets: LocalSecrets): Promise<void> {
  return writeFile(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
