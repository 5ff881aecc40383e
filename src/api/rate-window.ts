/** Counts requests by key in fixed windows, in this isolate's memory: an approximate brake that costs nothing. */

const WINDOW_MS = 60_000;
/** Bounds what strangers can make us remember. */
const MAX_KEYS = 10_000;

export interface Counted {
  allowed: boolean;
  limit: number;
  remaining: number;
  /** Seconds until the window ends. */
  reset_s: number;
}

export class RateWindows {
  readonly #windows = new Map<string, { count: number; ends_at: number }>();

  /** Counts one request of this key. @param limit how many a minute */
  count(key: string, limit: number, now: number): Counted {
    const known = this.#windows.get(key);
    const window = known !== undefined && known.ends_at > now ? known : this.#begin(key, now);
    window.count++;
    return {
      allowed: window.count <= limit,
      limit,
      remaining: Math.max(0, limit - window.count),
      reset_s: Math.max(1, Math.ceil((window.ends_at - now) / 1000)),
    };
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#windows.size;
  }

  #begin(key: string, now: number) {
    if (this.#windows.size >= MAX_KEYS) this.#forget(now);
    const window = { count: 0, ends_at: now + WINDOW_MS };
    this.#windows.delete(key);
    this.#windows.set(key, window);
    return window;
  }

  /** What is over; where nothing is, the half that began first. */
  #forget(now: number): void {
    for (const [key, { ends_at }] of this.#windows) if (ends_at <= now) this.#windows.delete(key);
    if (this.#windows.size < MAX_KEYS) return;
    for (const key of [...this.#windows.keys()].slice(0, MAX_KEYS / 2)) this.#windows.delete(key);
  }
}
