/** Makes an operator's token: the token for whoever calls the API, its SHA-256 for the Worker's secret. */
import { randomBytes, randomUUID } from "node:crypto";
import { formatToken, hashToken } from "../src/wire/tokens.ts";

const token = formatToken("op", randomUUID(), randomBytes(32));
console.log(`Operator token. Store it with your back end's secrets; it is shown only once:\n  ${token}\n`);
console.log(`Its SHA-256, for the Worker (wrangler secret put OPERATOR_TOKEN_SHA256):\n  ${await hashToken(token)}`);
