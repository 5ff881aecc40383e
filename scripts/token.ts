/** Makes an operator's token: the token for whoever calls the API, its SHA-256 for the Worker's secret. */
import { randomBytes, randomUUID } from "node:crypto";
import { formatToken, hashToken } from "../src/wire/tokens.ts";

const token = formatToken("op", randomUUID(), randomBytes(32));
console.log(`Keep this where your back end keeps its secrets; it is shown once:\n  ${token}\n`);
console.log(`Give this to the Worker (wrangler secret put OPERATOR_TOKEN_SHA256):\n  ${await hashToken(token)}`);
