/** What the fleet's upkeep reads and writes of the index. */

/** A bot as the index knows it. */
export interface IndexedBot {
  id: string;
  revision: number;
}

/** Ids from `from` (included) to `to` (excluded), behind `after`. */
export interface Slice {
  from: string;
  to: string;
  after: string | null;
}

/** `account_unknown`: a bot of an account that the index does not have stays out of it. */
export type Restored = "restored" | "account_unknown";
