import { droplet } from "./droplet.ts";
import type { Mutant } from "./mutant.ts";

/** Every guard that is broken on purpose. */
export const mutants: readonly Mutant[] = [...droplet];
