import { DigitalOcean, withTimeout } from "./digitalocean.ts";

interface ProviderSettings {
  DIGITALOCEAN_API_URL: string;
  DIGITALOCEAN_TOKEN: string;
  POLICY: { call_timeout_ms: number };
}

/** The client of the account that the settings name. */
export function connect(settings: ProviderSettings): DigitalOcean {
  return new DigitalOcean({
    base_url: settings.DIGITALOCEAN_API_URL,
    token: settings.DIGITALOCEAN_TOKEN,
    timeout_ms: settings.POLICY.call_timeout_ms,
    // Looked up at each call, so that a test's stand-in for the network is seen.
    fetch: (input, init) => fetch(input, init),
    now: () => Date.now(),
    withTimeout,
  });
}
