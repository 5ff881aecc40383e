/** How much is tried, and from where. `FUZZ_REQUESTS=20000` tries more, `FUZZ_SEED=7` something else, or the same again. */
export const SEED = Number(process.env.FUZZ_SEED || 1);
export const REQUESTS = Number(process.env.FUZZ_REQUESTS || 2_000);
