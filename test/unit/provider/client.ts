import { type ClientOptions, type CreateDroplet, DigitalOcean } from "../../../src/provider/digitalocean.ts";

export const TOKEN = "dop_v1_0123456789abcdef0123456789abcdef";
const BASE_URL = "https://api.digitalocean.com";
export const NOW = Date.UTC(2026, 10, 20, 12);

export const ORDER: CreateDroplet = {
  name: "sp-00c0ffee-0d5f6a3e6c0b4f0e9d3a7f1f0c1b2a3d-g1",
  region: "nyc3",
  size: "s-1vcpu-2gb",
  image: "ubuntu-22-04-x64",
  ssh_keys: [289794],
  tags: ["spawnpoint-00c0ffee", "bot-0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d", "gen-1"],
  user_data: "#!/bin/bash\necho confidential\n",
};

interface Sent {
  method: string;
  url: URL;
  init: RequestInit;
  headers: Headers;
  body: unknown;
}

/** A client whose requests are kept and answered by the function given. */
export function clientWith(answer: (sent: Sent) => Response | Promise<Response>, more: Partial<ClientOptions> = {}) {
  const sent: Sent[] = [];
  const client = new DigitalOcean({
    base_url: BASE_URL,
    token: TOKEN,
    timeout_ms: 30_000,
    now: () => NOW,
    fetch: async (input, init) => {
      const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : undefined;
      const request = {
        method: init.method ?? "GET",
        url: new URL(input),
        init,
        headers: new Headers(init.headers),
        body,
      };
      sent.push(request);
      return answer(request);
    },
    ...more,
  });
  return { client, sent };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
}

export function droplet(more: Record<string, unknown> = {}) {
  const networks = {
    v4: [
      { ip_address: "10.1.2.3", netmask: "255.255.0.0", gateway: "nil", type: "private" },
      { ip_address: "203.0.113.7", netmask: "255.255.240.0", gateway: "203.0.113.1", type: "public" },
    ],
    v6: [],
  };
  return { id: 3164444, name: ORDER.name, status: "active", tags: ORDER.tags, networks, memory: 2048, ...more };
}

export function page(droplets: unknown[], next?: string) {
  return json(200, { droplets, links: next ? { pages: { next } } : {}, meta: { total: droplets.length } });
}
