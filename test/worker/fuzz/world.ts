/** The world that is fuzzed: bots in several states, whose alarms are taken away so that only requests change anything. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { encodeCursor } from "../../../src/db/pages.ts";
import { agentRelease } from "../../../src/provider/release.ts";
import { KEY_SCOPES } from "../../../src/wire/access.ts";
import { onlineBot, type TestAgent } from "../agent.ts";
import { act, request, simulateCloud, untilBot } from "../cloud.ts";
import { as, newPerson, PASSWORD, signIn, type TestPerson } from "../people.ts";
import { operatorToken } from "../settings.ts";
import { bearer } from "./credentials.ts";
import { freeze } from "./fingerprint.ts";
import type { Stock } from "./requests.ts";
import type { Resolve } from "./values.ts";

const UNKNOWN = ["00000000-0000-4000-8000-00000000f001", "00000000-0000-4000-8000-00000000f002"];

/** A bot with its agent, and what of it can be named. */
interface Inhabitant {
  bot: string;
  agent: TestAgent;
  config: string;
  operation: string;
  command: string;
}

/** A person with an account that may have bots. */
async function newOwner(): Promise<TestPerson> {
  const person = await newPerson();
  await request("PATCH", `/accounts/${person.user_id}`, { body: { tier: "pro" } });
  return person;
}

export class World {
  readonly #resolve: Resolve;
  readonly #cloud = simulateCloud();
  #owner: TestPerson | null = null;
  #keys: { id: string; token: string }[] = [];
  #invitation = "";
  #others: string[] = [];
  #quiet: Inhabitant | null = null;
  #busy: Inhabitant | null = null;

  constructor(resolve: Resolve) {
    this.#resolve = resolve;
  }

  async found(): Promise<void> {
    this.#owner = await newOwner();
    const [paused, destroyed] = await Promise.all([onlineBot(this.#cloud), onlineBot(this.#cloud)]);
    await Promise.all([act(paused.bot.id, "pause"), act(destroyed.bot.id, "destroy")]);
    await Promise.all([
      untilBot(paused.bot.id, { status: "paused" }),
      untilBot(destroyed.bot.id, { status: "destroyed" }),
    ]);
    this.#others = [paused.bot.id, destroyed.bot.id];
    [this.#quiet, this.#busy] = await Promise.all([this.#inhabitant(), this.#inhabitant()]);
    await freeze();
  }

  get #account(): string {
    return this.#owner?.user_id ?? "";
  }

  /** A person is signed in, with keys and somebody invited. */
  async #people(): Promise<void> {
    const owner = this.#owner;
    if (owner === null) throw new Error("the world was not founded");
    const held = await as(owner, "GET", "/auth/session");
    // Who has changed their password is gone for good.
    if (held.status !== 200) this.#owner = await signIn(owner.email).catch(() => newOwner());
    if (this.#owner?.user_id !== owner.user_id) this.#keys = [];
    this.#keys = await Promise.all([this.#key(this.#keys[0]), this.#key(this.#keys[1])]);
    const path = `/accounts/${this.#account}/invitations`;
    const body = { email: `${crypto.randomUUID()}@people.test`, role: "viewer" };
    this.#invitation = (await request("POST", path, { body })).json.id ?? this.#invitation;
  }

  /** Used once, so that its next use is nothing to note. */
  async #key(present: { id: string; token: string } | undefined) {
    const holds = present && (await request("GET", "/bots", { token: present.token })).status === 200;
    if (holds) return present;
    const body = { name: "fuzz", scopes: KEY_SCOPES, account_id: this.#account };
    const { id, token } = (await request("POST", "/operator/api-keys", { body })).json;
    await request("GET", "/bots", { token });
    return { id, token };
  }

  /** Puts a new bot where one can no longer be spoken to. */
  async mend(): Promise<void> {
    await this.#people();
    // Those that were frozen while they were being made hold their places for ten minutes.
    await runInDurableObject(env.GATE.getByName("digitalocean"), (_gate, { storage }) => {
      storage.sql.exec("DELETE FROM create_lease");
    });
    if (!(await this.#lives(this.#quiet))) this.#quiet = await this.#inhabitant();
    if (!(await this.#lives(this.#busy))) this.#busy = await this.#inhabitant();
    await freeze();
  }

  async #lives(inhabitant: Inhabitant | null): Promise<boolean> {
    if (inhabitant === null) return false;
    const beat = await inhabitant.agent.heartbeat();
    return beat.status === 200 && beat.json.workload !== "stop";
  }

  async #inhabitant(): Promise<Inhabitant> {
    const { bot, agent } = await onlineBot(this.#cloud);
    const asked = await request("POST", `/bots/${bot.id}/commands`, { body: { kind: "collect_logs" } });
    return {
      bot: bot.id,
      agent,
      config: bot.desired_config_version_id,
      operation: bot.operation.id,
      command: asked.json.command.id,
    };
  }

  /** @param about whom requests are mostly about: those that are to change nothing and those that may do so */
  stock(about: "quiet" | "busy"): Stock {
    const one = about === "quiet" ? this.#quiet : this.#busy;
    if (one === null) throw new Error("the world was not founded");
    const { bot, agent, config, operation, command } = one;
    const other = about === "quiet" ? this.#busy : this.#quiet;
    const bots = [
      ...Array(6).fill(bot),
      ...(about === "quiet" ? [other?.bot ?? bot] : []),
      ...this.#others,
      ...UNKNOWN,
    ];
    return {
      resolve: this.#resolve,
      ids: {
        bots,
        bot: [...Array(8).fill(bot), this.#others[0] ?? bot, UNKNOWN[0] ?? bot],
        accounts: [this.#account, this.#account, UNKNOWN[0] ?? ""],
        operations: [operation, UNKNOWN[0] ?? ""],
        commands: [command, UNKNOWN[0] ?? ""],
        keys: [this.#keys[1]?.id ?? "", UNKNOWN[0] ?? ""],
        "api-keys": [this.#keys[1]?.id ?? "", UNKNOWN[0] ?? ""],
        sessions: [UNKNOWN[0] ?? ""],
        members: [this.#account, UNKNOWN[0] ?? ""],
        invitations: [this.#invitation, UNKNOWN[0] ?? ""],
        agent: [agentRelease.url.split("/").at(-1) ?? "", `${"0".repeat(64)}.mjs`],
      },
      seeds: {
        account_id: [this.#account, this.#account, UNKNOWN[0]],
        bot_id: [bot],
        droplet_id: [agent.droplet_id],
        boot_id: [agent.boot_id],
        credential_sha256: [agent.credential_sha256],
        config_id: [config],
        applied_config_id: [config, null],
        from: [1],
        to: [1],
        to_version: [1, 2],
        id: [command],
        cursor: [encodeCursor({ at: Date.now(), id: bot }), `index:${bot}`, null],
        email: [this.#owner?.email, "nobody@people.test"],
        password: [PASSWORD],
        current_password: [PASSWORD, "not the password"],
        llm_provider: ["anthropic"],
        llm_model: [null, "anthropic/claude-opus-5"],
        llm_base_url: [null, "https://llm.test/v1"],
        "if-match": [`"${config}"`, '"stale"'],
        "if-none-match": [`"${config}"`, "*"],
      },
      holders: {
        operator: [bearer("operator", operatorToken)],
        api_key: [bearer("key", this.#keys[0]?.token ?? "")],
        session: [{ kind: "session", token: "", headers: { cookie: this.#owner?.cookie ?? "" } }],
        agent: [
          bearer("agent", agent.credential),
          bearer("agent", agent.credential),
          bearer("registration", agent.token),
        ],
      },
    };
  }
}
