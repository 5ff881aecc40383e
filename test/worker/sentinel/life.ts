/** Whole lives of bots, told with secrets in every place that takes text, and in some that take none. */
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { agentOf, type TestAgent } from "../agent.ts";
import { botRequest, eventually, newAccount, type simulateCloud, untilBot } from "../cloud.ts";
import type { Sentinels } from "./sentinels.ts";
import { inObjects, type Witness } from "./stores.ts";

export interface Life {
  cloud: ReturnType<typeof simulateCloud>;
  planted: Sentinels;
  witness: Witness;
}

/** Refused at the door: each kind of secret as each kind of credential, in paths, queries and cookies. */
export async function knock({ planted, witness }: Life): Promise<void> {
  for (const [kind, secret] of planted.each("a credential")) {
    const header = secret.replaceAll(/\s/g, " ");
    const authorization = /^\w+ \S+$/.test(header) ? header : `Bearer ${header}`;
    const encoded = encodeURIComponent(secret);
    for (const path of ["/bots", "/accounts/1", `/bot/${crypto.randomUUID()}/config`]) {
      const headers = { authorization, cookie: header };
      await witness.ask("GET", `${path}?key=${encoded}&${kind}=${encoded}`, { token: null, headers });
    }
    await witness.ask("GET", `/bots/${encoded}`, { headers: { "x-api-key": header } });
    await witness.ask("GET", `/${encoded}`);
    await witness.ask("GET", `/bots?cursor=${encoded}&status=${encoded}`);
  }
}

/** What a gateway might say that quotes what it was sent. */
function quoting(init: RequestInit | undefined, words: string): string {
  const authorization = new Headers(init?.headers).get("authorization") ?? "";
  return `${words.slice(0, 400)} Authorization: ${authorization} ${String(init?.body ?? "")} ${words}`;
}

/** Bots whose creates fail in every way that quotes something. @returns their ids; the last one has given up */
export async function failToBeBorn({ cloud, planted, witness }: Life, llm_api_key: string): Promise<string[]> {
  const words = planted.text("what DigitalOcean says");
  const answers: ((init: RequestInit) => Response | Promise<Response>)[] = [
    () => Promise.reject(new TypeError(`fetch failed: ${words}`)),
    () => new Response(`<html>${words}</html>`, { status: 502, headers: { "content-type": "text/html" } }),
    (init) => Response.json({ id: "server_error", message: quoting(init, words) }, { status: 500 }),
    (init) => Response.json({ droplet: { id: "no number", name: quoting(init, words) } }, { status: 202 }),
    ...planted.each("what DigitalOcean says").map(
      ([, secret]) =>
        (init: RequestInit) =>
          Response.json({ id: "unprocessable_entity", message: quoting(init, secret) }, { status: 422 }),
    ),
  ];
  const fetched = vi.mocked(globalThis.fetch);
  const ids: string[] = [];
  for (const answer of answers) {
    fetched.mockImplementation(async (input, init) =>
      String(input).endsWith("/account")
        ? cloud.fetch(input as Request, init as RequestInit)
        : answer(init as RequestInit),
    );
    ids.push(await failOnce({ planted, witness }, llm_api_key));
  }
  fetched.mockImplementation((input, init) => cloud.fetch(input as Request, init as RequestInit));
  await untilBot(ids.at(-1) ?? "", { status: "error" });
  return ids;
}

async function failOnce({ planted, witness }: Omit<Life, "cloud">, llm_api_key: string): Promise<string> {
  const name = `Owl ${planted.short("a name")}`;
  const { json } = await witness.ask("POST", "/bots", {
    body: botRequest(await newAccount(), { llm_api_key, name }),
    headers: { cookie: `session=${planted.plain("a cookie")}`, "idempotency-key": planted.short("an Idempotency-Key") },
  });
  await eventually(async () => {
    const { text } = await witness.ask("GET", `/bots/${json.id}/events?limit=1000`);
    if (!/intent_unanswered|intent_refused/.test(text)) throw new Error(`it has not failed yet: ${text}`);
  });
  return json.id;
}

/** Registers the bot's agent, which says everything that it may say. */
export async function agentSpeaks({ cloud, planted, witness }: Life, id: string, key: string): Promise<TestAgent> {
  const agent = await agentOf(cloud, id);
  const stages = ["started", "firewall", "packages", "node", "user", "agent", "pnpm", "openclaw"];
  const details = planted.each("a stage's detail");
  for (const [index, [, secret]] of details.entries()) {
    witness.hear(await agent.stage(stages[index % stages.length] ?? "", { detail: `it says ${secret}`.slice(0, 500) }));
  }
  witness.hear(await agent.register({ agent_version: planted.short("the agent's version at its registration") }));
  const handed = await agent.config();
  if (handed.json.secrets.llm_api_key !== key) throw new Error("the one reply that carries the key does not");
  witness.hear(await agent.acknowledge(handed.json.id));
  for (const [, secret] of planted.each("a command's output")) await commandEnds({ planted, witness }, agent, secret);
  await channelSpeaks({ planted, witness }, agent);
  return agent;
}

