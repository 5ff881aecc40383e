/** A delay in milliseconds: fixed, or drawn anew each time from the simulator's random source. */
export type Delay = number | ((random: () => number) => number);

/** How this cloud behaves when nothing is broken. Every delay is in milliseconds. */
export interface Knobs {
  /** From the 202 until the droplet is `active`. */
  create_ms: Delay;
  /** From the 202 until tags can be seen and searched: tags are applied after the droplet exists, often once it runs. */
  tag_ms: Delay;
  /** Share of droplets, 0 to 1, that never get their tags. */
  tags_missing_forever: number;
  /** Whether the 202 shows the tags that were asked for, as the documented example does. */
  create_echoes_tags: boolean;
  /** From the 202 until lists show the droplet. */
  list_lag_ms: Delay;
  /** From the 202 until `GET /v2/droplets/{id}` answers anything but 404. */
  get_lag_ms: Delay;
  /** From `active` until the addresses are shown. */
  ip_lag_ms: Delay;
  /** From `active` until the event queue accepts the next event. */
  event_tail_ms: Delay;
  /** From the 204 of a delete until by-id reads answer 404. */
  delete_ms: Delay;
  /** The status shown meanwhile; `mixed` tosses a coin for each delete. */
  deleting_status: "same" | "archive" | "mixed";
  /** A delete while the create event runs: refused, obeyed, or answered 204 and forgotten. */
  delete_while_new: "pending_event" | "accept" | "ineffective";
  /** A second delete while the first is under way. */
  repeated_delete: "accept" | "pending_event";
  /** Duration of `power_on`, `power_off`, `reboot` and `power_cycle`. */
  power_ms: Delay;
  /** Duration of `shutdown`. */
  shutdown_ms: Delay;
  /** From the end of a power action until the droplet's status shows it. */
  status_lag_ms: Delay;
  /** `shutdown` completes, and the machine runs on. */
  guest_ignores_acpi: boolean;
  /** Undocumented upstream; both answers have been reported. */
  power_on_active: "refuse" | "accept";
  /** Sets the documented `locked` while an event runs. The real API stopped doing so in about 2019. */
  locked_while_pending: boolean;
  /** What happens to `per_page` above 200; only the maximum is documented. */
  per_page_over_limit: "clamp" | "refuse";
  /** Requests accepted in any 60 seconds. */
  per_minute: number;
  /** Requests accepted in any 3600 seconds. */
  per_hour: number;
  /**
   * Droplets that may be `new` at the same time. The refusal is not documented, so nothing is refused: creates above it
   * are counted.
   */
  max_concurrent_creates: number;
  /** How many finished actions are remembered, and how many requests are kept in the log. */
  actions_kept: number;
  requests_kept: number;
}

/** A realistic cloud on an ordinary day. */
export const DEFAULT_KNOBS: Readonly<Knobs> = {
  create_ms: 30_000,
  tag_ms: 33_000,
  tags_missing_forever: 0,
  create_echoes_tags: true,
  list_lag_ms: 3_000,
  get_lag_ms: 0,
  ip_lag_ms: 2_000,
  event_tail_ms: 2_000,
  delete_ms: 10_000,
  deleting_status: "mixed",
  delete_while_new: "pending_event",
  repeated_delete: "accept",
  power_ms: 5_000,
  shutdown_ms: 10_000,
  status_lag_ms: 3_000,
  guest_ignores_acpi: false,
  power_on_active: "refuse",
  locked_while_pending: false,
  per_page_over_limit: "clamp",
  per_minute: 250,
  per_hour: 5_000,
  max_concurrent_creates: 10,
  actions_kept: 10_000,
  requests_kept: 1_000,
};

/** Every delay zero: the cloud as naive clients imagine it. */
export const INSTANT_KNOBS: Readonly<Partial<Knobs>> = {
  create_ms: 0,
  tag_ms: 0,
  list_lag_ms: 0,
  get_lag_ms: 0,
  ip_lag_ms: 0,
  event_tail_ms: 0,
  delete_ms: 0,
  power_ms: 0,
  shutdown_ms: 0,
  status_lag_ms: 0,
};

/** Draws one delay, in whole milliseconds. A fixed delay takes nothing from the random source. */
export function draw(delay: Delay, random: () => number): number {
  return typeof delay === "number" ? delay : Math.max(0, Math.round(delay(random)));
}
