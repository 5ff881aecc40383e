/** The session between its two transports, with each answer in the test's hand. */
import { afterEach, expect, it, vi } from "vitest";
import { Store } from "../../../../bootstrap/agent/base/store.ts";
import { Signal } from "../../../../bootstrap/agent/base/timing.ts";
import type { Outcome } from "../../../../bootstrap/agent/plane/control-plane.ts";
import { Session, type SessionDeps } from "../../../../bootstrap/agent/plane/session.ts";
import { parseSettings } from "../../../../bootstrap/agent/settings.ts";
import type { HeartbeatAnswer, HeartbeatRequest } from "../../../../src/wire/agent.ts";
import { PATIENCE_MS } from "../../../depth.ts";
import { configId } from "../fixtures/control-plane.ts";

const over = new AbortController();
afterEach(() => over.abort());
const until = (check: () => void) => vi.waitFor(check, { timeout: PATIENCE_MS, interval: 5 });
const orders = (workload: HeartbeatAnswer["workload"]): HeartbeatAnswer => {
  return { status: "ok", generation: 1, desired_config_id: configId(1), workload, commands: [] };
};

it("gives no weight to an answer over HTTP that the channel has overtaken", async () => {
  const beats: { body: HeartbeatRequest; answer: (outcome: Outcome<HeartbeatAnswer>) => void }[] = [];
  const taken: (readonly string[])[] = [];
  const parts = {
    control_plane: {
      heartbeat: (_: string, body: HeartbeatRequest) =>
        new Promise((answer: (outcome: Outcome<HeartbeatAnswer>) => void) => beats.push({ body, answer })),
    },
    applier: () => ({ held: null, wake: new Signal() }),
    commands: () => ({
      owed: () => [{ id: configId(7), ok: true }],
      take: (_: unknown, carried: readonly string[]) => taken.push(carried),
    }),
    workload: () => ({ state: "stopped", version: null, restarts: 0, crashes: 0, last_crash: null, degraded: [] }),
    credentials: { token: "c", sha256: "s" },
    rotation: { explains: () => false },
    // Only what a beat asks of the parts stands here.
  } as unknown as SessionDeps;
  const session = new Session({
    ...parts,
    settings: parseSettings({
      CONTROL_PLANE_URL: "http://127.0.0.1:1",
      BOT_ID: configId(9),
      DROPLET_ID: "1",
      BOOT_ID: "b",
      STATE_DIR: "/s",
      AGENT_LOSS_BEAT_S: "0.01",
    }),
    agent_version: "1",
    store: new Store(":memory:", () => {}),
    telemetry: async () => ({ load: null, mem: null, disk: null }),
    reported: () => ({}),
    onPermission: () => {},
    log: () => {},
    now_ms: () => 0,
    monotonic_ms: () => 0,
    random: () => 0.5,
  });
  void session.beats(over.signal);
  await until(() => expect(beats).toHaveLength(1));

  session.setLink(true);
  session.hear(orders("stop"), []);
  beats[0]?.answer({ is: "ok", value: orders("run") });
  session.setLink(false);
  await until(() => expect(beats).toHaveLength(2));
  expect(session.permission.order).toBe("stop");
  expect(taken).toEqual([[]]);

  beats[1]?.answer({ is: "ok", value: orders("run") });
  await until(() => expect(session.permission.order).toBe("run"));
  expect(taken).toEqual([[], [configId(7)]]);
});
