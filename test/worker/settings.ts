/** Settings of the tests: nothing here opens anything outside of them. */
import { createHash } from "node:crypto";
import { formatToken } from "../../src/wire/tokens.ts";

export const operatorToken = formatToken("op", "00000000-0000-4000-8000-000000000001", new Uint8Array(32).fill(7));

export const testSecrets = {
  ENVIRONMENT: "development",
  PUBLIC_URL: "http://spawnpoint.test",
  DIGITALOCEAN_API_URL: "http://digitalocean.test",
  DIGITALOCEAN_TOKEN: "dop_v1_simulator",
  ENCRYPTION_KEYS: `test:${Buffer.from(createHash("sha256").update("test").digest()).toString("base64")}`,
  // Real alarms, in a hurry: tests await what they cause.
  // A test asks more in a second than a fleet in a minute.
  PROVIDER_LIMITS: JSON.stringify({
    per_minute: 100_000,
    per_hour: 1_000_000,
    background_per_minute: 100_000,
    usual_create_ms: 1,
  }),
  // Only where a test asks for it: it would list the droplets of whichever test runs then.
  SWEEP_MODE: "off",
  POLICY: JSON.stringify({
    poll_due_ms: 40,
    poll_young_ms: 40,
    poll_old_ms: 80,
    confirm_gone_poll_ms: 40,
    look_window_ms: 1_200,
    replication_window_ms: 1_200,
    surplus_quarantine_ms: 200,
    backoff_base_ms: 40,
    backoff_max_ms: 500,
    blocked_retry_min_ms: 200,
    blocked_retry_max_ms: 300,
    shutdown_patience_ms: 500,
    power_settle_ms: 500,
    restart_interval_ms: 1,
    // Few tests have an agent that says when it has stopped: the others wait for none.
    wind_down_ms: 1,
  }),
  SESSION_SECRET: "a test's secret, which signs nothing else",
  SIGN_UP: "open",
  // Most tests speak with one voice; those of the brakes set their own.
  REQUESTS_PER_MINUTE: "1000000",
  CREATES_PER_HOUR: "1000000",
  OPERATOR_TOKEN_SHA256: createHash("sha256").update(operatorToken).digest("hex"),
};
