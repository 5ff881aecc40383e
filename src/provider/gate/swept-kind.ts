/** The kinds of resources as the sweep reaches them. */

import { dropletKind } from "../../resources/droplet.ts";
import type { ResourceKind } from "../../resources/kind.ts";
import type { SweepVerdict, VerdictRequest } from "../../resources/verdict.ts";
import type { ListPage } from "../digitalocean.ts";
import type { Outcome } from "../outcome.ts";
import type { ProviderDroplet } from "../schema.ts";
import type { OrphanStore } from "./orphans.ts";
import type { Listed } from "./sweep.ts";

export interface SweptKind<T extends Listed = Listed> {
  kind: ResourceKind;
  store: OrphanStore;
  /** One page of the unfiltered list. @param page from 1 */
  listPage(page: number): Promise<Outcome<SweptPage<T>>>;
  remove(id: T["id"]): Promise<Outcome<null>>;
  /** @throws where the Bot cannot be asked */
  claim(botId: string, request: VerdictRequest<T>): Promise<SweepVerdict>;
}

interface SweptPage<T extends Listed> {
  resources: readonly T[];
  last: boolean;
  /** How many resources the whole list has, as this page says; null where it does not. */
  total: number | null;
}

/** What of the account is swept. */
export interface SweptAccount {
  listPage(page: number): Promise<Outcome<ListPage>>;
  deleteDroplet(id: number): Promise<Outcome<null>>;
  /** @throws where the Bot cannot be asked */
  claim(botId: string, request: VerdictRequest<ProviderDroplet>): Promise<SweepVerdict>;
}

export function sweptDroplets(account: SweptAccount): SweptKind<ProviderDroplet> {
  return {
    kind: dropletKind,
    store: { table: "orphan", id: "droplet_id", document: "sweep" },
    async listPage(page) {
      const outcome = await account.listPage(page);
      if (outcome.kind !== "ok") return outcome;
      const { droplets: resources, last, total } = outcome.value;
      return { kind: "ok", value: { resources, last, total } };
    },
    remove: (id) => account.deleteDroplet(id),
    claim: (botId, request) => account.claim(botId, request),
  };
}
