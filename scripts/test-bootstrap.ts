/**
 * `npm run test:bootstrap`: the droplet's bootstrap and units under a real systemd. `--every-stage` cuts the power after
 * each stage, not after three that `SEED` draws. Other options are those of vitest.
 */
import { spawnSync } from "node:child_process";

const EVERY = "--every-stage";
const options = process.argv.slice(2);
const env = { ...process.env, ...(options.includes(EVERY) ? { EVERY_STAGE: "1" } : {}) };
const words = ["run", "--project", "bootstrap", ...options.filter((option) => option !== EVERY)];
process.exitCode = spawnSync("vitest", words, { stdio: "inherit", env }).status ?? 1;
