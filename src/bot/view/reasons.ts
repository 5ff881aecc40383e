/** The codes that stand behind a status or a wait, in words that go on from a colon. Pure. */
import type { Limit } from "../../wire/trading-report.ts";

const WORDS: Readonly<Record<string, string>> = {
  "asked for": "requested",
  unsuspended: "the suspension was lifted",
  provider_rate_limited: "DigitalOcean's rate limit is reached",
  provider_budget: "the fleet's share of DigitalOcean's rate limit is used up",
  provider_unauthorized: "DigitalOcean rejects the API token",
  provider_team_mismatch: "the API token belongs to another DigitalOcean team",
  provider_identity_pending: "the DigitalOcean API token is being verified",
  provider_quota: "DigitalOcean's droplet limit is reached",
  provider_capacity: "DigitalOcean has no capacity for the droplet",
  provider_try_again: "DigitalOcean asked to try again later",
  provider_pending_event: "DigitalOcean is still processing another action on the droplet",
  gate_unreachable: "the request budget cannot be reached",
  heal_settling: "checking whether many bots are unresponsive",
  heal_budget: "the limit of simultaneous healings is reached",
  not_acknowledged: "the agent did not acknowledge it in time",
  held_by_breach: "a risk limit was passed",
  llm_auth: "the model provider refuses the API key or the model",
  fleet_hold: "too many bots became unresponsive at once; healing is on hold",
};

/** A code that has no words of its own is told as it is. */
export function inWords(code: string): string {
  return WORDS[code] ?? code.replaceAll("_", " ");
}

const LIMIT_WORDS: Readonly<Record<Limit, string>> = {
  max_daily_loss_pct: "the loss of the day in percent",
  max_drawdown_pct: "the drawdown in percent",
  max_trades_per_day: "the number of trades of the day",
  max_position_size_pct: "the largest position in percent",
};

/** What a limit is the limit of. */
export function limitInWords(limit: string): string {
  return Object.entries(LIMIT_WORDS).find(([name]) => name === limit)?.[1] ?? inWords(limit);
}

/** Why a bot is held: for limits that were passed, or as whoever holds it has put it. */
export function holdInWords(reason: string): string {
  const limits = reason.split(", ").filter((name) => Object.hasOwn(LIMIT_WORDS, name));
  return limits.length === 0 ? inWords(reason) : `limits passed are ${limits.map(limitInWords).join(" and ")}`;
}

/** Text that somebody else wrote, as the end of a sentence: cut where it is long, with one full stop. */
export function ending(text: string): string {
  const most = 300;
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return /[.…!?]$/.test(cut) ? cut : `${cut}.`;
}
