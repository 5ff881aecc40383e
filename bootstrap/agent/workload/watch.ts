/** Pure: what a run of looks at a child says of it: since when it is ready, whether it hangs, what it has lost. */

/** What one look at the child has shown. */
export interface Vitals {
  /** It has answered at all. */
  answers: boolean;
  ready: boolean;
  /** What is not ready, in its own words. */
  failing: readonly string[];
}

export interface WatchLimits {
  /** A child that was ready and has not answered for so long hangs. */
  hung_after_ms: number;
  /** So long it may take from its start to its first answer. */
  start_deadline_ms: number;
  /** A loss of readiness that lasts less is not told. */
  degraded_after_ms: number;
}

/** OpenClaw says so while it finishes what is in flight: it has lost nothing. */
const DRAINING = "gateway-draining";

const LOOKS_TO_BE_SURE = 3;

/** Of one child, from its start on. All times are of one monotonic clock, ms. */
export class Watch {
  readonly #limits: WatchLimits;
  #answered_at_ms: number;
  #unready_since_ms: number | null = null;
  #failing: readonly string[] = [];
  #was_ready = false;
  #silent_looks = 0;
  #last_span_ms = 0;
  /** Since when it has been ready without a break. */
  ready_since_ms: number | null = null;

  constructor(limits: WatchLimits, started_at_ms: number) {
    this.#limits = limits;
    this.#answered_at_ms = started_at_ms;
  }

  look({ answers, ready, failing }: Vitals, now_ms: number): void {
    if (answers) this.#answered_at_ms = now_ms;
    this.#silent_looks = answers ? 0 : this.#silent_looks + 1;
    if (ready || (this.#was_ready && failing.includes(DRAINING))) {
      this.#was_ready = true;
      this.#unready_since_ms = null;
      this.ready_since_ms ??= now_ms;
      return;
    }
    this.#last_span_ms = this.ready_for_ms(now_ms);
    this.ready_since_ms = null;
    this.#unready_since_ms ??= now_ms;
    this.#failing = failing;
  }

  /** How long it has been ready without a break, or was before it lost its readiness. */
  ready_for_ms(now_ms: number): number {
    return this.ready_since_ms === null ? this.#last_span_ms : now_ms - this.ready_since_ms;
  }

  /** What it was ready for and is not any more; nothing before its first readiness. */
  degraded(now_ms: number): readonly string[] {
    if (!this.#was_ready || this.#unready_since_ms === null) return [];
    if (now_ms - this.#unready_since_ms < this.#limits.degraded_after_ms) return [];
    return this.#failing.length > 0 ? this.#failing : ["not_ready"];
  }

  /** Why it is taken for hung; null: it is not. A child that says that it is not ready does not hang. */
  hung(now_ms: number): string | null {
    const silent_ms = now_ms - this.#answered_at_ms;
    const limit_ms = this.#was_ready ? this.#limits.hung_after_ms : this.#limits.start_deadline_ms;
    // One look after a pause of our own says nothing.
    if (silent_ms < limit_ms || this.#silent_looks < LOOKS_TO_BE_SURE) return null;
    return this.#was_ready
      ? `hung: no answer for ${Math.round(silent_ms / 1000)} s`
      : `no answer within ${Math.round(limit_ms / 1000)} s of its start`;
  }
}
