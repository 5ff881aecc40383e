import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { testSecrets } from "./test/worker/settings.ts";

/**
 * What takes longest begins first, or a run would end with one of them alone, and what mostly waits beside what mostly
 * computes; the rest project by project, since the next file of a project goes on in the process of the one before.
 */
const ORDER = [
  "test/e2e/rollback",
  "test/e2e/",
  "test/simulation/random",
  "test/worker/simulation/",
  "test/unit/agent/plane/channel",
  "test/worker/corrupt",
  "test/unit/agent/process",
  "test/simulation/deaths",
  "test/worker/model/",
  "test/worker/fuzz/",
  "test/worker/provider-faults",
  "test/worker/sentinel/",
  "test/unit/bootstrap/",
  "test/unit/simulator-machine/",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const found = ORDER.findIndex((path) => moduleId.includes(path));
      return found === -1 ? `${ORDER.length} ${project.name}` : String(found).padStart(2, "0");
    };
    return (await super.sort(files)).sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0));
  }
}

/** No test waits so long for what will be: these are for what never will be, on a machine that has much else to do. */
const patience = { testTimeout: 1_800_000, hookTimeout: 600_000 };

/** What these tests start is the same TypeScript again and again: Node keeps what it has made of it. */
const compiled = { NODE_COMPILE_CACHE: resolve("node_modules/.cache/node-compile") };

// `npm test` builds it anew; this is for whoever calls vitest, whose cache would remember that it was missing.
if (!existsSync("dist/agent.mjs.txt")) await import("./scripts/build.ts");

/** Tests speak with one voice, and faster than anybody. */
const unlimited = { namespace_id: "1", simple: { limit: 1_000_000, period: 60 as const } };
const patientLimiters = { OPERATOR_LIMITER: unlimited };

/** These break more than a test file can put right after itself: each has a `workerd` of its own. */
const BREAKING = [
  "test/worker/{simulation,model,fuzz,sentinel}/**/*.test.ts",
  "test/worker/{corrupt,d1-story,key-rotation*,restored}.test.ts",
];

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
    setupFiles: ["test/worker/setup.ts"],
    ...patience,
    // What is said for one run reaches the tests inside workerd too; nothing else of the environment does.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) =>
        /^(TEST_DEPTH|TEST_PATIENCE_S|SEED|SCHEDULES|MODEL_.*|FUZZ_.*|RECORD_D1)$/.test(name),
      ),
    ),
  },
};

export default defineConfig({
  test: {
    // Most tests wait for processes and alarms most of the time.
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          globalSetup: ["test/unit/agent/fixtures/bundle.ts"],
          isolate: false,
          ...patience,
        },
      },
      {
        test: {
          name: "simulation",
          include: ["test/simulation/**/*.test.ts"],
          isolate: false,
          testTimeout: 1_800_000,
        },
      },
      { test: { name: "contract", include: ["test/contract/**/*.test.ts"], isolate: false, ...patience } },
      { test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], env: compiled, ...patience } },
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
      {
        test: {
          name: "openclaw",
          include: ["test/openclaw/**/*.test.ts"],
          globalSetup: ["test/openclaw/setup.ts", "test/unit/agent/fixtures/bundle.ts"],
          ...patience,
        },
      },
      {
        test: {
          name: "bootstrap",
          include: ["test/bootstrap/**/*.test.ts"],
          globalSetup: ["test/bootstrap/setup.ts", "test/unit/agent/fixtures/bundle.ts"],
          ...patience,
        },
      },
      {
        ...worker,
        test: {
          ...worker.test,
          name: "worker",
          include: ["test/worker/**/*.test.ts"],
          exclude: BREAKING,
          isolate: false,
        },
      },
      { ...worker, test: { ...worker.test, name: "worker-alone", include: BREAKING } },
    ],
  },
});
