/**
 * The narrow interface through which a Bot sees its platform. Inside the Durable Object object.ts adapts it; over
 * `node:sqlite` with a virtual clock the very same Bot runs in the fault simulation.
 */
import type { Sockets } from "../../cloudflare/sockets-port.ts";
import type { Storage } from "../../cloudflare/storage-port.ts";
import type { CreateDroplet, Provider } from "../../provider/digitalocean.ts";
import type { Gate } from "../../provider/gate/permit.ts";
import type { OutboxEntry } from "../../records/rows.ts";
import type { Vault } from "../../secrets/vault.ts";
import type { Policy } from "../model/policy.ts";
import type { BotState, Instant } from "../model/state.ts";

/** What a droplet is made of, beside its name, tags and registration token. */
export type DropletPlan = Omit<CreateDroplet, "name" | "tags" | "user_data"> & {
  userData(bot: BotState, registrationToken: string): string;
};

export interface Platform extends Storage {
  now(): Instant;
  /** [0, 1) */
  random(): number;
  randomBytes(count: number): Uint8Array<ArrayBuffer>;
  uuid(): string;
  provider: Provider;
  gate: Gate;
  /** Delivers to the index in D1. Throws where it could not be reached; a repeated or late delivery is a no-op. */
  index: { push(entry: OutboxEntry): Promise<void> };
  vault: Vault;
  sockets: Sockets;
  plan: DropletPlan;
  policy: Policy;
  log(entry: Record<string, unknown>): void;
}
