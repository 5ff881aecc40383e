/** From what was used in a month to what it costs. Pure. */
import { BASE_USD, PRICES, type Price } from "./prices.ts";

type Item = keyof typeof PRICES;
/** Of each item, in a month. */
export type Usage = Record<Item, number>;

export interface Line {
  item: Item;
  used: number;
  usd: number;
}

export interface Bill {
  lines: Line[];
  total_usd: number;
}

const ITEMS = Object.keys(PRICES) as Item[];

/** What is not named was not used. */
export function usage(used: Partial<Usage>): Usage {
  return mapItems((item) => used[item] ?? 0);
}

export function add(...uses: Usage[]): Usage {
  return mapItems((item) => uses.reduce((total, use) => total + use[item], 0));
}

export function times(use: Usage, factor: number): Usage {
  return mapItems((item) => use[item] * factor);
}

export function billOf(use: Usage): Bill {
  const lines = ITEMS.map((item) => {
    const { included, usd }: Price = PRICES[item];
    return { item, used: use[item], usd: Math.max(0, use[item] - included) * usd };
  });
  return { lines, total_usd: lines.reduce((total, { usd }) => total + usd, BASE_USD) };
}

function mapItems(amount: (item: Item) => number): Usage {
  return Object.fromEntries(ITEMS.map((item) => [item, amount(item)])) as Usage;
}
