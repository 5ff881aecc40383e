/** Takes what looks like a secret out of text that is about to be written anywhere. */

const SECRET_PATTERNS: readonly RegExp[] = [
  /\bsp_(?:reg|agt|op)_[0-9a-f]{32}_[0-9a-f]+/gi,
  /\bsk-[A-Za-z0-9_-]{8,}/g,
  /\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{10,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{10,}/g,
  /\bxox[a-z]-[A-Za-z0-9-]{8,}/g,
  /\bxai-[A-Za-z0-9]{16,}/g,
  /\bgsk_[A-Za-z0-9]{16,}/g,
  /\bAIza[A-Za-z0-9_-]{20,}/g,
  /\bdo[opr]_v1_[0-9a-f]{16,}/gi,
];
const BEARER = /\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}/gi;
const REDACTED = "[redacted]";

/** Shorter ones are ordinary words: to remove those would leave nothing to read. */
const MIN_SECRET_CHARS = 8;

/**
 * A secret as text may show it: as it is, escaped in JSON, and, since logs are cleaned by the line, each of its lines.
 * The longest first, so that no part of one is removed before the whole.
 */
export function formsOf(secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((secret) => {
    const lines = secret.split(/\r?\n/).map((line) => line.trim());
    return [secret, ...lines].flatMap((form) => [form, JSON.stringify(form).slice(1, -1)]);
  });
  return [...new Set(forms)].filter((form) => form.length >= MIN_SECRET_CHARS).sort((a, b) => b.length - a.length);
}

/** @param known secrets in present use, removed wherever they stand, whatever they look like. */
export function redact(text: string, known: readonly string[] = []): string {
  let clean = text;
  for (const secret of known) if (secret.length >= MIN_SECRET_CHARS) clean = clean.replaceAll(secret, REDACTED);
  for (const pattern of SECRET_PATTERNS) clean = clean.replace(pattern, REDACTED);
  return clean.replace(BEARER, `$1${REDACTED}`);
}
