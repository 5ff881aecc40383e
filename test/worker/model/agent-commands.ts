/** What the agents on a bot's droplets do: the present one and those that ought to be gone. */
import fc from "fast-check";
import { expect } from "vitest";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import { newCredential } from "../agent.ts";
import type { KnownAgent, KnownBot } from "./known.ts";
import { look, type News } from "./look.ts";
import { botCommand, type Command, command, type Model, NOTHING, often, refused } from "./model.ts";
import type { Reply, World } from "./world.ts";

/** A droplet number that DigitalOcean never gave to anybody. */
const NOBODYS_DROPLET = 1;

/** What an agent that is not the accepted one is told. */
function turnedAway(reply: Reply, standing: "revoked" | "unknown"): News {
  return refused(reply, 401, standing === "revoked" ? "credential_revoked" : "invalid_credential");
}

function fromAgent(bot: KnownBot, events: string[], perhaps: string[] = []): News {
  return { bot, events, perhaps, by_agent: true };
}

/** Another droplet is told off; the history says so once, and the droplet may be looked at. */
function wrongDroplet(bot: KnownBot, reply: Reply): News {
  return { ...refused(reply, 403, "wrong_droplet"), ...fromAgent(bot, [], ["agent_refused", "registration_claimed"]) };
}

type Registration = "its own" | "another credential" | "another droplet";

async function register(world: World, bot: KnownBot, agent: KnownAgent, how: Registration): Promise<News> {
  const { credential_sha256 } = how === "another credential" ? await newCredential(bot.id) : agent;
  const droplet_id = how === "another droplet" ? NOBODYS_DROPLET : agent.droplet_id;
  const reply = await agent.register({ boot_id: agent.present_boot, droplet_id, credential_sha256 });
  const token = bot.tokenOf(agent, world.time.now, defaultPolicy.registration_token_ttl_ms);
  if (token === "dead") return refused(reply, 401, "invalid_credential");
  if (bot.bound) {
    if (droplet_id !== bot.bound.droplet_id) return wrongDroplet(bot, reply);
    if (credential_sha256 !== bot.bound.credential_sha256) {
      return { ...refused(reply, 409, "credential_conflict"), ...fromAgent(bot, [], ["agent_refused"]) };
    }
    expect(reply.status, reply.text).toBe(200);
    return NOTHING;
  }
  if (token === "used") return refused(reply, 401, "invalid_credential");
  if (bot.view.droplet_id === null) {
    return { ...refused(reply, 503, "registration_pending"), ...fromAgent(bot, [], ["registration_claimed"]) };
  }
  if (bot.view.droplet_id !== droplet_id) return wrongDroplet(bot, reply);
  expect(reply.status, reply.text).toBe(200);
  // With a credential that nobody here has, the bot is bound to an agent that never says a word.
  const bound = how === "another credential" ? { ...agent, credential_sha256, lives: false } : agent;
  bound.has_registered = true;
  bot.bound = bound;
  return fromAgent(bot, ["agent_registered"]);
}

/** One heartbeat, and what it must be answered. */
export async function beat(bot: KnownBot, agent: KnownAgent, droplet_id = agent.droplet_id): Promise<News> {
  const reply = await agent.heartbeat({ boot_id: agent.present_boot, droplet_id });
  const standing = bot.standing(agent);
  // A revoked credential that comes from where the bot has no droplet is told of, once.
  if (standing === "revoked") return { ...turnedAway(reply, standing), ...fromAgent(bot, [], ["agent_refused"]) };
  if (standing === "unknown") return turnedAway(reply, standing);
  if (droplet_id !== agent.droplet_id) return wrongDroplet(bot, reply);
  const rebooted = bot.view.agent?.boot_id !== agent.present_boot;
  const { presence } = bot.told;
  const heard = presence !== "heard" && !bot.stopping;
  // Whoever may only be started by a person is held after a restart that nobody asked for.
  const by_itself = bot.view.policies.start ?? (bot.desired.shown.trading_config.paper_mode ? "auto" : "manual");
  const unasked = !bot.running && !bot.told.suspended && by_itself === "manual";
  const held = bot.told.start_held || (rebooted && unasked);
  bot.told = { ...bot.told, start_held: held };
  expect(reply.status, reply.text).toBe(200);
  expect(reply.json).toEqual({
    status: "ok",
    generation: bot.view.generation,
    desired_config_id: bot.desired.shown.id,
    workload: bot.order,
    commands: [],
  });
  return fromAgent(bot, [...(rebooted ? ["agent_booted"] : []), ...(heard ? ["agent_heard"] : [])]);
}

type Acked = "the desired" | "an older" | "an unknown";

