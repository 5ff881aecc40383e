/** Running totals, for assertions. */
export interface Counters {
  /** Calls of `fetch`, whatever became of them. */
  requests: number;
  /** Droplets made through the API. */
  creates: number;
  /** Most droplets seen `new` at the same time. */
  max_concurrent_creates: number;
  /** Creates taken while the documented maximum of droplets was already `new`. */
  creates_over_concurrency: number;
  /** DELETE commands that were taken, by droplet id; more than one is what the provider's abuse desk complains about. */
  deletes_by_droplet: Map<number, number>;
  /** Calls of `DELETE /v2/droplets?tag_name=`, which nobody should make. */
  deletes_by_tag: number;
  /** Requests answered 429, by the limiter or by a fault. */
  rate_limited: number;
  /** Most requests accepted within any 60 seconds. */
  max_per_minute: number;
}

/** All zero. */
export function newCounters(): Counters {
  return {
    requests: 0,
    creates: 0,
    max_concurrent_creates: 0,
    creates_over_concurrency: 0,
    deletes_by_droplet: new Map(),
    deletes_by_tag: 0,
    rate_limited: 0,
    max_per_minute: 0,
  };
}
