import { env } from "cloudflare:workers";
import { app } from "../../src/api/app.ts";
import { parse } from "./cloud.ts";
import { BASE } from "./document.ts";

/** The Worker with other settings than the tests' own: its objects keep theirs. */
export function workerWith(settings: Record<string, string>) {
  const bindings = { ...env, ...settings };
  return async (method: string, path: string, options: { token?: string; body?: unknown; address?: string } = {}) => {
    const { token, body, address = crypto.randomUUID() } = options;
    const headers = {
      "cf-connecting-ip": address,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
    const request = new Request(BASE + path, { method, headers, ...sent });
    const response = await app.fetch(request, bindings, context as never);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parse(text) };
  };
}

/** Settings that a production would start with. */
export const PRODUCTION = {
  ENVIRONMENT: "production",
  PUBLIC_URL: "https://bots.acme.test",
  DIGITALOCEAN_API_URL: "https://api.digitalocean.com",
  DIGITALOCEAN_TOKEN: `dop_v1_${"5".repeat(64)}`,
  SIGN_UP: "closed",
};