async function commandEnds({ planted, witness }: Omit<Life, "cloud">, agent: TestAgent, secret: string) {
  const asked = await witness.ask("POST", `/bots/${agent.bot_id}/commands`, { body: { kind: "collect_logs" } });
  const { id } = asked.json.command;
  const told = {
    agent_version: planted.short("the agent's version"),
    workload: { state: "running", version: planted.short("the workload's version"), restarts: 0 },
    command_results: [{ id, ok: true, detail: `said ${secret}`.slice(0, 500), output: `one\n${secret}\nthree` }],
  };
  witness.hear(await agent.heartbeat(told));
  await witness.ask("GET", `/bots/${agent.bot_id}/commands/${id}`);
}

async function channelSpeaks({ planted, witness }: Omit<Life, "cloud">, agent: TestAgent): Promise<void> {
  const { channel } = await agent.connect();
  const { droplet_id, boot_id } = agent;
  channel?.status({ droplet_id, boot_id, agent_version: planted.short("the agent's version, over the channel") });
  witness.frame(JSON.stringify(await channel?.orders()));
  channel?.say(planted.text("an invalid frame"));
  witness.frame(JSON.stringify(await channel?.untilClosed()));
}

/** People put secrets where they belong, and where they do not. */
export async function peopleWrite({ planted, witness }: Life, agent: TestAgent, llm_api_key: string): Promise<void> {
  const bot = `/bots/${agent.bot_id}`;
  const headers = { "if-match": `"${planted.short("If-Match")}"` };
  await witness.ask("PATCH", `${bot}/config`, { body: { llm_api_key, note: planted.short("a note") }, headers });
  for (const [, secret] of planted.each("a note")) {
    await witness.ask("PATCH", `${bot}/config`, { body: { llm_api_key, note: `now ${secret}`.slice(0, 500) } });
  }
  const reason = planted.text("an acknowledgement's reason").slice(0, 500);
  const { id } = (await witness.ask("GET", `${bot}/config`)).json;
  witness.hear(await agent.acknowledge(id, { result: "failed", reason }));
  for (const [, secret] of planted.each("a name")) {
    await witness.ask("PATCH", bot, { body: { name: `Owl ${secret}`.slice(0, 256) } });
  }
  for (const [, secret] of planted.each("a reason")) {
    const body = { reason: `says ${secret}`.replaceAll("\n", " ").slice(0, 200) };
    await witness.ask("POST", `/operator${bot}/suspend`, { body });
    await witness.ask("POST", `/operator${bot}/unsuspend`);
  }
  await wrongFields({ planted, witness }, bot, llm_api_key);
}

async function wrongFields({ planted, witness }: Omit<Life, "cloud">, bot: string, key: string): Promise<void> {
  const pasted = planted.short("a field that is not for it");
  const bodies = [
    { llm_provider: pasted },
    { [pasted]: 1 },
    { llm_api_key: `${key} ` },
    { llm_api_key: key, strictness: pasted },
    { custom_assets: [pasted] },
    { signal_knobs: { [pasted]: pasted } },
    `{"llm_api_key": "${key}"`,
    `{"llm_api_key": "${key}", ${pasted}}`,
  ];
  for (const body of bodies) {
    await witness.ask("PATCH", `${bot}/config`, { body });
    await witness.ask("POST", "/bots", {
      body: typeof body === "string" ? body : botRequest(await newAccount(), body),
    });
  }
}

/** What cannot be delivered to the index, and why, is kept for later. @returns what the objects hold meanwhile */
export async function indexFails({ planted, witness }: Life, id: string, llm_api_key: string) {
  await env.DB.prepare("ALTER TABLE bot_configs RENAME TO away").run();
  await witness.ask("PATCH", `/bots/${id}/config`, {
    body: { llm_api_key, note: planted.short("a note, while D1 fails") },
  });
  const name = planted.short("a name, while D1 fails");
  const failed = [
    await witness.ask("GET", `/bots/${id}/configs`),
    await witness.ask("POST", "/bots", { body: botRequest(await newAccount(), { llm_api_key, name }) }),
  ];
  await eventually(async () => {
    const outbox = (await inObjects()).find(([store]) => store === "Bot outbox")?.[1] ?? "";
    if (!outbox.includes("Failed query")) throw new Error("nothing was tried yet");
  });
  const during = await inObjects();
  await env.DB.prepare("ALTER TABLE away RENAME TO bot_configs").run();
  return { failed, during };
}

/** Everything that management can read. */
export async function readAll({ witness }: Life, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    for (const path of ["", "/config", "/configs", "/operations", "/commands", "/events?limit=1000"]) {
      await witness.ask("GET", `/bots/${id}${path}`);
    }
  }
  for (const path of [
    "/bots?include_destroyed=true",
    "/accounts",
    "/operator/orphans",
    "/operator/gate",
    "/operator/operations",
  ]) {
    await witness.ask("GET", path);
  }
}
