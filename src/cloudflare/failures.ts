/** Which failures of the platform pass by themselves. */

/** D1 says so in text only: https://developers.cloudflare.com/d1/observability/debug-d1/#error-list */
const PASSING =
  /Network connection lost|storage caused object to be reset|reset because its code was updated|Cannot resolve D1|overloaded|database is locked/i;

/** Whether D1 was not to be reached, which says nothing about what was asked. */
export function isPassing(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (PASSING.test(cause.message)) return true;
  return false;
}

/** Cloudflare marks what may succeed on another try: https://developers.cloudflare.com/durable-objects/best-practices/error-handling/ */
export function isUnavailable(error: unknown): boolean {
  const flags = error as { retryable?: boolean; overloaded?: boolean } | null;
  return flags?.retryable === true || flags?.overloaded === true || isPassing(error);
}
