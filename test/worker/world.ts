/** What the operations of the API are shown on. */
import type { Simulator } from "../../simulator/model/simulator.ts";
import { bringOnline, type TestAgent } from "./agent.ts";
import { newBot, request } from "./cloud.ts";
import { as, newPerson, signIn, type TestPerson } from "./people.ts";

export interface World {
  account: string;
  bot: string;
  agent: TestAgent;
  /** The account's owner. */
  owner: TestPerson;
  /** Things of the account that are only known once they were made. */
  made: { config: string; operation: string; command: string; key: string; invitation: string; session: string };
}
/** An account with its owner, a bot online, and one of each thing that a path may name. */
export async function newWorld(cloud: Simulator): Promise<World> {
  const owner = await newPerson();
  const account = owner.user_id;
  await request("PATCH", `/accounts/${account}`, { body: { tier: "pro" } });
  const bot = await newBot({ account_id: account });
  const agent = await bringOnline(cloud, bot.id);
  const made = {
    config: bot.desired_config_version_id,
    operation: bot.operation.id,
    command: "",
    key: "",
    invitation: "",
    session: "",
  };
  const world = { account, bot: bot.id, agent, owner, made };
  await remake(world);
  return world;
}

/** Anew what an operation may have used up. */
export async function remake(world: World): Promise<void> {
  const { account, bot, owner, made } = world;
  const create = async (path: string, body: unknown) => {
    const answer = await as(owner, "POST", path, body);
    if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`);
    return answer.json;
  };
  made.command = (await create(`/bots/${bot}/commands`, { kind: "collect_logs" })).command.id;
  made.key = (await create("/keys", { name: "spare", scopes: ["bots:read"] })).id;
  made.invitation = (
    await create(`/accounts/${account}/invitations`, { email: `${crypto.randomUUID()}@people.test`, role: "viewer" })
  ).id;
  const other = await signIn(owner.email);
  made.session = (await as(other, "GET", "/auth/session")).json.session_id;
}
