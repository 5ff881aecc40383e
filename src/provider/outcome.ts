/** What a call to DigitalOcean may teach. Unknown is not absent, and a 404 is not yet gone. */
export type RefusalReason = "invalid" | "quota" | "capacity" | "try_again" | "pending_event" | "conflict";

export type Outcome<T> =
  | { kind: "ok"; value: T }
  /** Answered in so many words: nothing was done. */
  | { kind: "refused"; reason: RefusalReason; status: number; detail: string }
  /** 429: nothing was done; `wait_ms` as DigitalOcean asked, or our own floor. */
  | { kind: "rate_limited"; wait_ms: number }
  | { kind: "unauthorized"; status: number; detail: string }
  /** 404 for this id. */
  | { kind: "missing" }
  /** It may have been done or not: network error, time-out, 408, 5xx, or an answer that does not parse. */
  | { kind: "unknown"; detail: string };
