/** How much is tried, and from where. `FUZZ_REQUESTS=20000` tries more, `FUZZ_SEED=7` something else, or the same again. */
import { depth } from "../../depth.ts";

export const SEED = Number(process.env.FUZZ_SEED || 1);
export const REQUESTS = depth({ full: 2_000, quick: 150 }, process.env.FUZZ_REQUESTS);
