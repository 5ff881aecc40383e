/** The applier at a workload that runs, with a clock of the test's own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it, vi } from "vitest";
import { Store } from "../../../../bootstrap/agent/base/store.ts";
import { ConfigApplier, type ConfigApplierDeps } from "../../../../bootstrap/agent/workload/config-applier.ts";
import { AgentConfig, type OfflinePolicy } from "../../../../src/wire/config.ts";
import { agentConfig } from "../fixtures/control-plane.ts";

const BOT = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";

let directory: string;
let store: Store;
let stop: AbortController;
let now_ms: number;
let heard_ms: number;
/** The config that is meant to be up. */
let up: string | null;
let done: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spawnpoint-applier-"));
  store = new Store(join(directory, "agent.db"), () => {});
  stop = new AbortController();
  now_ms = heard_ms = 0;
  done = [];
});
afterEach(() => {
  stop.abort();
  store.close();
  rmSync(directory, { recursive: true });
});

/** Runs a proven config with this policy. */
function running(offline_policy?: OfflinePolicy): ConfigApplier {
  const plain = agentConfig(BOT, 1, "sk-good-one-key");
  const config = AgentConfig.parse({ ...plain, risk_config: { ...plain.risk_config, offline_policy } });
  up = config.id;
  store.set("proven", config.id);
  store.set("applied", config.id);
  const supervisor = {
    snapshot: () => ({ up, state: up === null ? "stopped" : "running" }),
    explain: () => {},
    stop: (reason: string) => {
      up = null;
      done.push(`stop: ${reason}`);
    },
    run: ({ config_id }: { config_id: string }) => {
      up = config_id;
      done.push("run");
    },
  };
  const applier = new ConfigApplier({
    store,
    supervisor: supervisor as unknown as ConfigApplierDeps["supervisor"],
    plan: ({ id }) => ({
      config_id: id,
      launch: () => Promise.reject(new Error("never")),
      renew: () => Promise.resolve(false),
    }),
    installed: () => true,
    permission: () => ({ order: "run", ban: null, revoked_since_ms: null, heard_ms }),
    unwritable: () => null,
    log: () => {},
    now_ms: () => now_ms,
    monotonic_ms: () => now_ms,
    ready_window_ms: 15_000,
    apply_deadline_ms: 120_000,
    onAck: () => {},
  });
  applier.hold(config);
  void applier.loop(stop.signal);
  return applier;
}

/** The applier looks at this time. */
async function at(applier: ConfigApplier, ms: number): Promise<string[]> {
  now_ms = ms;
  const looked = vi.spyOn(store, "get");
  applier.wake.raise();
  await vi.waitFor(() => {
    if (looked.mock.calls.filter(([key]) => key === "failed").length < 2) applier.wake.raise();
    if (looked.mock.calls.filter(([key]) => key === "failed").length < 2) throw new Error("not yet");
  });
  looked.mockRestore();
  return done;
}

describe("a workload whose agent is cut off", () => {
  it("is stopped when its policy says so, and starts again once the control plane is heard", async ({ expect }) => {
    const applier = running({ after_s: 600, action: "stop" });
    expect(await at(applier, 599_999)).toEqual([]);
    const stopped = "stop: cut off from the control plane, and the offline policy is stop";
    expect(await at(applier, 600_000)).toEqual([stopped]);
    expect(await at(applier, 900_000)).toEqual([stopped]);
    heard_ms = 900_001;
    expect(await at(applier, 900_002)).toEqual([stopped, "run"]);
  });

  it("goes on with the policy `keep`, and without one", async ({ expect }) => {
    expect(await at(running({ after_s: 120, action: "keep" }), 10_000_000)).toEqual([]);
    stop.abort();
    stop = new AbortController();
    expect(await at(running(), 10_000_000)).toEqual([]);
  });
});
