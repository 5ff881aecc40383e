/** A simulated agent's side of a rotation: two credentials on its disk, until it knows which of them counts. */
import type { Outcome } from "../../bootstrap/agent/plane/control-plane.ts";
import { type Asked, judgeRotation } from "../../bootstrap/agent/plane/credential-rotation.ts";
import type { Answer } from "../../src/bot/shell/answer.ts";

/** Where an agent that knows nothing asks again, ms. */
const AGAIN_MS = 4_000;

export class AgentRotation {
  /** What of it is on the disk. */
  next: string | null = null;
  /** The command that is being carried out. */
  #command: string | null = null;
  #wanted = false;
  #asked: Asked = "present";
  #present_revoked = false;
  #both_refused = false;
  /** As the real agent's: what is found out is of an earlier command until the present credential has asked. */
  #asked_for_it = false;

  /** What the copy of a disk begins with. */
  copied(): AgentRotation {
    const copy = new AgentRotation();
    copy.next = this.next;
    copy.die();
    return copy;
  }

  get busy(): boolean {
    return this.#wanted;
  }

  begin(command: string): void {
    this.#command = command;
    this.#both_refused = false;
    this.#asked_for_it = false;
    this.#want();
  }

  /** The process is gone; its disk is not. @returns the command that it leaves undone */
  die(): string | null {
    const left = this.#command;
    this.#command = null;
    this.#both_refused = false;
    this.#wanted = false;
    if (this.next !== null) this.#want();
    return left;
  }

  /** As the real agent's: what was refused may only be the old credential's end. */
  explains(): boolean {
    if (this.next === null || this.#both_refused) return false;
    this.#want();
    return true;
  }

  /**
   * One request and what follows at once.
   * @param send null: nothing is known of what became of it
   * @param make another credential, by its hash
   * @returns the command that has ended with it, how, and whether the next credential is the present one now
   */
  goOn(
    present: string,
    send: (bearer: string, next: string) => Answer<unknown> | null,
    make: () => string,
  ): { ended: { command: string | null; ok: boolean } | null; promoted: string | null; again_ms: number } {
    this.next ??= make();
    const { next } = this;
    for (;;) {
      const asked = this.#asked;
      this.#asked_for_it ||= asked === "present";
      const outcome = outcomeOf(send(asked === "next" ? next : present, next));
      const move = judgeRotation(asked, outcome, this.#present_revoked);
      this.#asked = "next";
      if (move.do === "ask") {
        this.#asked = move.as;
        this.#present_revoked ||= move.present_revoked;
        if (move.after_ms === null) continue;
        return { ended: null, promoted: null, again_ms: AGAIN_MS };
      }
      const promoted = move.do === "promote" ? next : null;
      if (promoted !== null) this.next = null;
      else this.#both_refused = this.#present_revoked;
      this.#present_revoked = false;
      this.#wanted = promoted !== null && this.#command !== null && !this.#asked_for_it;
      if (this.#wanted) {
        this.#asked = "present";
        return { ended: null, promoted, again_ms: 1 };
      }
      const ended = { command: this.#command, ok: promoted !== null };
      this.#command = null;
      return { ended, promoted, again_ms: 0 };
    }
  }

  #want(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#asked = this.next === null ? "present" : "next";
    this.#present_revoked = false;
  }
}

function outcomeOf(answer: Answer<unknown> | null): Outcome<unknown> {
  if (answer === null) return { is: "unreachable", detail: "", retry_after_ms: null };
  if (answer.ok) return { is: "ok", value: answer.value };
  if (answer.code === "wrong_droplet") return { is: "refused", status: 403, code: answer.code };
  const unknown = answer.code === "invalid_credential" || answer.code === "credential_revoked";
  return { is: "refused", status: unknown ? 401 : 409, code: answer.code };
}
