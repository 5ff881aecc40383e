/**
 * `npm run cost [-- --json]`: what a fleet costs on Cloudflare in a month, from what the real Bots do in a simulated day
 * and from the price list. Ends with 1 where the target is missed.
 */
import { parseArgs } from "node:util";
import { unstable_readConfig } from "wrangler";
import { billOf } from "./cost/bill.ts";
import { count, TRANSPORTS } from "./cost/count.ts";
import { PRICES } from "./cost/prices.ts";
import { assumptions, billTable, countsTable, type Estimate, priceTable, type Target, verdict } from "./cost/report.ts";
import { fleetUsage } from "./cost/usage.ts";
import { progress } from "./report/table.ts";

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const TARGET: Target = { usd: 0.04, bots: 100_000, transport: "channel" };

const { values: options } = parseArgs({ options: { json: { type: "boolean", default: false } } });

progress("counting a day over the channel …");
const channel = await count("channel");
progress("counting a day over HTTP …");
const counted = { channel, http: await count("http") };
progress("");

const logged = logsInvocations();
const estimates = TRANSPORTS.flatMap((transport) =>
  SIZES.map((bots): Estimate => {
    const bill = billOf(fleetUsage(counted[transport], bots, logged));
    return { transport, bots, bill, usd_a_bot: bill.total_usd / bots };
  }),
);
const judged = billOf(fleetUsage(counted[TARGET.transport], TARGET.bots, logged)).total_usd / TARGET.bots;
const met = judged <= TARGET.usd;

if (options.json) {
  const target = { ...TARGET, reached_usd: judged, met };
  console.log(JSON.stringify({ counted, logs_invocations: logged, prices: PRICES, estimates, target }, null, 2));
} else {
  const bills = TRANSPORTS.map((transport) => billTable(transport, estimates));
  console.log(
    [countsTable(counted), ...bills, priceTable(), assumptions(logged), verdict(TARGET, judged)].join("\n\n"),
  );
}
process.exitCode = met ? 0 : 1;

/** Whether wrangler.toml has every invocation logged: then each is a log event, and billed. */
function logsInvocations(): boolean {
  const { observability } = unstable_readConfig({ config: "wrangler.toml" }, { hideWarnings: true });
  const { enabled = false, logs } = observability ?? {};
  return enabled && logs?.enabled !== false && logs?.invocation_logs !== false;
}
