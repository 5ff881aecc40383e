/**
 * A bot's own secrets beside its LLM key (exchange keys, RPC addresses): name → value, which its workload finds in its
 * environment. Write-only, and versioned with the config.
 */
import * as z from "zod";
import { ILL_FORMED, Timestamp } from "./primitives.ts";

export const MAX_ENVIRONMENT_NAMES = 100;
/** Of all names and values together, as UTF-8. */
export const MAX_ENVIRONMENT_BYTES = 32 * 1024;

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

interface Reserved {
  /** Why nobody may set these, as the end of a sentence that begins with the name. */
  why: string;
  names?: string;
  prefixes?: string;
  suffixes?: string;
}

/**
 * What would change how a program is found, loaded or whom it trusts, or is not the customer's to say. In capitals; a
 * name is compared in capitals too, since some of them (proxies, npm's settings) are read in either case.
 */
const RESERVED: readonly Reserved[] = [
  {
    why: "is reserved for the LLM key; use llm_api_key instead",
    // Not those of every provider: what some bots have set already stays theirs to set.
    names: "OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_API_KEY OPENROUTER_API_KEY XAI_API_KEY",
  },
  { why: "is reserved for the bot's own software", prefixes: "OPENCLAW_ CLAWDBOT_ MOLTBOT_ SPAWNPOINT_" },
  {
    why: "is reserved: it controls which programs run and as which user",
    names: "PATH HOME USER LOGNAME SHELL PWD OLDPWD SHLVL UID EUID PPID _ TMPDIR TMP TEMP TERM TERMINFO TERMCAP",
    prefixes: "XDG_ SUDO_ DBUS_",
  },
  {
    why: "is reserved: it changes what shells run",
    names:
      "IFS ENV CDPATH FPATH ZDOTDIR GLOBIGNORE SHELLOPTS BASHOPTS PROMPT_COMMAND POSIXLY_CORRECT PS1 PS2 PS3 PS4 " +
      "HISTFILE",
    prefixes: "BASH_ KSH_",
  },
  {
    why: "is reserved: it makes programs start other programs",
    names: "EDITOR VISUAL PAGER MANPAGER BROWSER LESSOPEN LESSCLOSE",
    prefixes: "GIT_ SSH_",
  },
  {
    why: "is reserved: it makes programs load other code",
    names: "GCONV_PATH LOCPATH NLSPATH GLIBC_TUNABLES GETCONF_DIR CLASSPATH",
    prefixes: "LD_ DYLD_ MALLOC_ OPENSSL_ GNUTLS_",
  },
  {
    why: "is reserved: it makes a language runtime load other code",
    // Not by prefix: TSX is an exchange, and a pip a unit of price.
    names:
      "TSX_TSCONFIG_PATH PIP_CONFIG_FILE PIP_CERT PIP_INDEX_URL PIP_EXTRA_INDEX_URL PHPRC PHP_INI_SCAN_DIR RUSTFLAGS",
    prefixes:
      "NODE_ NPM_ PNPM_ YARN_ COREPACK_ TS_NODE_ JITI_ DENO_ BUN_ ELECTRON_ PYTHON PERL RUBY GEM_ BUNDLE_ LUA_ JAVA_ " +
      "_JAVA_ JDK_ DOTNET_ CARGO_ RUSTC_ RUSTUP_",
  },
  {
    why: "is reserved: it controls which certificates are trusted",
    names: "CURL_CA_BUNDLE CURL_HOME REQUESTS_CA_BUNDLE AWS_CA_BUNDLE NIX_SSL_CERT_FILE",
    prefixes: "SSL",
    suffixes: "_CA_BUNDLE _CA_CERTS _CA_FILE _CA_PATH _CAFILE",
  },
  {
    why: "is reserved: it redirects network traffic",
    names: "HOSTALIASES LOCALDOMAIN RES_OPTIONS RESOLV_HOST_CONF",
    prefixes: "GLOBAL_AGENT_",
    suffixes: "_PROXY",
  },
  { why: "is reserved: it controls language and time zone", names: "LANG LANGUAGE TZ TZDIR", prefixes: "LC_" },
  {
    why: "is reserved for systemd",
    names:
      "INVOCATION_ID JOURNAL_STREAM NOTIFY_SOCKET WATCHDOG_PID WATCHDOG_USEC MAINPID CREDENTIALS_DIRECTORY " +
      "STATE_DIRECTORY RUNTIME_DIRECTORY LOGS_DIRECTORY CACHE_DIRECTORY CONFIGURATION_DIRECTORY",
    prefixes: "LISTEN_ SYSTEMD_",
  },
];

