/** Waiting: back-off, sleep that can be cut short, and a signal that wakes a loop. */

export interface BackoffLimits {
  first_ms: number;
  max_ms: number;
}

/**
 * Full jitter: anything between 0 and `first * 2^failures`, capped, so that a fleet does not come back in step.
 * @param failures in a row, so far. @param random in [0, 1).
 */
export function backoff(failures: number, limits: BackoffLimits, random: number): number {
  const ceiling = Math.min(limits.max_ms, limits.first_ms * 2 ** Math.min(failures, 30));
  return Math.round(ceiling * random);
}

/** Resolves after `ms`, or at once when the signal aborts; never rejects. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake);
  });
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Raised, it ends the present wait, or the next one if nobody waits: none is lost, several are one. */
export class Signal {
  #raised = false;
  #wake: (() => void) | null = null;

  raise(): void {
    this.#raised = true;
    this.#wake?.();
  }

  /** Forgets that it was raised: for who is about to look anyway. */
  clear(): void {
    this.#raised = false;
  }

  /** @returns whether it was raised. */
  async wait(ms: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#raised) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await sleep(ms, AbortSignal.any([signal, woken.signal]));
      this.#wake = null;
    }
    const raised = this.#raised;
    this.#raised = false;
    return raised;
  }
}
