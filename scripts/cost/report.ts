/** The bill in words and tables. */
import type { Counts } from "../../test/simulation/meter.ts";
import { mark, table } from "../report/table.ts";
import { COMMIT_MS, D1_BYTES, MONTH, WAKE_MS, WORKER_CPU_MS } from "./assumptions.ts";
import type { Bill, Line } from "./bill.ts";
import { type Counted, TRANSPORTS, type Transport } from "./count.ts";
import { BASE_USD, PRICES, type Price } from "./prices.ts";

export interface Estimate {
  transport: Transport;
  bots: number;
  bill: Bill;
  usd_a_bot: number;
}

export interface Target {
  /** US dollars a bot and month. */
  usd: number;
  bots: number;
  transport: Transport;
}

const SPOKEN: Record<Transport, string> = { channel: "the channel", http: "HTTP" };

const COUNTED: [string, (counts: Counts) => number][] = [
  ["rows written", ({ rows_written }) => rows_written],
  ["alarms", ({ alarms }) => alarms],
  ["WebSocket messages that wake", ({ frames }) => frames],
  ["requests through the Worker", ({ requests }) => requests],
  ["the watchdog's and the sweep's calls", ({ pokes, claims }) => pokes + claims],
  ["D1 statements", ({ d1_statements }) => d1_statements],
];

/** What liveness takes, whatever it costs. */
export function countsTable(counted: Record<Transport, Counted>): string {
  const rows = COUNTED.map(([what, of]) => [
    what,
    ...TRANSPORTS.flatMap((transport) => {
      const { day } = counted[transport];
      return [((of(day) / day.beats) * 1_000).toFixed(0), round(of(day) * MONTH.days)];
    }),
  ]);
  const head = [
    "counted, nothing being asked",
    ...TRANSPORTS.flatMap((transport) => [`${transport}: 1,000 beats`, "a month"]),
  ];
  return table(head, rows);
}

/** What a fleet of each size pays for. */
export function billTable(transport: Transport, estimates: readonly Estimate[]): string {
  const shown = estimates.filter((estimate) => estimate.transport === transport);
  const lines = (shown[0]?.bill.lines ?? []).map(({ item }, at) => [
    PRICES[item].what,
    ...shown.map(({ bill }) => cell(bill.lines[at])),
  ]);
  const rows = [
    ...lines,
    ["Workers Paid", ...shown.map(() => dollars(BASE_USD))],
    ["all, a month", ...shown.map(({ bill }) => dollars(bill.total_usd))],
    ["a bot and month", ...shown.map(({ usd_a_bot }) => `$${usd_a_bot.toFixed(4)}`)],
  ];
  return table([`over ${SPOKEN[transport]}, bots:`, ...shown.map(({ bots }) => round(bots))], rows);
}

function cell(line: Line | undefined): string {
  if (line === undefined) return "";
  const { shown }: Price = PRICES[line.item];
  const used = line.used / shown.by;
  return `${used.toFixed(used < 10 ? 2 : 0)} ${shown.as}  ${dollars(line.usd).padStart(8)}`;
}

export function priceTable(): string {
  const rows = Object.values<Price>(PRICES).map(({ what, included, usd, shown: { by, as } }) => [
    what,
    `${round(included / by)} ${as}`,
    `$${Number((usd * by).toPrecision(6))} / ${as}`,
  ]);
  return table(["Cloudflare's prices (Workers Paid, November 2026)", "included", "beyond"], rows);
}

export function assumptions(logged: boolean): string {
  const { creates, config_changes, deploys, reads, listings } = MONTH;
  return [
    `Counted besides, a bot and month: ${creates} create, ${config_changes} config changes, ${deploys} deploys.`,
    `Assumed: ${reads} reads of it and ${listings} appearances in lists; ${WAKE_MS} ms for each wake of an object and`,
    `${COMMIT_MS} ms for each commit; ${WORKER_CPU_MS} ms of CPU for each request to the Worker; ${D1_BYTES / 1000} kB in D1.`,
    logged
      ? "Every invocation is logged, and each is a log event: see [observability.logs] in wrangler.toml."
      : "Invocations are not logged ([observability.logs] in wrangler.toml): each would be a log event.",
  ].join("\n");
}

export function verdict({ usd, bots, transport }: Target, usd_a_bot: number): string {
  const met = usd_a_bot <= usd;
  return `${mark(met)} ${round(bots)} bots over ${SPOKEN[transport]}: $${usd_a_bot.toFixed(4)} a bot and month (wanted: at most $${usd})`;
}

function round(amount: number): string {
  return Math.round(amount).toLocaleString("en");
}

function dollars(usd: number): string {
  return `$${usd >= 100 ? round(usd) : usd.toFixed(2)}`;
}
