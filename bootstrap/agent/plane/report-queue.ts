/** What is owed to the control plane and goes over HTTP whatever the channel does: acknowledgements and stages. */
import type { Log } from "../base/log.ts";
import type { Store } from "../base/store.ts";
import { backoff, Signal, sleep } from "../base/timing.ts";
import type { Settings } from "../settings.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { Credentials } from "./credential.ts";
import type { CredentialRotation } from "./credential-rotation.ts";
import { pendingStages } from "./stages.ts";

export interface ReportQueueDeps {
  settings: Settings;
  control_plane: ControlPlane;
  credentials: Credentials;
  rotation: CredentialRotation;
  store: Store;
  log: Log;
  random: () => number;
  /** What the control plane knows of the config has changed, and so may its orders. */
  onAckDelivered: () => void;
}

const STAGES_EVERY_MS = 5000;

export class ReportQueue {
  /** Raised when an acknowledgement is due. */
  readonly wake = new Signal();
  readonly #deps: ReportQueueDeps;

  constructor(deps: ReportQueueDeps) {
    this.#deps = deps;
  }

  async acks(signal: AbortSignal): Promise<void> {
    const { settings, control_plane, credentials, rotation, store, log, random, onAckDelivered } = this.#deps;
    let failures = 0;
    while (!signal.aborted) {
      const ack = store.nextAck();
      if (ack === null) {
        await this.wake.wait(settings.config_poll_ms, signal);
        continue;
      }
      const bearer = credentials.token;
      const outcome = await control_plane.ack(bearer, ack.body);
      if (signal.aborted) return;
      const { is } = outcome;
      // Who asks for authority gets it later; any other refusal is the control plane's last word on this ack.
      const heard = is === "ok" || (is === "refused" && outcome.status !== 401 && outcome.status !== 403);
      log("config_ack", { config_id: ack.body.config_id, result: ack.body.result, ...outcome });
      if (heard) {
        failures = 0;
        store.ackDelivered(ack);
        onAckDelivered();
        continue;
      }
      const passes_ms = is === "unreachable" ? (outcome.retry_after_ms ?? 0) : 0;
      const passes = is === "unreachable" || rotation.explains(outcome, bearer);
      const asked_ms = passes ? passes_ms : settings.slow_retry_ms;
      const own_ms = backoff(failures++, settings.backoff, random());
      await sleep(Math.max(own_ms, Math.min(asked_ms, settings.slow_retry_ms)), signal);
    }
  }

  /** Sends on what the bootstrap, whose token is spent, left to be reported. */
  async stages(signal: AbortSignal): Promise<void> {
    const { settings, control_plane, credentials, rotation, store, log } = this.#deps;
    const directory = settings.bootstrap_stages_dir;
    while (directory !== null && !signal.aborted) {
      for (const stage of pendingStages(directory, store.get("last_stage"))) {
        const { droplet_id, boot_id } = settings;
        const bearer = credentials.token;
        const outcome = await control_plane.stage(bearer, { ...stage.report, droplet_id, boot_id });
        if (signal.aborted || outcome.is === "unreachable" || rotation.explains(outcome, bearer)) break;
        if (outcome.is === "refused") log("stage_refused", { stage: stage.report.stage, ...outcome });
        store.set("last_stage", stage.name);
      }
      await sleep(STAGES_EVERY_MS, signal);
    }
  }
}
