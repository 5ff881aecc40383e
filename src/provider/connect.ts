import type { Settings } from "../env.ts";
import { DigitalOcean, withTimeout } from "./digitalocean.ts";

/** The client of the account that the settings name. */
export function connect(settings: Settings): DigitalOcean {
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
