/** What the simulation cannot count: how long Cloudflare takes, and what people and their software ask for. */

/** Of each bot, in a month. */
export const MONTH = {
  days: 30,
  /** Every bot is made once a month: more than any fleet will see. */
  creates: 1,
  config_changes: 4,
  /** Each resets every object, and all agents come back. */
  deploys: 4,
  /** `GET /bots/{id}`, twenty a day. */
  reads: 600,
  /** How often it is on a page of `GET /bots`: once an hour. */
  listings: 720,
} as const;

/** From a hibernated object to its answer, ms of wall-clock time. */
export const WAKE_MS = 5;
/** Until a commit is durable and the answer may go, ms. */
export const COMMIT_MS = 10;
/** Of a request to the Worker, ms. */
export const WORKER_CPU_MS = 2;
/** A statement looks at more rows than come out of it. */
export const LOOKED_AT = 3;
/** A statement of ours in D1 writes a row and its entries in indexes. */
export const D1_ROWS_WRITTEN = 3;
/** The bot's rows in D1, with those of its config versions. */
export const D1_BYTES = 10_000;
/** Bots on a page of `GET /bots`. */
export const LISTED = 100;
/** A sweep lists all droplets, so many on a page and so many pages in an hour: what the budget of requests has room for. */
export const SWEEP = { page: 200, pages_an_hour: 4_850, an_hour: 12 } as const;
