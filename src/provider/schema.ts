/** The parts of DigitalOcean's answers that we rely on. Anything else in them may change without notice. */
import * as z from "zod";
import { DROPLET_STATUSES } from "../wire/enums.ts";

const NetworkV4 = z.object({ ip_address: z.string(), type: z.enum(["public", "private"]) });

const Networks = z.object({ v4: z.array(NetworkV4).default([]) });

export const ProviderDroplet = z
  .object({
    id: z.int().positive(),
    name: z.string(),
    status: z.enum(DROPLET_STATUSES),
    tags: z.array(z.string()).nullish(),
    networks: Networks.nullish(),
  })
  .transform(({ id, name, status, tags, networks }) => ({
    id,
    name,
    status,
    tags: tags ?? [],
    // Private addresses often come first: the order says nothing, the type does.
    ip_address: networks?.v4.find(({ type }) => type === "public")?.ip_address ?? null,
  }));
export type ProviderDroplet = z.infer<typeof ProviderDroplet>;

export const DropletEnvelope = z.object({ droplet: ProviderDroplet });

export const DropletPage = z.object({
  droplets: z.array(ProviderDroplet),
  links: z.object({ pages: z.object({ next: z.string().nullish() }).nullish() }).nullish(),
  meta: z.object({ total: z.int().min(0) }).nullish(),
});

export const ProviderAction = z.object({
  id: z.int().positive(),
  status: z.enum(["in-progress", "completed", "errored"]),
  type: z.string(),
});
export type ProviderAction = z.infer<typeof ProviderAction>;
export const ActionEnvelope = z.object({ action: ProviderAction });

export const ProviderAccount = z.object({
  uuid: z.string(),
  status: z.string(),
  droplet_limit: z.int(),
  team: z.object({ uuid: z.string(), name: z.string().nullish() }).nullish(),
});
export type ProviderAccount = z.infer<typeof ProviderAccount>;
export const AccountEnvelope = z.object({ account: ProviderAccount });

export const ProviderError = z.object({ id: z.string(), message: z.string() });
