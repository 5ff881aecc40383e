/** A droplet's agent as the Worker meets it: the token from its user-data, its own credential, its requests. */
import type { Simulator } from "../../simulator/model/simulator.ts";
import { formatToken, hashToken } from "../../src/wire/tokens.ts";
import { dropletsOf, eventually, newBot, request, untilBot, untilIdle } from "./cloud.ts";

export type TestAgent = Awaited<ReturnType<typeof agentOn>>;

/** The registration token that a droplet was born with. */
function registrationToken(userData: string | null | undefined): string {
  const token = /^REGISTRATION_TOKEN='(sp_reg_[0-9a-f_]+)'$/m.exec(userData ?? "")?.[1];
  if (token === undefined) throw new Error("the user-data carries no registration token");
  return token;
}

/** A credential of this bot that only the test knows. */
export async function newCredential(botId: string) {
  const credential = formatToken("agt", botId, crypto.getRandomValues(new Uint8Array(32)));
  return { credential, credential_sha256: await hashToken(credential) };
}

/** The agent on a bot's droplet. It has not registered yet. */
export async function agentOn(droplet: { id: number; user_data: string | null }, botId: string) {
  const { credential, credential_sha256 } = await newCredential(botId);
  const token = registrationToken(droplet.user_data);
  const identity = { droplet_id: droplet.id, boot_id: crypto.randomUUID() };
  return {
    ...identity,
    bot_id: botId,
    token,
    credential,
    credential_sha256,
    register: (changes: Record<string, unknown> = {}) =>
      request("POST", "/bot/register", { token, body: { bot_id: botId, credential_sha256, ...identity, ...changes } }),
    heartbeat: (changes: Record<string, unknown> = {}) =>
      request("POST", `/bot/${botId}/heartbeat`, {
        token: credential,
        body: { ...heartbeat, ...identity, ...changes },
      }),
    stage: (stage: string, changes: Record<string, unknown> = {}) =>
      request("POST", `/bot/${botId}/stage`, { token, body: { stage, ...identity, ...changes } }),
    config: (headers: Record<string, string> = {}) =>
      request("GET", `/bot/${botId}/config`, { token: credential, headers }),
    acknowledge: (config_id: string, changes: Record<string, unknown> = {}) =>
      request("POST", `/bot/${botId}/config_ack`, { token: credential, body: { config_id, ...changes } }),
  };
}

const heartbeat = {
  agent_version: "1.2.3",
  workload: { state: "running", version: "2026.11.1", restarts: 0 },
  applied_config_id: null,
  load: 0.5,
  mem: 0.4,
  disk: 0.3,
};

/** The agent on the droplet that the bot has now, once there is one and it is adopted. */
export async function agentOf(cloud: Simulator, botId: string): Promise<TestAgent> {
  const droplet = await eventually(async () => {
    const { json } = await request("GET", `/bots/${botId}`);
    const found = dropletsOf(cloud, botId).find(({ id }) => id === json.droplet_id);
    if (found === undefined || json.droplet.status !== "active") throw new Error("the bot has no active droplet yet");
    return found;
  });
  return agentOn(droplet, botId);
}

/** Registers the agent of the bot's present droplet and acknowledges the desired config. */
export async function bringOnline(cloud: Simulator, botId: string): Promise<TestAgent> {
  const agent = await agentOf(cloud, botId);
  const registered = await agent.register();
  if (registered.status !== 200) throw new Error(`not registered: ${registered.text}`);
  const config = await agent.config();
  const acknowledged = await agent.acknowledge(config.json.id);
  if (acknowledged.status !== 200) throw new Error(`not acknowledged: ${acknowledged.text}`);
  await untilBot(botId, { status: "online" });
  await untilIdle(botId);
  return agent;
}

/** A new bot, online. */
export async function onlineBot(cloud: Simulator, changes: Record<string, unknown> = {}) {
  const bot = await newBot(changes);
  return { bot, agent: await bringOnline(cloud, bot.id) };
}
