import type { Due } from "./records.ts";

/** What is still to happen, ordered by time; things due at the same time happen in the order they were planned. */
export class Timeline {
  #due: Due[];

  constructor(due: readonly Due[] = []) {
    this.#due = [...due];
  }

  /** Plans one thing. */
  plan(due: Due): void {
    let index = this.#due.length;
    while (index > 0 && (this.#due[index - 1]?.at ?? 0) > due.at) index -= 1;
    this.#due.splice(index, 0, due);
  }

  /** Takes the earliest thing that is due at `now`, if any. */
  takeDue(now: number): Due | undefined {
    const first = this.#due[0];
    return first !== undefined && first.at <= now ? this.#due.shift() : undefined;
  }

  /** When the next thing is due (ms since the epoch), or null. */
  next(): number | null {
    return this.#due[0]?.at ?? null;
  }

  /** Everything still to happen. */
  all(): readonly Due[] {
    return this.#due;
  }
}
