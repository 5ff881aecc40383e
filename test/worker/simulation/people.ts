/** What people ask of a schedule's bots, over the real routes: each wish with a key, repeated until it is answered. */
import { BOT_ACTIONS } from "../../../src/wire/enums.ts";
import { botRequest, request } from "../cloud.ts";
import { enterScene } from "./actors.ts";
import type { Scene } from "./scene.ts";
import { sleep } from "./speed.ts";

const RETRY_MS = 100;
const MAX_TRIES = 600;
const LEVELS = ["low", "medium", "high"];
/** Two bots at a time. */
const TIER = "basic";

type Answer = Awaited<ReturnType<typeof request>>;

export class People {
  readonly #scene: Scene;
  readonly #draw: () => number;
  account = "";
  /** Operations that were promised, by bot. */
  readonly promised = new Map<string, Set<string>>();
  readonly doomed = new Set<string>();
  /** Config versions by bot: how many were confirmed, and how many may have been made. */
  readonly published = new Map<string, { confirmed: number; tried: number }>();

  constructor(scene: Scene, draw: () => number) {
    this.#scene = scene;
    this.#draw = draw;
  }

  async openAccount(): Promise<void> {
    const made = await this.#ask("POST", "/accounts", { external_id: crypto.randomUUID(), tier: TIER });
    if (made.status !== 201) throw new Error(`no account: ${made.text}`);
    this.account = made.json.id;
    enterScene(this.#scene, this.account);
  }

  /** Refused where the account has as many as it may. */
  async createBot(): Promise<void> {
    const made = await this.#ask("POST", "/bots", botRequest(this.account));
    if (made.status === 201) this.#scene.bots.push(made.json.id);
    else if (made.json?.code !== "quota_exceeded") throw new Error(`no bot: ${made.text}`);
  }

  async act(bot: string): Promise<void> {
    const action = BOT_ACTIONS[Math.floor(this.#draw() * (this.#draw() < 0.8 ? 3 : 4))] ?? "pause";
    const force = action === "destroy" && this.#draw() < 0.25;
    const answer = await this.#ask("POST", `/bots/${bot}/actions`, { action, ...(force ? { force } : {}) });
    if (answer.status === 409) return;
    if (answer.status !== 202) throw new Error(`${action} is answered ${answer.status}: ${answer.text}`);
    const promised = this.promised.get(bot) ?? new Set();
    this.promised.set(bot, promised.add(answer.json.operation.id));
    if (action === "destroy") this.doomed.add(bot);
  }

  async cancel(bot: string): Promise<void> {
    const { json } = await this.#ask("GET", `/bots/${bot}`);
    const answer = await this.#ask("POST", `/bots/${bot}/operations/${json.operation.id}/cancel`);
    if (answer.status !== 202 && answer.status !== 409) throw new Error(`cancel: ${answer.text}`);
    // A destroy that was taken back is none.
    if (answer.status === 202 && json.operation.kind === "destroy") this.doomed.delete(bot);
  }

  /** @param on or let it run again */
  async suspend(bot: string, on: boolean): Promise<void> {
    const path = `/operator/bots/${bot}/${on ? "suspend" : "unsuspend"}`;
    const answer = await this.#ask("POST", path, on ? { reason: "payment_failed" } : undefined);
    if (answer.status !== 202 && answer.status !== 409) throw new Error(`suspension: ${answer.text}`);
  }

  async releaseHold(bot: string): Promise<void> {
    const answer = await this.#ask("POST", `/bots/${bot}/holds/breach/release`, { reason: "looked at it" });
    if (answer.status !== 200 && answer.status !== 409) throw new Error(`release: ${answer.text}`);
  }

  /** Config changes carry no key: one whose answer was lost may have been made, and is made once more. */
  async changeConfig(bot: string): Promise<void> {
    const published = this.published.get(bot) ?? { confirmed: 0, tried: 0 };
    this.published.set(bot, published);
    const strictness = LEVELS[Math.floor(this.#draw() * LEVELS.length)];
    const answer = await this.#ask(
      "PATCH",
      `/bots/${bot}/config`,
      { strictness, on_breach: "stop" },
      () => published.tried++,
    );
    if (answer.status === 200) published.confirmed++;
    else if (answer.status !== 409) throw new Error(`config change: ${answer.text}`);
  }

  async #ask(method: string, path: string, body?: unknown, tried: () => void = () => undefined): Promise<Answer> {
    const headers: Record<string, string> = method === "POST" ? { "idempotency-key": crypto.randomUUID() } : {};
    for (let attempt = 1; ; attempt++) {
      tried();
      const answer = await request(method, path, { body, headers });
      if (answer.status < 500) {
        this.#scene.note(`${method} ${path} ${JSON.stringify(body ?? null)} ${answer.status}`);
        return answer;
      }
      if (attempt >= MAX_TRIES) throw new Error(`${method} ${path} is not answered: ${answer.text}`);
      await sleep(RETRY_MS);
    }
  }
}
