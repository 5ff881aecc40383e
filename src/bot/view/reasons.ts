/** The codes that stand behind a status or a wait, in words that go on from a colon. Pure. */

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
  fleet_hold: "too many bots became unresponsive at once; healing is on hold",
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
