/**
 * Takes out what looks like a secret before anything is written: a log, an event, what is kept of an agent's or a
 * provider's words. One table for the control plane and for the agent. Rather too much is taken than too little: the hash
 * of a transaction looks like a private key.
 */
import { patternsOf } from "./known-secrets.ts";

const REDACTED = "[redacted]";

/** `keep`: how much of the match may stay, as groups of the pattern. */
interface Look {
  what: string;
  pattern: RegExp;
  keep?: string;
}

/** No letter, digit, `_` or `-` before: a pattern that may fail late must not begin anew at every character. */
const ALONE = "(?<![\\w-])";
/** These never stand in a mnemonic, and hardly a dozen words of prose do without all of them. */
const NO_MNEMONIC = "(?!(?:the|and|for|was|are|not|with|from|has|its|but)\\b)";
const NAMES =
  "token|secret|passw(?:or)?d|passphrase|api[_-]?key|private[_-]?key|secret[_-]?key|access[_-]?key|mnemonic|seed[_-]?phrase|signature";

/** In this order: what stands over several words comes before what may be a part of it. */
const LOOKS: readonly Look[] = [
  {
    what: "a private key in PEM, whole or without its beginning or end",
    pattern: /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
  },
  {
    what: "the end of a private key in PEM whose beginning is missing",
    pattern:
      /(?:^[ \t]*[A-Za-z0-9+/=]{16,80}[ \t]*\r?\n)*^[ \t]*[A-Za-z0-9+/=]*-----END [A-Z ]{0,40}PRIVATE KEY-----/gm,
  },
  {
    what: "what a database statement was given",
    pattern: /^(params: )[\s\S]*?(?=\n\s+at |$(?![\s\S]))/gm,
    keep: "$1",
  },
  { what: "cookies", pattern: /\b((?:set-)?cookie["']?\s{0,3}[:=]\s{0,3}["']?)[^"'\r\n]+/gi, keep: "$1" },
  {
    what: "a header that authorises, whatever its scheme",
    pattern: /\b(authorization["']?\s{0,3}[:=]\s{0,3}["']?)(?:[a-z]+ +)?[^\s"',]+/gi,
    keep: "$1",
  },
  { what: "a bearer token", pattern: /\bbearer\s+[A-Za-z0-9._~+/=-]{8,}/gi },
  { what: "who logs in, in a URL", pattern: /(:\/\/)[^\s/@:"'<>]*:[^\s/@"'<>]+(?=@)/g, keep: "$1" },
  {
    what: "a key in a query",
    pattern:
      /([?&](?:key|sig|auth|code|access_token|[\w-]{0,40}(?:token|secret|password|api_?key|signature))=)[^&\s"'#<>]+/gi,
    keep: "$1",
  },
  { what: "a token of Spawnpoint", pattern: /\bsp_[a-z]{2,8}_[0-9A-Za-z_]{16,}/gi },
  { what: "a key of a model provider", pattern: /\b(?:sk|rk)[-_][A-Za-z0-9_-]{8,}/g },
  {
    what: "a key of xAI, Groq, Perplexity, Hugging Face, Replicate",
    pattern: /\b(?:xai-|gsk_|pplx-|hf_|r8_)[A-Za-z0-9]{16,}/g,
  },
  { what: "a key of Google", pattern: /\bAIza[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{16,}/g },
  {
    what: "a token of GitHub or GitLab",
    pattern: /\b(?:gh[opsur]_[A-Za-z0-9]{8,}|github_pat_[A-Za-z0-9_]{10,}|glpat-[A-Za-z0-9_-]{10,})/g,
  },
  { what: "a token of Slack", pattern: /\b(?:xox[a-z]|xapp)-[A-Za-z0-9-]{8,}/g },
  { what: "a token of DigitalOcean", pattern: /\bdo[opr]_v1_[A-Za-z0-9]{8,}/gi },
  { what: "a token of npm", pattern: /\bnpm_[A-Za-z0-9]{30,}/g },
  { what: "a secret of a webhook", pattern: /\bwhsec_[A-Za-z0-9+/=]{8,}/g },
  { what: "a key of AWS", pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
  { what: "a token of a Telegram bot", pattern: /\b\d{8,10}:[A-Za-z0-9_-]{35}(?![\w-])/g },
  {
    what: "a token of a Discord bot",
    pattern: new RegExp(`${ALONE}[MNO][\\w-]{23,27}\\.[\\w-]{6,7}\\.[\\w-]{27,40}`, "g"),
  },
  { what: "a JWT", pattern: new RegExp(`${ALONE}eyJ[\\w-]{5,}\\.[\\w-]{5,}(?:\\.[\\w-]*)*`, "g") },
  { what: "a private key in hexadecimal", pattern: /\b(?:0x)?[0-9a-f]{64}(?:[0-9a-f]{64})?\b/gi },
  {
    what: "a private key in base 58",
    pattern: /\b(?:[1-9A-HJ-NP-Za-km-z]{86,88}|[5KLc][1-9A-HJ-NP-Za-km-z]{50,51})\b/g,
  },
  { what: "a private key as a list of bytes", pattern: /\[\s{0,3}(?:\d{1,3},\s{0,3}){31,63}\d{1,3}\s{0,3}\]/g },
  {
    what: "a mnemonic of a wallet",
    pattern: new RegExp(`\\b(?:${NO_MNEMONIC}[a-z]{3,8}["', ]{1,4}){11,}${NO_MNEMONIC}[a-z]{3,8}\\b`, "g"),
  },
  {
    what: "what its name says is secret",
    pattern: new RegExp(
      `\\b([\\w-]{0,40}(?:${NAMES})["']?\\s{0,3}[:=]\\s{0,3}["']?)(?!\\[redacted)[^\\s"'&,;<>]{4,}`,
      "gi",
    ),
    keep: "$1",
  },
];

/** Fields whose content is never written, whatever it looks like. */
const SECRET_FIELDS =
  /token|secret|passw(?:or)?d|passphrase|(?:api|private|access|signing|encryption)_?keys?$|authorization|cookie|user_data|mnemonic|seed_phrase|credential$/i;

/** How a program colours and moves on a terminal, raw or escaped in JSON: between the characters of a secret it would hide it. */
const TERMINAL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this takes out
  /(?:\u001b|\\(?:u001[bB]|x1[bB]|033|e))\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;

/** @param known secrets in present use, removed wherever they stand, whatever they look like and in whatever coat */
export function redactText(text: string, known: readonly string[] = []): string {
  const plain = text.replace(TERMINAL, "");
  // A secret may hold such a sequence itself.
  let clean = plain === text ? text : withoutKnown(text, known).replace(TERMINAL, "");
  clean = withoutKnown(clean, known);
  for (const { pattern, keep = "" } of LOOKS) clean = clean.replace(pattern, `${keep}${REDACTED}`);
  return clean;
}

function withoutKnown(text: string, known: readonly string[]): string {
  let clean = text;
  for (const pattern of patternsOf(known)) clean = clean.replaceAll(pattern, REDACTED);
  return clean;
}

/** Of anything that is about to become JSON. @param field the name under which it stands */
export function redact(value: unknown, known: readonly string[] = [], field = ""): unknown {
  const holdsText = typeof value === "string" || (typeof value === "object" && value !== null);
  if (SECRET_FIELDS.test(field) && holdsText) return REDACTED;
  if (typeof value === "string") return redactText(value, known);
  if (Array.isArray(value)) return value.map((item) => redact(item, known));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, known, key)]));
  }
  return value;
}

/** As many lines as the longest private key in PEM has, and some. */
const MAX_PEM_LINES = 100;

/** For text that comes line by line: a private key has lines of its own, which by themselves look like nothing. */
export function lineRedactor(known: () => readonly string[]): (line: string) => string {
  let left = 0;
  return (line) => {
    const inside = left > 0;
    if (/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/.test(line)) left = MAX_PEM_LINES;
    else if (inside) left--;
    if (/-----END [A-Z ]{0,40}PRIVATE KEY-----/.test(line)) left = 0;
    return inside && /^[\s"',\\n]*[A-Za-z0-9+/=]+[\s"',\\n]*$/.test(line) ? REDACTED : redactText(line, known());
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this takes out
const CONTROLS = /[\u0000-\u001f\u007f\u2028\u2029]+/g;

/** A stranger's words as they may be kept: one line, bounded, without what looks like a secret. @param max characters */
export function quote(text: string, max: number, known: readonly string[] = []): string {
  // What is cut off before it is looked at is far beyond what is kept.
  const clean = redactText(text.slice(0, 16 * max), known);
  return clean.replace(CONTROLS, " ").slice(0, max).toWellFormed();
}
