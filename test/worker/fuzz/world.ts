/** The world that is fuzzed: bots in several states, whose alarms are taken away so that only requests change anything. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { encodeCursor } from "../../../src/db/pages.ts";
import { agentRelease } from "../../../src/provider/release.ts";
import { onlineBot, type TestAgent } from "../agent.ts";
import { act, newAccount, request, simulateCloud, untilBot } from "../cloud.ts";
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

export class World {
  readonly #resolve: Resolve;
  readonly #cloud = simulateCloud();
  #account = "";
  #others: string[] = [];
  #quiet: Inhabitant | null = null;
  #busy: Inhabitant | null = null;

  constructor(resolve: Resolve) {
    this.#resolve = resolve;
  }

  async found(): Promise<void> {
    this.#account = await newAccount();
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

  /** Puts a new bot where one can no longer be spoken to. */
  async mend(): Promise<void> {
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
        "if-match": [`"${config}"`, '"stale"'],
        "if-none-match": [`"${config}"`, "*"],
      },
      holders: {
        operator: [bearer("operator", operatorToken)],
        agent: [
          bearer("agent", agent.credential),
          bearer("agent", agent.credential),
          bearer("registration", agent.token),
        ],
      },
    };
  }
}
