/** Settings of the tests: nothing here opens anything outside of them. */
import { createHash } from "node:crypto";
import { formatToken } from "../src/wire/tokens.ts";

export const operatorToken = formatToken("op", "00000000-0000-4000-8000-000000000001", new Uint8Array(32).fill(7));

export const testSecrets = {
  ENVIRONMENT: "development",
  PUBLIC_URL: "http://spawnpoint.test",
  DIGITALOCEAN_API_URL: "http://digitalocean.test",
  DIGITALOCEAN_TOKEN: "dop_v1_simulator",
  ENCRYPTION_KEYS: `test:${Buffer.from(createHash("sha256").update("test").digest()).toString("base64")}`,
  OPERATOR_TOKEN_SHA256: createHash("sha256").update(operatorToken).digest("hex"),
};
