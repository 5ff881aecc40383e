/** The gate as a Durable Object: adapts the platform to it. Nothing is decided here. */
import { DurableObject } from "cloudflare:workers";
import { eq, sql } from "drizzle-orm";
import { log } from "../../cloudflare/log.ts";
import { storageOf } from "../../cloudflare/storage.ts";
import { openDb } from "../../db/client.ts";
import { findFleetId, findKnownBots } from "../../db/fleet.ts";
import { bots } from "../../db/schema.ts";
import { readSettings } from "../../env.ts";
import type { SweepVerdict } from "../../resources/verdict.ts";
import { connect } from "../connect.ts";
import type { Ask, Permit, Report } from "./permit.ts";
import { GateShell } from "./shell.ts";
import type { VerdictRequest } from "./verdict.ts";

/** What the gate uses of the Worker's bindings, beside its settings. */
interface GateEnv {
  DB: D1Database;
  BOT: { getByName(id: string): { claim(request: VerdictRequest): Promise<SweepVerdict> } };
}

/** FNV-1a: enough to notice that the token was replaced, far too little to learn anything of it. */
function fingerprint(token: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < token.length; i++) hash = Math.imul(hash ^ token.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}

export class ProviderGate extends DurableObject<GateEnv> {
  readonly #shell: GateShell;

  constructor(ctx: DurableObjectState, env: GateEnv) {
    super(ctx, env);
    const settings = readSettings(env);
    const provider = connect(settings);
    const db = openDb(env.DB);
    this.#shell = new GateShell({
      ...storageOf(ctx.storage),
      now: () => Date.now(),
      log: (entry) => log({ object: "gate", ...entry }),
      getAccount: () => provider.getAccount(),
      limits: settings.PROVIDER_LIMITS,
      token_fingerprint: fingerprint(settings.DIGITALOCEAN_TOKEN),
      listPage: (page) => provider.listPage(page),
      deleteDroplet: (id) => provider.deleteDroplet(id),
      claim: (botId, request) => env.BOT.getByName(botId).claim(request),
      indexed: (ids) => findKnownBots(db, ids),
      sweep_mode: settings.SWEEP_MODE,
      fleetId: () => findFleetId(db),
      async countLiveBots() {
        const [row] = await db.select({ n: sql<number>`count(*)` }).from(bots).where(eq(bots.status, "online"));
        return row?.n ?? 0;
      },
    });
  }

  override alarm(): Promise<void> {
    return this.#shell.alarm();
  }

  permit(ask: Ask): Permit {
    return this.#shell.permit(ask);
  }

  sweep(asked: { dry_run: boolean } | null) {
    this.#shell.sweep(asked);
    return this.#shell.orphans();
  }

  status() {
    return this.#shell.status();
  }

  /** Ids of bots that droplets on this page of the account are named after. */
  namedBots(page: number) {
    return this.#shell.namedBots(page);
  }

  orphans() {
    return this.#shell.orphans();
  }

  report(report: Report): void {
    this.#shell.report(report);
  }
}
