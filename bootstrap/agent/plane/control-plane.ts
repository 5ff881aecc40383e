/** The control plane as the agent sees it: every call ends in one of a few outcomes and never throws. */
import type { z } from "zod";
import type {
  ConfigAckRequest,
  CredentialRequest,
  HeartbeatRequest,
  RegisterRequest,
  StageRequest,
} from "../../../src/wire/agent.ts";
import { CredentialAnswer, HeartbeatAnswer, RegisterAnswer } from "../../../src/wire/agent.ts";
import { AgentConfig } from "../../../src/wire/config.ts";
import { describeError } from "../base/log.ts";

export type Outcome<T> =
  | { is: "ok"; value: T }
  | { is: "unchanged" }
  /** An answer that says no. `code` is the problem's, or "" where the body is not a problem document. */
  | { is: "refused"; status: number; code: string }
  /** Nothing is known of the effect: no answer, an overloaded or broken server, an answer that makes no sense. */
  | { is: "unreachable"; detail: string; retry_after_ms: number | null };

export interface FetchedConfig {
  config: AgentConfig;
  etag: string | null;
}

export interface ControlPlaneDeps {
  base_url: string;
  bot_id: string;
  droplet_id: number;
  timeout_ms: number;
  fetch: typeof fetch;
  /** Ends every call when the agent stops. */
  signal: AbortSignal;
}

interface Call {
  method: "GET" | "POST";
  path: string;
  bearer: string;
  body?: unknown;
  etag?: string | null;
}

export class ControlPlane {
  readonly #deps: ControlPlaneDeps;

  constructor(deps: ControlPlaneDeps) {
    this.#deps = deps;
  }

  register(bearer: string, body: RegisterRequest): Promise<Outcome<RegisterAnswer>> {
    return this.#call({ method: "POST", path: "/bot/register", bearer, body }, RegisterAnswer);
  }

  heartbeat(bearer: string, body: HeartbeatRequest): Promise<Outcome<HeartbeatAnswer>> {
    return this.#call({ method: "POST", path: `/bot/${this.#deps.bot_id}/heartbeat`, bearer, body }, HeartbeatAnswer);
  }

  ack(bearer: string, body: ConfigAckRequest): Promise<Outcome<null>> {
    return this.#call({ method: "POST", path: `/bot/${this.#deps.bot_id}/config_ack`, bearer, body }, null);
  }

  /** With the next credential as bearer: whether it has been taken. */
  rotate(bearer: string, body: CredentialRequest): Promise<Outcome<CredentialAnswer>> {
    const path = `/bot/${this.#deps.bot_id}/credential`;
    return this.#call({ method: "POST", path, bearer, body }, CredentialAnswer);
  }

  stage(bearer: string, body: StageRequest): Promise<Outcome<null>> {
    return this.#call({ method: "POST", path: `/bot/${this.#deps.bot_id}/stage`, bearer, body }, null);
  }

  async config(bearer: string, etag: string | null): Promise<Outcome<FetchedConfig>> {
    let seen: string | null = null;
    const { bot_id, droplet_id } = this.#deps;
    const outcome = await this.#call(
      { method: "GET", path: `/bot/${bot_id}/config?droplet_id=${droplet_id}`, bearer, etag },
      AgentConfig,
      (headers) => {
        seen = headers.get("etag");
      },
    );
    return outcome.is === "ok" ? { is: "ok", value: { config: outcome.value, etag: seen } } : outcome;
  }

  async #call<T>(call: Call, answer: z.ZodType<T> | null, onHeaders?: (headers: Headers) => void): Promise<Outcome<T>> {
    const { base_url, timeout_ms, signal } = this.#deps;
    try {
      const response = await this.#deps.fetch(`${base_url}${call.path}`, {
        method: call.method,
        headers: {
          authorization: `Bearer ${call.bearer}`,
          accept: "application/json",
          ...(call.body === undefined ? {} : { "content-type": "application/json" }),
          ...(call.etag ? { "if-none-match": call.etag } : {}),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout_ms)]),
      });
      const text = await response.text();
      if (response.status === 304) return { is: "unchanged" };
      if (!response.ok) return judgeRefusal(response.status, text, response.headers.get("retry-after"));
      onHeaders?.(response.headers);
      if (answer === null) return { is: "ok", value: null as T };
      const parsed = answer.safeParse(JSON.parse(text));
      if (parsed.success) return { is: "ok", value: parsed.data };
      const where = parsed.error.issues.map((issue) => issue.path.join(".")).join(", ");
      return { is: "unreachable", detail: `an answer that does not fit at ${where}`, retry_after_ms: null };
    } catch (error) {
      return { is: "unreachable", detail: describeError(error), retry_after_ms: null };
    }
  }
}

/** @param retry_after in seconds, as the header gives it. */
export function judgeRefusal(status: number, body: string, retry_after: string | null): Outcome<never> {
  if (status === 408 || status === 429 || status >= 500) {
    const wait_s = Number(retry_after ?? Number.NaN);
    return {
      is: "unreachable",
      detail: `status ${status}`,
      retry_after_ms: Number.isFinite(wait_s) && wait_s >= 0 ? wait_s * 1000 : null,
    };
  }
  return { is: "refused", status, code: problemCode(body) };
}

function problemCode(body: string): string {
  try {
    const problem: unknown = JSON.parse(body);
    if (typeof problem === "object" && problem !== null && "code" in problem && typeof problem.code === "string") {
      return problem.code;
    }
  } catch {
    // Not JSON: a proxy's page, which has no code.
  }
  return "";
}
