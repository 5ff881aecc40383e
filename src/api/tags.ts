/** The sections of the OpenAPI document, in the order in which a newcomer needs them. */
export const TAGS = [
  { name: "Health", description: "Whether the service works." },
  { name: "Authentication", description: "Sign-up, sign-in, passwords and sessions of people." },
  { name: "Members", description: "Members of an account and invitations to it." },
  { name: "API keys", description: "Keys for programs: an account's own, and the operator's." },
  { name: "Audit", description: "Who changed what, and when." },
  { name: "Accounts", description: "Customers' accounts, their tiers and limits. Managed by the operator." },
  { name: "Bots", description: "Trading bots, each on a droplet of its own." },
  { name: "Configuration", description: "Immutable, numbered config versions of a bot." },
  { name: "Operations", description: "Actions on a bot, and the operations that carry them out." },
  {
    name: "Commands",
    description: "Requests to a bot's agent: control the workload, collect logs, rotate the credential.",
  },
  { name: "History", description: "A bot's event history: list it, stream it, wait for a status." },
  { name: "Operator", description: "Fleet maintenance: suspensions, sweeps, the index, budgets and encryption keys." },
  { name: "Agents", description: "What a droplet's bootstrap and agent call." },
];
