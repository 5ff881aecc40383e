import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { testSecrets } from "./test/worker/settings.ts";

/** Tests of the real Worker and objects run in workerd, with D1 from the same migration files as production. */
const worker = {
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: "./wrangler.toml" },
      miniflare: { bindings: { ...testSecrets, TEST_MIGRATIONS: await readD1Migrations("./migrations") } },
    })),
  ],
  test: {
    name: "worker",
    include: ["test/worker/**/*.test.ts"],
    setupFiles: ["test/worker/setup.ts"],
    testTimeout: 30_000,
    // What is said for one run reaches the tests inside workerd too; nothing else of the environment does.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(SEED|SCHEDULES|MODEL_.*)$/.test(name))),
  },
};

export default defineConfig({
  test: {
    // Most tests wait for processes and alarms most of the time.
    maxWorkers: 4,
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 60_000 } },
      { test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], testTimeout: 300_000 } },
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"] } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], testTimeout: 300_000, hookTimeout: 120_000 } },
      { test: { name: "crash", include: ["test/crash/**/*.test.ts"], testTimeout: 3_600_000, hookTimeout: 120_000 } },
      worker,
    ],
  },
});