const words = (text = "") => text.split(" ").filter((word) => word !== "");
const RULES = RESERVED.map(({ why, names, prefixes, suffixes }) => ({
  why,
  names: new Set(words(names)),
  prefixes: words(prefixes),
  suffixes: words(suffixes),
}));

/** @returns why no bot may set this variable; null where it may */
export function whyReserved(name: string): string | null {
  const given = name.toUpperCase();
  const rule = RULES.find(
    ({ names, prefixes, suffixes }) =>
      names.has(given) ||
      prefixes.some((prefix) => given.startsWith(prefix)) ||
      suffixes.some((suffix) => given.endsWith(suffix)),
  );
  return rule?.why ?? null;
}

/** Bytes of all names and values. */
export function environmentBytes(environment: Readonly<Record<string, string>>): number {
  const text = Object.entries(environment).flat().join("");
  return new TextEncoder().encode(text).byteLength;
}

/** Says nothing of the value: it is a secret. */
const Value = z
  .string()
  .max(MAX_ENVIRONMENT_BYTES)
  .refine((value) => !value.includes("\u0000"), "must not contain NUL characters")
  .refine((value) => value.isWellFormed(), ILL_FORMED);

/** Zod leaves this key of an object out without a word, and it would be neither kept nor refused. */
const UNSAFE = "__proto__";

function named<T extends z.ZodType>(values: z.ZodRecord<z.ZodString, T>) {
  const checked = values.superRefine((environment, check) => {
    for (const [name, value] of Object.entries(environment)) {
      // What may not be set (any more) may be removed all the same.
      const message = NAME.test(name)
        ? value === null
          ? null
          : whyReserved(name)
        : "is not a variable name: 1 to 128 letters, digits or _, not starting with a digit";
      if (message !== null) check.addIssue({ code: "custom", path: [name], message });
    }
    const count = Object.keys(environment).length;
    if (count > MAX_ENVIRONMENT_NAMES) {
      check.addIssue({ code: "custom", message: `has ${count} variables, more than ${MAX_ENVIRONMENT_NAMES}` });
    }
    const set = Object.entries(environment).map(([name, value]) => [name, String(value ?? "")]);
    if (environmentBytes(Object.fromEntries(set)) > MAX_ENVIRONMENT_BYTES) {
      check.addIssue({ code: "custom", message: `is larger than ${MAX_ENVIRONMENT_BYTES} bytes` });
    }
  });
  return z.preprocess(
    (raw) =>
      typeof raw === "object" && raw !== null && Object.hasOwn(raw, UNSAFE) ? { ...raw, [`${UNSAFE} `]: "" } : raw,
    checked,
  );
}

const description =
  "Secrets for the workload, as environment variables: at most 100, and 32 KiB of names and values in total. " +
  "Write-only. Values of 8 characters or more are redacted from logs. Names that change how programs are found, loaded " +
  "or trusted are refused.";

export const Environment = named(z.record(z.string(), Value)).meta({
  description,
  writeOnly: true,
  example: { EXCHANGE_API_SECRET: "…" },
});
export type Environment = Readonly<Record<string, string>>;

export const EnvironmentPatch = named(z.record(z.string(), Value.nullable())).meta({
  description: `${description} Merged into the existing variables; null removes a variable.`,
  writeOnly: true,
  example: { EXCHANGE_API_SECRET: "…", RPC_URL: null },
});
export type EnvironmentPatch = Readonly<Record<string, string | null>>;

/** What management sees of them. */
export const EnvironmentView = z
  .array(z.object({ name: z.string(), updated_at: Timestamp }))
  .meta({ description: "Names of the secrets that are set. Their values are never returned." });
