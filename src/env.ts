/** Settings: one table with defaults, validated once, and what refuses to start in production. */
import * as z from "zod";
import { Policy } from "./bot/model/policy.ts";
import { Limits } from "./provider/gate/budget.ts";
import { BootstrapSettings } from "./provider/user-data.ts";
import { type KeyringEntry, parseKeyring } from "./secrets/vault.ts";

const Url = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));
const Json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: "custom", message: "is not JSON" });
    return z.NEVER;
  }
});
/** How the secrets of a local system begin, or are named. */
const LOCAL = "local";
const Slug = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,99}$/, "must be a DigitalOcean slug");

/** The key ring, or the sentence that says what is wrong with it. */
const Keyring = z.string().transform((text, context): readonly [KeyringEntry, ...KeyringEntry[]] => {
  try {
    return parseKeyring(text);
  } catch (error) {
    context.addIssue({
      code: "custom",
      message: error instanceof Error ? error.message : "is not a valid list of keys",
    });
    return z.NEVER;
  }
});

/** Origins as browsers send them: scheme, host and port, nothing behind. */
const Origins = z.string().transform((text, context): string[] => {
  const origins = text
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
  for (const origin of origins) {
    if (URL.parse(origin)?.origin !== origin) {
      context.addIssue({
        code: "custom",
        message: `"${origin}" is not an origin; an example is https://app.example.com`,
      });
    }
  }
  return origins;
});

const SettingsSchema = z.object({
  ENVIRONMENT: z.enum(["development", "production"]).default("production"),
  PUBLIC_URL: Url,
  DIGITALOCEAN_API_URL: Url.default("https://api.digitalocean.com"),
  DIGITALOCEAN_TOKEN: z.string().min(8),
  ENCRYPTION_KEYS: Keyring,
  OPERATOR_TOKEN_SHA256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be the SHA-256 of the operator token; npm run token prints both"),
  /** Signs the cookies of people's sessions; another one signs everybody out. */
  SESSION_SECRET: z.string().min(32, "must have at least 32 characters; make one with: openssl rand -base64 32"),
  /** Other origins whose pages may use this API with a session. */
  ALLOWED_ORIGINS: Origins.prefault(""),
  SIGN_UP: z.enum(["open", "closed"]).default("closed"),
  MAIL_WEBHOOK_URL: z.union([z.literal(""), Url]).default(""),
  MAIL_WEBHOOK_TOKEN: z.string().default(""),
  /** What one credential may ask in a minute; the operator's may ask 60 times as much. */
  REQUESTS_PER_MINUTE: z.coerce.number().int().positive().default(100),
  /** How many bots an account may make in an hour, whatever becomes of them. */
  CREATES_PER_HOUR: z.coerce.number().int().positive().default(20),
  DROPLET_REGION: Slug.default("nyc3"),
  DROPLET_SIZE: Slug.default("s-1vcpu-2gb"),
  DROPLET_IMAGE: Slug.default("ubuntu-22-04-x64"),
  DROPLET_SSH_KEY: z
    .string()
    .regex(/^[0-9a-f:]*$/, "must be an SSH key's id or fingerprint")
    .default(""),
  /** A tag such as `latest` would give each droplet whatever was published last, tried by nobody. */
  OPENCLAW_VERSION: z
    .string()
    .max(64)
    .regex(/^\d+\.\d+\.\d+(?:[-+][A-Za-z0-9.+-]+)?$/, "must be a version of the npm package openclaw, such as 2026.9.6")
    .default("2026.9.6"),
  /** Where OpenClaw's gateway listens on a droplet's loopback; 0: the agent picks a free port. */
  WORKLOAD_PORT: z.coerce.number().int().min(0).max(65_535).default(18_789),
  WORKLOAD_READY_WINDOW_S: z.coerce.number().positive().max(120).default(15),
  BOOTSTRAP: Json.pipe(BootstrapSettings).prefault("{}"),
  PROVIDER_LIMITS: Json.pipe(Limits).prefault("{}"),
  /** Whether the sweep deletes what nobody answers for, only reports it, or waits until it is asked to report. */
  SWEEP_MODE: z.enum(["delete", "dry_run", "off"]).default("delete"),
  POLICY: Json.pipe(Policy).prefault("{}"),
});
export type Settings = z.infer<typeof SettingsSchema>;

const settingsOf = new WeakMap<object, Settings>();

/**
 * The settings, parsed once for each isolate.
 * @throws a sentence for each setting that is missing or wrong; never a secret's content
 */
export function readSettings(env: object): Settings {
  const known = settingsOf.get(env);
  if (known) return known;
  const parsed = SettingsSchema.safeParse(env);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new Error(`Spawnpoint cannot start because of invalid settings:\n${lines.join("\n")}`);
  }
  const faults = productionFaults(parsed.data);
  if (faults.length > 0)
    throw new Error(`Spawnpoint refuses to start in production because of these settings:\n${faults.join("\n")}`);
  settingsOf.set(env, parsed.data);
  return parsed.data;
}

/** What is fine on a laptop and not in front of customers. */
function productionFaults(settings: Settings): string[] {
  if (settings.ENVIRONMENT !== "production") return [];
  const faults: string[] = [];
  for (const [name, address] of addressesOf(settings)) {
    const url = new URL(address);
    if (url.protocol !== "https:") faults.push(`${name}: must use https`);
    if (/^(localhost|127\.|0\.0\.0\.0|\[)/.test(url.hostname)) faults.push(`${name}: points at this machine`);
    if (/(^|\.)example\.com$/.test(url.hostname)) faults.push(`${name}: still has the example value`);
  }
  if (settings.DIGITALOCEAN_TOKEN.includes("simulator")) faults.push("DIGITALOCEAN_TOKEN: is the simulator's token");
  if (settings.SESSION_SECRET.startsWith(LOCAL)) faults.push("SESSION_SECRET: was made for a local system");
  if (settings.ENCRYPTION_KEYS.some(({ id }) => id === LOCAL))
    faults.push("ENCRYPTION_KEYS: contains a key of a local system");
  if (settings.SIGN_UP === "open" && settings.MAIL_WEBHOOK_URL === "") {
    faults.push("MAIL_WEBHOOK_URL: is required for open sign-up, to send verification messages");
  }
  return faults;
}

function addressesOf(settings: Settings): [name: string, address: string][] {
  const { PUBLIC_URL, DIGITALOCEAN_API_URL, MAIL_WEBHOOK_URL, ALLOWED_ORIGINS } = settings;
  return [
    ["PUBLIC_URL", PUBLIC_URL],
    ["DIGITALOCEAN_API_URL", DIGITALOCEAN_API_URL],
    ...(MAIL_WEBHOOK_URL === "" ? [] : [["MAIL_WEBHOOK_URL", MAIL_WEBHOOK_URL] as [string, string]]),
    ...ALLOWED_ORIGINS.map((origin): [string, string] => ["ALLOWED_ORIGINS", origin]),
  ];
}
