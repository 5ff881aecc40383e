/** Somebody who uses the API while it is being killed: asks again until there is an answer, and remembers what was promised. */
import { demoBot } from "../../scripts/dev/demo.ts";
import { BOT_ACTIONS, type BotAction, type BotStatus, LEVELS } from "../../src/wire/enums.ts";
import type { System } from "../e2e/system.ts";

/** What the answers so far have promised of a bot. */
export interface Promised {
  id: string;
  status: BotStatus;
  strictness: string;
}

const RETRY_MS = 200;
const PATIENCE_MS = 120_000;
const LEADS_TO: Readonly<Record<BotAction, BotStatus>> = {
  pause: "paused",
  resume: "online",
  redeploy: "online",
  destroy: "destroyed",
};

export class Customer {
  readonly bots: Promised[] = [];
  readonly #system: System;
  readonly #random: () => number;
  readonly #account: string;

  private constructor(system: System, random: () => number, account: string) {
    this.#system = system;
    this.#random = random;
    this.#account = account;
  }

  /** With an account that holds four bots. */
  static async of(system: System, random: () => number): Promise<Customer> {
    const body = { external_id: crypto.randomUUID(), tier: "pro" };
    const { id } = await system.api<{ id: string }>("POST", "/accounts", body);
    return new Customer(system, random, id);
  }

  get living(): Promised[] {
    return this.bots.filter(({ status }) => status !== "destroyed");
  }

  async countedByQuota(): Promise<number> {
    return (await this.#system.api<{ bot_count: number }>("GET", `/accounts/${this.#account}`)).bot_count;
  }

  /** Something for one or two bots at once. @returns what it is, and when it has been answered */
  actAtRandom(): { said: string[]; answered: Promise<void> } {
    const chosen = this.#shuffled(this.living).slice(0, this.#random() < 0.5 ? 1 : 2);
    const asked = chosen.map((bot) => this.#somethingFor(bot));
    if (this.living.length < 3 || (this.living.length < 4 && this.#random() < 0.3)) asked.push(this.#newBot());
    return {
      said: asked.map(({ said }) => said),
      answered: Promise.all(asked.map(({ answered }) => answered)).then(() => undefined),
    };
  }

  /**
   * A config whose droplet was killed in the middle of its apply is rolled back like any other that fails; a person who
   * knows better publishes it anew.
   */
  async publishAgain({ id, strictness }: Promised): Promise<void> {
    await this.#insist("PATCH", `/bots/${id}/config`, { strictness });
  }

  #newBot() {
    const make = async () => {
      const { status, json } = await this.#insist("POST", "/bots", demoBot(this.#account, "Crash"));
      // A bot on its way out holds its place until it is confirmed gone.
      if (status === 403 && json.code === "quota_exceeded") return;
      if (status !== 201) throw new Error(`a new bot was refused with ${status}: ${JSON.stringify(json)}`);
      this.bots.push({ id: String(json.id), status: "online", strictness: "medium" });
    };
    return { said: "create", answered: make() };
  }

  #somethingFor(bot: Promised) {
    const dice = this.#random();
    const name = bot.id.slice(0, 8);
    if (dice < 0.25) {
      const strictness = this.#pick(LEVELS);
      return { said: `${name} strictness ${strictness}`, answered: this.#change(bot, strictness) };
    }
    const action = dice > 0.9 ? "destroy" : this.#pick(BOT_ACTIONS.filter((other) => other !== "destroy"));
    return { said: `${name} ${action}`, answered: this.#act(bot, action) };
  }

  async #change(bot: Promised, strictness: string): Promise<void> {
    const { status } = await this.#insist("PATCH", `/bots/${bot.id}/config`, { strictness });
    if (status === 200) bot.strictness = strictness;
    else if (status !== 409) throw new Error(`a change of ${bot.id} was answered ${status}`);
  }

  /** 409: the bot does something else just now, and goes on with that. */
  async #act(bot: Promised, action: BotAction): Promise<void> {
    const { status } = await this.#insist("POST", `/bots/${bot.id}/actions`, { action });
    if (status === 202) bot.status = LEADS_TO[action];
    else if (status !== 409) throw new Error(`${action} of ${bot.id} was answered ${status}`);
  }

  /** Repeats the request, under one key, until it is answered by somebody who knows. */
  async #insist(method: string, path: string, body: unknown) {
    const key = crypto.randomUUID();
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.#ask(method, path, body, key);
      if (answer !== null) return answer;
      if (Date.now() > deadline) throw new Error(`${method} ${path} was not answered in ${PATIENCE_MS / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Null where nobody answered, or somebody who could not tell. */
  async #ask(method: string, path: string, body: unknown, key: string) {
    try {
      const { base_url, admin_token } = await this.#system.readDev();
      const response = await fetch(base_url + path, {
        method,
        headers: {
          authorization: `Bearer ${admin_token}`,
          "content-type": "application/json",
          ...(method === "POST" ? { "idempotency-key": key } : {}),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(20_000),
      });
      if (response.status >= 500 || response.status === 429) return null;
      return { status: response.status, json: (await response.json()) as Record<string, unknown> };
    } catch {
      return null;
    }
  }

  #pick<T>(things: readonly T[]): T {
    const thing = things[Math.floor(this.#random() * things.length)];
    if (thing === undefined) throw new Error("nothing to pick from");
    return thing;
  }

  #shuffled<T>(things: readonly T[]): T[] {
    return things
      .map((thing) => ({ thing, at: this.#random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ thing }) => thing);
  }
}
