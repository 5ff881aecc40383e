/** Structured logs, one JSON object a line, through one place. */

/** Values that look like a secret, whatever field they are in. */
const SECRET_VALUES =
  /\b(?:sk-[A-Za-z0-9_-]{8,}|ghp_[A-Za-z0-9]{8,}|xox[a-z]-[A-Za-z0-9-]{8,}|do[opr]_v1_[A-Za-z0-9]{8,}|sp_(?:reg|agt|op)_[0-9a-f_]{16,}|Bearer\s+\S{8,})/g;
/** Fields whose content is never written, whatever it looks like. */
const SECRET_FIELDS = /token|secret|password|api_key|authorization|cookie|user_data|credential$/i;

export function redactText(text: string): string {
  return text.replace(SECRET_VALUES, "[redacted]");
}

export function redact(value: unknown, field = ""): unknown {
  const holdsText = typeof value === "string" || (typeof value === "object" && value !== null);
  if (SECRET_FIELDS.test(field) && holdsText) return "[redacted]";
  if (typeof value === "string") return redactText(value);
  if (Array.isArray(value)) return value.map((item) => redact(item));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, key)]));
  }
  return value;
}

export function log(entry: Record<string, unknown>): void {
  const line = JSON.stringify(redact(entry));
  if (entry.level === "error") console.error(line);
  else if (entry.level === "warn") console.warn(line);
  else console.log(line);
}
