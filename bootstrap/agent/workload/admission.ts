/**
 * What stands between a gateway that answers and a workload that runs: what was cut off before is aborted as it comes back,
 * and a key or a model that OpenClaw has not been asked about yet is asked about. Never fails: who cannot be asked passes.
 */
import type { AgentConfig } from "../../../src/wire/config.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Store } from "../base/store.ts";
import { Signal, sleep } from "../base/timing.ts";
import { type Gateway, GatewayError } from "./gateway-client.ts";
import { abortInterrupted } from "./interrupted-runs.ts";
import { askModel } from "./model-check.ts";
import {
  digestOf,
  isAsked,
  isChange,
  judgeModel,
  LLM_AUTH,
  type ModelAnswer,
  type ModelMemory,
  NO_GOOD,
} from "./model-check-rules.ts";

export interface Admission {
  /** Why it must not run with this config; null: it may. */
  refusal: string | null;
  /** What it cannot do all the same. */
  degraded: readonly string[];
  /** Sessions whose interrupted run was aborted. */
  aborted_runs: number;
}

const ADMITTED: Admission = { refusal: null, degraded: [], aborted_runs: 0 };

export interface AdmissionDeps {
  config: AgentConfig;
  /** The workload before this one may have left runs in flight. */
  interrupted: boolean;
  /** Rejects while it does not answer yet, or at all. */
  gateway: () => Promise<Gateway>;
  store: Store;
  log: Log;
  /** Monotonic, ms. */
  now_ms: () => number;
  /** Aborts when the workload has ended, or is about to. */
  over: AbortSignal;
}

/** The admission of one child, which goes on while it is watched. */
export class Admitting {
  /** Raised when it has been said. */
  readonly wake = new Signal();
  said: Admission | null = null;
  readonly #admit: () => Promise<Admission>;
  #begun = false;

  constructor(admit: () => Promise<Admission>) {
    this.#admit = admit;
  }

  /** Once. @param onSaid told of it before `wake` is raised */
  begin(onSaid: (said: Admission) => void): void {
    if (this.#begun) return;
    this.#begun = true;
    void this.#admit().then((said) => {
      this.said = said;
      onSaid(said);
      this.wake.raise();
    });
  }
}

/** Resumption begins half a second after readiness, so that whoever comes later comes too late. */
const CONNECT_AGAIN_MS = 150;
const QUIET_MS = 1000;
const INTERRUPTED_MS = 30_000;

export async function admit(deps: AdmissionDeps): Promise<Admission> {
  const { config, interrupted, log } = deps;
  const memory = memoryOf(deps.store);
  const digest = digestOf(config);
  const asks = isAsked(memory, digest);
  if (!asks && !interrupted) return ADMITTED;
  let gateway: Gateway | null = null;
  let aborted_runs = 0;
  let answer: ModelAnswer = "undecided";
  try {
    gateway = await connected(deps);
    if (gateway === null) return ADMITTED;
    if (interrupted) aborted_runs = await abort(deps, gateway);
    if (asks) answer = await askModel(gateway, config.secrets.llm_provider, deps.now_ms);
  } catch (error) {
    log("gateway_not_asked", { interrupted, model: asks, error: describeError(error) });
  } finally {
    gateway?.close();
  }
  return { ...(asks ? judge(deps, memory, digest, answer) : ADMITTED), aborted_runs };
}

async function connected({ gateway, over }: AdmissionDeps): Promise<Gateway | null> {
  while (!over.aborted) {
    try {
      return await gateway();
    } catch (error) {
      if (!(error instanceof GatewayError && error.not_now)) throw error;
    }
    await sleep(CONNECT_AGAIN_MS, over);
  }
  return null;
}

async function abort({ now_ms, over, log }: AdmissionDeps, gateway: Gateway): Promise<number> {
  try {
    const limits = { quiet_ms: QUIET_MS, limit_ms: INTERRUPTED_MS };
    const { aborted, left } = await abortInterrupted({ gateway, now_ms, over, ...limits });
    log("interrupted_runs", { aborted, left });
    return aborted;
  } catch (error) {
    log("interrupted_runs_unknown", { error: describeError(error) });
    return 0;
  }
}

function judge({ config, store, log }: AdmissionDeps, memory: ModelMemory, digest: string, said: ModelAnswer) {
  // Who cannot be asked now is as before.
  const answer = said === "undecided" && memory.asked?.digest === digest ? memory.asked.answer : said;
  const proven = store.get("proven") === config.id;
  const changed = isChange(memory, { digest, version: config.version, proven, generation: store.get("generation") });
  const verdict = judgeModel(answer, changed, config);
  log("model_asked", { answer, changed, verdict: verdict.is });
  try {
    if (answer !== "undecided") store.set("model_asked", { digest, answer });
    if (proven) store.set("model_good", digest);
    else if (verdict.is === "fails" && memory.good === null) store.set("model_good", NO_GOOD);
  } catch (error) {
    // It is asked again at the next start.
    log("model_answer_not_kept", { error: describeError(error) });
  }
  return {
    refusal: verdict.is === "fails" ? verdict.reason : null,
    degraded: verdict.is === "degraded" ? [LLM_AUTH] : [],
  };
}

function memoryOf(store: Store): ModelMemory {
  return { good: store.get("model_good"), asked: store.get("model_asked") };
}
