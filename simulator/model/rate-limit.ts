const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What the limiter says about one request. */
export type Verdict = "ok" | "burst" | "hourly";

/**
 * The two sliding windows of one token: each accepted request counts for an hour from its own time. Refused requests
 * are turned away at the gateway and do not count.
 */
export class RateLimit {
  #times: number[];
  #hour = 0;
  #minute = 0;

  constructor(times: readonly number[] = []) {
    this.#times = [...times];
  }

  /** Judges a request at `now` and, if it is accepted, counts it. */
  take(now: number, per_minute: number, per_hour: number): Verdict {
    this.#slide(now);
    if (this.#times.length - this.#minute >= per_minute) return "burst";
    if (this.#times.length - this.#hour >= per_hour) return "hourly";
    this.#times.push(now);
    return "ok";
  }

  /** Requests counted in the last minute. */
  inLastMinute(now: number): number {
    this.#slide(now);
    return this.#times.length - this.#minute;
  }

  /** Whole seconds until the burst window has room again, at least 1. */
  retryAfter(now: number): number {
    this.#slide(now);
    const oldest = this.#times[this.#minute] ?? now;
    return Math.max(1, Math.ceil((oldest + MINUTE_MS - now) / 1000));
  }

  /**
   * The `ratelimit-*` headers. `reset` is when the *oldest* counted request expires, which is not when one may go on; on
   * a refusal `remaining` is 0 whichever limit was hit.
   */
  headers(now: number, per_hour: number, verdict: Verdict): Record<string, string> {
    this.#slide(now);
    const used = this.#times.length - this.#hour;
    const oldest = this.#times[this.#hour] ?? now;
    return {
      "ratelimit-limit": String(per_hour),
      "ratelimit-remaining": String(verdict === "ok" ? Math.max(0, per_hour - used) : 0),
      "ratelimit-reset": String(Math.ceil((oldest + HOUR_MS) / 1000)),
    };
  }

  /** The times that still count, oldest first. */
  times(): number[] {
    return this.#times.slice(this.#hour);
  }

  #slide(now: number): void {
    const times = this.#times;
    while (this.#hour < times.length && (times[this.#hour] ?? 0) <= now - HOUR_MS) this.#hour += 1;
    this.#minute = Math.max(this.#minute, this.#hour);
    while (this.#minute < times.length && (times[this.#minute] ?? 0) <= now - MINUTE_MS) this.#minute += 1;
    // Forgetting in bulk keeps each request at constant cost.
    if (this.#hour > 4096) {
      this.#times = times.slice(this.#hour);
      this.#minute -= this.#hour;
      this.#hour = 0;
    }
  }
}
