/** The codes that stand behind a status or a wait, in words that go on from a colon. Pure. */

const WORDS: Readonly<Record<string, string>> = {
  provider_rate_limited: "DigitalOcean's rate limit is reached",
  provider_budget: "the fleet's share of DigitalOcean's rate limit is used up for the moment",
  provider_unauthorized: "DigitalOcean does not take the fleet's token",
  provider_team_mismatch: "the fleet's token is another DigitalOcean team's",
  provider_identity_pending: "the fleet's DigitalOcean token is being checked",
  provider_quota: "DigitalOcean's limit of droplets is reached",
  provider_capacity: "DigitalOcean has no room for the droplet just now",
  provider_try_again: "DigitalOcean asked to try again later",
  provider_pending_event: "DigitalOcean is still busy with the droplet",
  gate_unreachable: "the fleet's request budget cannot be asked just now",
  heal_settling: "whether very many bots have fallen silent is seen first",
  heal_budget: "as many bots as may be healed at a time are being healed",
  not_acknowledged: "its agent said nothing of it in time",
  fleet_hold: "very many bots fell silent together, so none of them is healed",
};

/** A code that has no words of its own is told as it is. */
export function inWords(code: string): string {
  return WORDS[code] ?? code.replaceAll("_", " ");
}

/** Text that somebody else wrote, as the end of a sentence: cut where it is long, with one full stop. */
export function ending(text: string): string {
  const most = 300;
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return /[.…!?]$/.test(cut) ? cut : `${cut}.`;
}