async function acknowledge(
  bot: KnownBot,
  agent: KnownAgent,
  which: Acked,
  result: "applied" | "failed",
): Promise<News> {
  const number = which === "an older" ? Math.max(1, bot.versions.length - 1) : bot.versions.length;
  const id = which === "an unknown" ? crypto.randomUUID() : bot.version(number).shown.id;
  const reply = await agent.acknowledge(id, { result });
  const standing = bot.standing(agent);
  // Not 401, after which it would ask again.
  if (standing === "revoked") return refused(reply, 409, "generation_over");
  if (standing === "unknown") return turnedAway(reply, standing);
  if (which === "an unknown") return refused(reply, 404, "config_not_found");
  expect(reply.status, reply.text).toBe(200);
  expect(reply.json).toEqual({ status: "acknowledged", desired_config_id: bot.desired.shown.id });
  const { desired, applied, effective, last_good, failed } = bot.told.config;
  if (result === "failed") {
    const late = number <= (failed ?? 0) || number < (applied ?? 0);
    return late ? NOTHING : fromAgent(bot, ["config_failed"]);
  }
  if (number !== desired) return effective === number ? NOTHING : fromAgent(bot, ["config_effective"]);
  const known = [applied, effective, last_good].every((version) => version === number) && failed !== number;
  return known ? NOTHING : fromAgent(bot, ["config_applied"]);
}

/** The desired config, its secret in plain text, for the accepted agent of a bot that may run. */
async function fetchConfig(bot: KnownBot, agent: KnownAgent, known: boolean): Promise<News> {
  const reply = await agent.config(known ? { "if-none-match": bot.etag } : {});
  const standing = bot.standing(agent);
  if (standing !== "accepted") return turnedAway(reply, standing);
  if (bot.fenced) return refused(reply, 409, "config_fenced");
  expect([reply.status, reply.headers.get("etag")], reply.text).toEqual([known ? 304 : 200, bot.etag]);
  const news = fromAgent(bot, bot.told.config.delivered ? [] : ["config_delivered"]);
  if (known) return news;
  const { shown, ...secrets } = bot.desired;
  const { author, effective_llm_model: llm_model, ...version } = shown;
  expect(reply.json).toEqual({
    ...version,
    llm_model,
    secrets: { llm_provider: shown.secrets.llm_provider, ...secrets },
  });
  return news;
}

/** The agent of the present droplet does all that it takes to be online; each step is looked at. */
export async function comeUp(model: Model, world: World, bot: KnownBot): Promise<void> {
  const agent = bot.agents.find(({ droplet_id }) => droplet_id === bot.view.droplet_id);
  if (agent === undefined || !world.cloud.droplet(agent.droplet_id)?.powered) return;
  agent.lives = true;
  if (bot.bound === null) await look(model, world, await register(world, bot, agent, "its own"));
  if (bot.bound !== agent) return;
  await look(model, world, await beat(bot, agent));
  if (bot.fenced) return;
  await look(model, world, await fetchConfig(bot, agent, false));
  await look(model, world, await acknowledge(bot, agent, "the desired", "applied"));
}

const whose = fc.tuple(fc.nat({ max: 3 }), fc.oneof(fc.constant(0), fc.constant(0), fc.nat({ max: 3 })));

/** A command of one of the bot's agents, 0 being the newest; without any droplet there is nobody to give it. */
function agentCommand(
  name: string,
  [pick, back]: [number, number],
  ask: (world: World, bot: KnownBot, agent: KnownAgent) => Promise<News>,
): Command {
  return botCommand(`${name} by agent ${-back}`, pick, async (_model, world, bot) => {
    const agent = bot.agents.at(-1 - (back % Math.max(1, bot.agents.length)));
    return agent === undefined ? NOTHING : ask(world, bot, agent);
  });
}

export const agentCommands: fc.Arbitrary<Command>[] = [
  ...often(
    4,
    fc.nat({ max: 3 }).map((pick) =>
      command(`comeUp of #${pick}`, async (model, world) => {
        if (model.bots.length > 0) await comeUp(model, world, model.bot(pick));
      }),
    ),
  ),
  ...often(
    2,
    fc
      .tuple(whose, fc.constantFrom<Registration>("its own", "its own", "another credential", "another droplet"))
      .map(([who, how]) =>
        agentCommand(`register(${how})`, who, (world, bot, agent) => register(world, bot, agent, how)),
      ),
  ),
  ...often(
    2,
    fc.tuple(whose, fc.constantFrom("as before", "after a reboot", "from another droplet")).map(([who, how]) =>
      agentCommand(`beat(${how})`, who, (_world, bot, agent) => {
        if (how === "after a reboot") agent.present_boot = crypto.randomUUID();
        return beat(bot, agent, how === "from another droplet" ? NOBODYS_DROPLET : agent.droplet_id);
      }),
    ),
  ),
  ...often(
    2,
    fc
      .tuple(
        whose,
        fc.constantFrom<Acked>("the desired", "an older", "an unknown"),
        fc.constantFrom("applied", "failed"),
      )
      .map(([who, which, result]) =>
        agentCommand(`acknowledge(${which}, ${result})`, who, (_world, bot, agent) =>
          acknowledge(bot, agent, which, result as "applied" | "failed"),
        ),
      ),
  ),
  fc
    .tuple(whose, fc.boolean())
    .map(([who, known]) =>
      agentCommand(`fetchConfig(${known ? "If-None-Match" : ""})`, who, (_world, bot, agent) =>
        fetchConfig(bot, agent, known),
      ),
    ),
];
