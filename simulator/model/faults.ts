import type { Call, Operation } from "./routes.ts";

/**
 * What can go wrong. `before` means that nothing happened at DigitalOcean, `after` that everything happened and only the
 * answer is lost or useless.
 *
 * - connection: `before_effect`, `after_effect` (dropped), `timeout_before`, `timeout_after`, `late_effect` (the caller's
 *   time-out passes; the call takes effect `delay_ms` later)
 * - useless answers: `status_5xx_before`, `status_5xx_after` (JSON), `html_502_before`, `html_502_after`, `unparsable_202`
 * - refusals: `rate_limited` (burst, with retry-after), `rate_limited_hourly` (without), `rate_limited_bare` (no headers),
 *   `rate_limited_stale_reset` (ratelimit-reset in the past), `unauthorized`, `forbidden`, `pending_event`, `quota`,
 *   `capacity`, `try_again`
 * - the world: `lost_action` (accepted, without effect; also for deletes), `create_errored`, `stuck_new`, `tags_never`,
 *   `no_address`
 * - lists: `list_omits`, `list_duplicate_row`, `page_fails`
 */
export type FaultKind = keyof typeof APPLIES;

const CREATE: readonly Operation[] = ["create_droplet"];
const LIST: readonly Operation[] = ["list_droplets"];
const MUTATING: readonly Operation[] = ["create_droplet", "delete_droplet", "droplet_action"];

/** Where a fault makes sense; "any" is everywhere. */
const APPLIES = {
  before_effect: "any",
  after_effect: "any",
  timeout_before: "any",
  timeout_after: "any",
  late_effect: MUTATING,
  status_5xx_before: "any",
  status_5xx_after: "any",
  html_502_before: "any",
  html_502_after: "any",
  unparsable_202: "any",
  rate_limited: "any",
  rate_limited_hourly: "any",
  rate_limited_bare: "any",
  rate_limited_stale_reset: "any",
  unauthorized: "any",
  forbidden: "any",
  pending_event: ["delete_droplet", "droplet_action"],
  quota: CREATE,
  capacity: CREATE,
  try_again: CREATE,
  lost_action: ["droplet_action", "delete_droplet"],
  create_errored: CREATE,
  stuck_new: CREATE,
  tags_never: CREATE,
  no_address: CREATE,
  list_omits: LIST,
  list_duplicate_row: LIST,
  page_fails: LIST,
} as const satisfies Record<string, "any" | readonly Operation[]>;

/** Every kind of fault, for tests that visit them all. */
export const FAULT_KINDS = Object.keys(APPLIES) as readonly FaultKind[];

/** One line of the script: which calls go wrong, how, and how often. */
export interface FaultRule {
  on: Operation | readonly Operation[] | "any";
  fault: FaultKind;
  /** Narrows the calls further. */
  when?: (call: Call) => boolean;
  /** The first matching call that goes wrong, counted from 1. With `nth` and no `times`, only that one does. */
  nth?: number;
  /** How many calls go wrong; without it (and without `nth`) all do, until `clear()`. */
  times?: number;
  /** Chance, 0 to 1, that a matching call goes wrong. */
  probability?: number;
  /** The HTTP status of `status_5xx_*`, `html_502_*` (any status will do) and `page_fails`. */
  status?: number;
  /** `late_effect`: how much later (default 20 s). `lost_action`: how long the action runs. */
  delay_ms?: number;
  /** `stuck_new`: for how long (default for ever). `list_omits`, `no_address`: for how long (default 60 s). */
  duration_ms?: number;
  /** `unparsable_202`: what arrives (default `truncated`). */
  shape?: "truncated" | "empty_object" | "missing_fields" | "empty_body";
  /** `lost_action`: how the action ends, without effect either way (default `completed`). */
  ends?: "completed" | "errored";
  /** `page_fails`: which page (default 2). */
  page?: number;
  /** `list_omits`: which droplet (default the newest on the page). */
  droplet?: number | string;
  /** `rate_limited`: the `retry-after` header (default 30 s). */
  retry_after_s?: number;
}

/** A rule in force. */
export interface ActiveFault {
  readonly rule: FaultRule;
  /** Matching calls so far, whether they went wrong or not. */
  readonly seen: number;
  /** Calls that went wrong. */
  readonly hits: number;
  /** Ends this rule alone. */
  remove(): void;
}

interface Entry {
  rule: FaultRule;
  seen: number;
  hits: number;
}

/** Whether a fault makes sense for an operation. */
function applies(fault: FaultKind, operation: Operation): boolean {
  const where: "any" | readonly Operation[] = APPLIES[fault];
  return where === "any" || where.includes(operation);
}

/** The rules in force, oldest first. At most one fires for a call: the first that matches and is not used up. */
export class FaultScript {
  #entries: Entry[] = [];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Adds a rule. Throws when the fault can never happen to the operations named. */
  add(rule: FaultRule): ActiveFault {
    for (const operation of named(rule.on)) {
      if (!applies(rule.fault, operation)) throw new Error(`${rule.fault} cannot happen to ${operation}`);
    }
    const entry: Entry = { rule, seen: 0, hits: 0 };
    this.#entries.push(entry);
    return {
      rule,
      get seen() {
        return entry.seen;
      },
      get hits() {
        return entry.hits;
      },
      remove: () => {
        this.#entries = this.#entries.filter((each) => each !== entry);
      },
    };
  }

  /** Ends all faults. What they have already done to the world stays done. */
  clear(): void {
    this.#entries = [];
  }

  /** The fault that befalls this call, if any; counts it. */
  next(call: Call): FaultRule | null {
    for (const entry of this.#entries) {
      if (!matches(entry.rule, call)) continue;
      entry.seen += 1;
      if (entry.seen < (entry.rule.nth ?? 1)) continue;
      if (entry.hits >= (entry.rule.times ?? (entry.rule.nth === undefined ? Infinity : 1))) continue;
      const probability = entry.rule.probability ?? 1;
      if (probability < 1 && this.#random() >= probability) continue;
      entry.hits += 1;
      return entry.rule;
    }
    return null;
  }
}

/** The operations a rule names one by one: none for "any", which takes only those that its fault applies to. */
function named(on: FaultRule["on"]): readonly Operation[] {
  if (on === "any") return [];
  return typeof on === "string" ? [on] : on;
}

function matches(rule: FaultRule, call: Call): boolean {
  if (!applies(rule.fault, call.operation)) return false;
  if (rule.on !== "any" && !named(rule.on).includes(call.operation)) return false;
  if (rule.fault === "page_fails" && Number(call.query.get("page") ?? 1) !== (rule.page ?? 2)) return false;
  return rule.when?.(call) ?? true;
}
