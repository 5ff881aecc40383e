/** Kinds that exist in tests alone: what the mechanism does must follow from the adapter, not from the droplet. */
import type { ResourceKind } from "../../../src/resources/kind.ts";

const NAME = /^sp-[0-9a-f]+-disk-([0-9a-f-]{36})-([1-9][0-9]*)$/;

const disk = {
  name: (fleet, botId, generation) => `${fleet.prefix}-disk-${botId}-${generation}`,
  readName(name) {
    const [, bot_id, generation] = NAME.exec(name) ?? [];
    return bot_id === undefined ? null : { bot_id, generation: Number(generation) };
  },
  tags: (fleet) => [fleet.tag],
} as const satisfies Partial<ResourceKind>;

/** Asked for twice it is made once, it has no list, and a single 404 proves that it is gone. */
export const diskKind: ResourceKind<"disk", never> = {
  ...disk,
  kind: "disk",
  idempotent: true,
  looks: [],
  gone: { misses_unseen: 1, listings: [] },
};

/** Looked for twice in the one list that there is; nobody can read it by id before its third 404. */
export const listedDiskKind: ResourceKind<"disk", "list"> & { idempotent: false } = {
  ...disk,
  kind: "disk",
  idempotent: false,
  looks: [
    { share: 1 / 2, how: "list" },
    { share: 1, how: "list" },
  ],
  gone: { misses_unseen: 3, listings: ["list"] },
};
