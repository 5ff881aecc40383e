/**
 * Another credential in the present one's place. Whatever is lost on the way, a request, an answer or this process, one
 * of the two is accepted, and both are kept until it is known which.
 */
import { describeError, type Log } from "../base/log.ts";
import { backoff, Signal, sleep } from "../base/timing.ts";
import type { Result } from "../commands/command-rules.ts";
import type { Settings } from "../settings.ts";
import type { ControlPlane, Outcome } from "./control-plane.ts";
import type { Credential, Credentials } from "./credential.ts";

export interface CredentialRotationDeps {
  settings: Pick<Settings, "droplet_id" | "boot_id" | "backoff">;
  control_plane: Pick<ControlPlane, "rotate">;
  credentials: Credentials;
  log: Log;
  random: () => number;
  /** The present credential is another now. */
  onRotated: () => void;
}

const LOOK_EVERY_MS = 60_000;
const MAX_ASKED_WAIT_MS = 300_000;

export class CredentialRotation {
  readonly #wake = new Signal();
  readonly #deps: CredentialRotationDeps;
  #wanted: boolean;
  /** A request with the next credential was sent, here or before a restart: it may have been taken. */
  #in_doubt: boolean;
  /** The control plane wants neither of the two: a revocation is meant as one. */
  #both_refused = false;
  #done: ((result: Result) => void)[] = [];
  /** Whether all has been tried since the last command: else what is found out is of an earlier one. */
  #asked_for_it = false;

  constructor(deps: CredentialRotationDeps) {
    this.#deps = deps;
    this.#in_doubt = deps.credentials.next !== null;
    this.#wanted = this.#in_doubt;
  }

  /** Which of the two counts is being found out. */
  get busy(): boolean {
    return this.#wanted;
  }

  /** @param done told once how it ended */
  begin(done: (result: Result) => void): void {
    this.#both_refused = false;
    this.#asked_for_it = false;
    this.#done.push(done);
    this.#want();
  }

  /**
   * Whether a refusal is only the old credential's end, of which the answer is still to come: it then says nothing about
   * this agent's right to run.
   */
  explains(outcome: Outcome<unknown>, bearer: string): boolean {
    if (outcome.is !== "refused" || outcome.status !== 401) return false;
    const { token, next } = this.#deps.credentials;
    if (bearer !== token) return true;
    if (next === null || this.#both_refused) return false;
    this.#want();
    return true;
  }

  async loop(signal: AbortSignal): Promise<void> {
    const { credentials, log } = this.#deps;
    while (!signal.aborted) {
      if (this.#wanted) {
        const result = await this.#findOut(signal);
        if (result === null) return;
        this.#wanted = this.#done.length > 0 && !this.#asked_for_it;
        if (!this.#wanted) for (const done of this.#done.splice(0)) done(result);
      }
      try {
        credentials.settle();
      } catch (error) {
        // Such as a full disk. Both are still on it, and after a restart it is found out again.
        log("credential_not_settled", { error: describeError(error) });
      }
      if (!this.#wanted) await this.#wake.wait(LOOK_EVERY_MS, signal);
    }
  }

  #want(): void {
    this.#wanted = true;
    this.#wake.raise();
  }

  /** Null where there is none and none can be made, as on a full disk: then nothing is in doubt either. */
  async #prepare(): Promise<Credential | null> {
    const { credentials, log } = this.#deps;
    try {
      return await credentials.prepare();
    } catch (error) {
      log("credential_not_prepared", { error: describeError(error) });
      return null;
    }
  }

  /** @returns null where the agent stops before it is known */
  async #findOut(signal: AbortSignal): Promise<Result | null> {
    const { settings, control_plane, credentials, log, random } = this.#deps;
    const { droplet_id, boot_id } = settings;
    const next = await this.#prepare();
    if (next === null) {
      this.#asked_for_it = true;
      return { ok: false, detail: "The agent cannot write the new credential to its disk." };
    }
    let asked: Asked = this.#in_doubt ? "next" : "present";
    let present_revoked = false;
    for (let failures = 0; ; ) {
      this.#in_doubt = true;
      this.#asked_for_it ||= asked === "present";
      const bearer = asked === "next" ? next.token : credentials.token;
      const proof = { credential_sha256: next.sha256, credential: next.token };
      const outcome = await control_plane.rotate(bearer, { ...proof, droplet_id, boot_id });
      if (signal.aborted) return null;
      log("credential_rotation", { asked, ...outcome });
      const move = judgeRotation(asked, outcome, present_revoked);
      if (move.do === "promote") {
        this.#in_doubt = false;
        credentials.promote();
        this.#deps.onRotated();
        return { ok: true, detail: "The agent has a new credential." };
      }
      if (move.do === "give_up") {
        this.#both_refused = present_revoked;
        return { ok: false, detail: move.detail };
      }
      if (move.after_ms !== null) {
        await sleep(Math.max(backoff(failures++, settings.backoff, random()), move.after_ms), signal);
        if (signal.aborted) return null;
      }
      present_revoked ||= move.present_revoked;
      asked = move.as;
    }
  }
}

/** Which of the two credentials a request was sent with. */
export type Asked = "next" | "present";

export type RotationMove =
  | { do: "promote" }
  /** `after_ms`: at the least; null: at once. */
  | { do: "ask"; as: Asked; after_ms: number | null; present_revoked: boolean }
  | { do: "give_up"; detail: string };

/**
 * Pure: what an answer to the request means. What was refused to the next credential may have been granted since to the
 * present one, whose answer was lost: so only a next one that is refused after the present one was is of no use.
 */
export function judgeRotation(asked: Asked, outcome: Outcome<unknown>, present_revoked: boolean): RotationMove {
  if (outcome.is === "ok") return { do: "promote" };
  if (outcome.is !== "refused") {
    const after_ms = outcome.is === "unreachable" ? Math.min(outcome.retry_after_ms ?? 0, MAX_ASKED_WAIT_MS) : 0;
    return { do: "ask", as: "next", after_ms, present_revoked: false };
  }
  const said = `${outcome.status} ${outcome.code}`.trim();
  if (asked === "next") {
    return present_revoked
      ? { do: "give_up", detail: `The control plane accepts neither credential: ${said}.` }
      : { do: "ask", as: "present", after_ms: null, present_revoked: false };
  }
  return outcome.status === 401
    ? { do: "ask", as: "next", after_ms: null, present_revoked: true }
    : { do: "give_up", detail: `The control plane refused the new credential: ${said}.` };
}
