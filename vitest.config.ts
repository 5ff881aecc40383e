import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { testSecrets } from "./test/worker/settings.ts";

/** These take longest, most of them by waiting: they begin first, or a run would end with one of them alone. */
const LONGEST = [
  "test/e2e/rollback",
  "test/simulation/random",
  "test/e2e/",
  "test/worker/simulation/",
  "test/unit/agent/",
  "test/worker/model/",
  "test/worker/fuzz/",
  "test/unit/bootstrap/",
  "test/simulation/deaths",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.findIndex((path) => moduleId.includes(path));
      return found === -1 ? LONGEST.length : found;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** Tests speak with one voice, and faster than anybody. */
const patient = { namespace_id: "1", simple: { limit: 1_000_000, period: 60 as const } };
const patientLimiters = { OPERATOR_LIMITER: patient };

/** Tests of the real Worker and objects run in workerd, with D1 from the same migration files as production. */
const worker = {
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: "./wrangler.toml" },
      miniflare: {
        bindings: { ...testSecrets, TEST_MIGRATIONS: await readD1Migrations("./migrations") },
        ratelimits: patientLimiters,
      },
    })),
  ],
  test: {
    name: "worker",
    include: ["test/worker/**/*.test.ts"],
    setupFiles: ["test/worker/setup.ts"],
    testTimeout: 30_000,
    // What is said for one run reaches the tests inside workerd too; nothing else of the environment does.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => /^(SEED|SCHEDULES|MODEL_.*|FUZZ_.*|RECORD_D1)$/.test(name)),
    ),
  },
};

export default defineConfig({
  test: {
    // Most tests wait for processes and alarms most of the time.
    maxWorkers: 4,
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 60_000 } },
      { test: { name: "simulation", include: ["test/simulation/**/*.test.ts"], testTimeout: 600_000 } },
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"] } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], testTimeout: 300_000, hookTimeout: 120_000 } },
      { test: { name: "crash", include: ["test/crash/**/*.test.ts"], testTimeout: 3_600_000, hookTimeout: 120_000 } },
      {
        test: {
          name: "compat",
          include: ["test/compat/**/*.test.ts"],
          globalSetup: ["test/compat/setup.ts"],
          testTimeout: 900_000,
          hookTimeout: 600_000,
        },
      },
      worker,
    ],
  },
});
