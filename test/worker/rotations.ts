/** What an operator does and sees of a rotation, and the bots of it. */
import { sealContext } from "../../src/secrets/sealed.ts";
import { openVault, parseKeyring } from "../../src/secrets/vault.ts";
import { configRow } from "../fixtures/bot.ts";
import type { TestAgent } from "./agent.ts";
import { request } from "./cloud.ts";
import { RINGS } from "./keys.ts";

export const ROTATE = "/operator/keys/rotate";

export async function status() {
  return (await request("GET", ROTATE)).json;
}

/** Asks until it is done, as an operator does who cannot wait for the cron. */
export async function rotate() {
  for (let asked = 0; asked < 20; asked++) {
    const { json, text, status: answered } = await request("POST", ROTATE, { body: {} });
    if (answered !== 202) throw new Error(text);
    if (json.state === "done") return json;
  }
  throw new Error("the rotation comes to no end");
}

export function keyOf(rotation: { keys: { id: string; removable?: boolean }[] }, id: string) {
  return rotation.keys.find((key) => key.id === id);
}

export function patch(id: string, body: Record<string, unknown>) {
  return request("PATCH", `/bots/${id}/config`, { body });
}

export async function keyOfAgent(agent: TestAgent): Promise<string> {
  const { status: answered, json, text } = await agent.config();
  if (answered !== 200) throw new Error(text);
  return json.secrets.llm_api_key;
}

/** What a Worker with the old key first has sealed, on its way to the database. */
export async function lateRow(bot_id: string, version: number) {
  const vault = openVault(parseKeyring(RINGS.old), (count) => crypto.getRandomValues(new Uint8Array(count)));
  const llm_api_key = await vault.seal("late", sealContext(bot_id, version, "llm_api_key"));
  return configRow({ id: crypto.randomUUID(), bot_id, version, llm_api_key });
}
