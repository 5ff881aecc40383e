/** What a thief of a bot's tokens can try, and what a person sees of it. */
import { connectChannel, newCredential, type TestAgent } from "./agent.ts";
import { request } from "./cloud.ts";

const SECRET = "kraken-secret-that-a-thief-would-like";
export const rich = { environment: { KRAKEN_SECRET: SECRET } };

export async function show(botId: string) {
  return (await request("GET", `/bots/${botId}`)).json;
}

export async function eventsOf(botId: string, kind: string) {
  const { json } = await request("GET", `/bots/${botId}/events?limit=1000`);
  return json.data.filter((event: { kind: string }) => event.kind === kind);
}

/** Who has the agent's registration token, and would have a credential of its own accepted. */
export async function thiefOf(agent: TestAgent, droplet_id = agent.droplet_id) {
  const { credential, credential_sha256 } = await newCredential(agent.bot_id);
  const identity = { droplet_id, boot_id: crypto.randomUUID() };
  return { credential, droplet_id, register: () => agent.register({ credential_sha256, ...identity }) };
}

/** Everything that an agent may ask for, with this token and from this droplet: each answer's status and code. */
export async function everyDoor(botId: string, token: string, droplet_id: number) {
  const identity = { droplet_id, boot_id: "a-thief" };
  const beat = {
    agent_version: "1",
    workload: { state: "running", version: null, restarts: 0 },
    applied_config_id: null,
  };
  const numbers = { load: null, mem: null, disk: null };
  const post = (path: string, body: unknown) => request("POST", `/bot/${botId}/${path}`, { token, body });
  const answers = {
    config: await request("GET", `/bot/${botId}/config?droplet_id=${droplet_id}`, { token }),
    heartbeat: await post("heartbeat", { ...beat, ...numbers, ...identity }),
    credential: await post("credential", { credential_sha256: "f".repeat(64), ...identity }),
  };
  const { status, problem } = await connectChannel(botId, token, identity);
  const said = Object.values(answers).map((answer) => answer.text);
  if (said.join().includes(SECRET)) throw new Error("a secret was given away");
  const doors = Object.entries(answers).map(([door, answer]) => [door, `${answer.status} ${answer.json?.code}`]);
  return Object.fromEntries([...doors, ["channel", `${status} ${(problem as { code?: string } | null)?.code}`]]);
}

export function everyDoorSays(said: string) {
  return { config: said, heartbeat: said, credential: said, channel: said };
}
