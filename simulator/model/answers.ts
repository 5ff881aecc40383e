import {
  type Answer,
  forbidden,
  htmlError,
  MESSAGE,
  serverError,
  tooManyRequests,
  unauthorized,
  unprocessable,
} from "./errors.ts";
import type { FaultRule } from "./faults.ts";

const RETRY_AFTER_S = 30;

/** How a fault reaches the caller before anything was done: as an answer, as a failed connection, or not yet. */
export type Early = { answer: Answer } | { failure: "network" | "timeout" } | null;

/** The part of a fault that comes before the effect. */
export function beforeEffect(fault: FaultRule, now: number): Early {
  switch (fault.fault) {
    case "before_effect":
      return { failure: "network" };
    case "timeout_before":
    case "late_effect":
      return { failure: "timeout" };
    case "html_502_before":
      return { answer: htmlError(fault.status ?? 502) };
    case "status_5xx_before":
    case "page_fails":
      return { answer: serverError(fault.status ?? 500) };
    case "unauthorized":
      return { answer: unauthorized() };
    case "forbidden":
      return { answer: forbidden() };
    case "pending_event":
      return { answer: unprocessable(MESSAGE.pending_event) };
    case "quota":
      return { answer: unprocessable(MESSAGE.quota) };
    case "capacity":
      return {
        answer: unprocessable(MESSAGE.capacity, { error_attributes: { available_regions: ["nyc1", "ams3", "sfo3"] } }),
      };
    case "try_again":
      return { answer: unprocessable(MESSAGE.try_again) };
    case "rate_limited":
      return limited({ "ratelimit-remaining": "0", "retry-after": String(fault.retry_after_s ?? RETRY_AFTER_S) });
    case "rate_limited_hourly":
      return limited({ "ratelimit-remaining": "0" });
    case "rate_limited_stale_reset":
      return limited({ "ratelimit-remaining": "0", "ratelimit-reset": String(Math.floor(now / 1000) - 60) });
    case "rate_limited_bare":
      return { answer: { ...tooManyRequests(), bare: true } };
    default:
      return null;
  }
}

/** The part of a fault that comes after the effect: what becomes of the answer. */
export function afterEffect(fault: FaultRule, answer: Answer): { answer: Answer } | { failure: "network" | "timeout" } {
  switch (fault.fault) {
    case "after_effect":
      return { failure: "network" };
    case "timeout_after":
      return { failure: "timeout" };
    case "status_5xx_after":
      return { answer: serverError(fault.status ?? 500) };
    case "html_502_after":
      return { answer: htmlError(fault.status ?? 502) };
    case "unparsable_202":
      return { answer: garbled(answer, fault.shape ?? "truncated") };
    default:
      return { answer };
  }
}

function limited(headers: Record<string, string>): Early {
  return { answer: { ...tooManyRequests(), headers } };
}

/** A success whose body is of no use. Refusals and empty answers pass as they are. */
function garbled(answer: Answer, shape: NonNullable<FaultRule["shape"]>): Answer {
  if (answer.status >= 300 || answer.body === undefined) return answer;
  const { body, ...rest } = answer;
  switch (shape) {
    case "truncated": {
      const text = JSON.stringify(body);
      return { ...rest, text: text.slice(0, Math.floor(text.length / 2)) };
    }
    case "empty_object":
      return { ...rest, text: "{}" };
    case "missing_fields":
      return { ...rest, text: JSON.stringify({ droplet: { status: "new" }, links: {} }) };
    case "empty_body":
      return { ...rest, text: "" };
  }
}
