/** The gate as a Bot reaches it. A gate that cannot be asked grants nothing: the budget is not ours to guess. */
import { log } from "../../cloudflare/log.ts";
import type { ProviderGate } from "./object.ts";
import type { Gate } from "./permit.ts";

/** What wrangler.toml binds for whoever asks the gate. */
export interface GateBinding {
  GATE: DurableObjectNamespace<ProviderGate>;
}

const ASK_AGAIN_MS = 5_000;

/** A fresh stub for each call: one that has failed stays broken. */
export function gateStub(env: GateBinding) {
  return env.GATE.getByName("digitalocean");
}

export function gateOf(env: GateBinding): Gate {
  return {
    async permit(ask) {
      try {
        return await gateStub(env).permit(ask);
      } catch (error) {
        log({ level: "warn", event: "gate_unreachable", bot_id: ask.bot_id, detail: String(error) });
        return { granted: false, wait_ms: ASK_AGAIN_MS, reason: "gate_unreachable" };
      }
    },
    async report(report) {
      try {
        await gateStub(env).report(report);
      } catch (error) {
        log({ level: "warn", event: "gate_unreachable", report: report.kind, detail: String(error) });
      }
    },
  };
}
