/** What the real OpenClaw's own manifests say of model providers. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { PACKAGE } from "../../scripts/dev/openclaw.ts";

const Setup = z.object({ id: z.string(), envVars: z.array(z.string()).default([]) });
const Models = z.object({ models: z.array(z.object({ id: z.string() })).default([]) });
const Manifest = z.object({
  setup: z.object({ providers: z.array(Setup).default([]) }).prefault({}),
  modelCatalog: z.object({ providers: z.record(z.string(), Models).default({}) }).prefault({}),
});

export interface Catalogue {
  /** Variables that a key is read from, by provider. */
  variables: Map<string, readonly string[]>;
  /** Models as `PROVIDER/MODEL`, of the providers whose list stands in the package. */
  models: Map<string, readonly string[]>;
}

/** What the manifests of the package's own plugins say of providers. */
export function readCatalogue(): Catalogue {
  const catalogue: Catalogue = { variables: new Map(), models: new Map() };
  const plugins = join(PACKAGE, "dist/extensions");
  for (const name of readdirSync(plugins)) {
    const path = join(plugins, name, "openclaw.plugin.json");
    if (!existsSync(path)) continue;
    const { setup, modelCatalog } = Manifest.parse(JSON.parse(readFileSync(path, "utf8")));
    for (const { id, envVars } of setup.providers) catalogue.variables.set(id, envVars);
    for (const [id, { models }] of Object.entries(modelCatalog.providers)) {
      if (models.length > 0)
        catalogue.models.set(
          id,
          models.map((model) => `${id}/${model.id}`),
        );
    }
  }
  return catalogue;
}
