/** Splits a unit value into words by systemd's rules: both quotes group, a backslash escapes, nothing else is special. */
export function splitWords(value: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let index = 0; index < value.length; index += 1) {
    const char = value.charAt(index);
    if (char === "\\" && quote !== "'" && index + 1 < value.length) {
      index += 1;
      word = (word ?? "") + readEscape(value.charAt(index));
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word = (word ?? "") + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

function readEscape(char: string): string {
  if (char === "n") return "\n";
  return char === "t" ? "\t" : char;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  "": 1_000,
  s: 1_000,
  sec: 1_000,
  second: 1_000,
  seconds: 1_000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
};

/** A time span in milliseconds ("5", "100ms", "1min 30s"); null for "infinity" and for what is no time span. */
export function parseDuration(value: string): number | null {
  if (value === "infinity") return null;
  let total = 0;
  let rest = value.trim();
  while (rest !== "") {
    const part = /^(\d+(?:\.\d+)?)\s*([a-z]*)\s*/.exec(rest);
    const unit = part === null ? undefined : UNITS_MS[part[2] ?? ""];
    if (part === null || unit === undefined) return null;
    total += Number(part[1]) * unit;
    rest = rest.slice(part[0].length);
  }
  return total;
}

/** Reads an `EnvironmentFile`: assignments, comments, values quoted or bare. */
export function parseEnvironmentFile(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    const equals = line.indexOf("=");
    if (equals < 1 || line.startsWith("#") || line.startsWith(";")) continue;
    const value = line.slice(equals + 1).trim();
    values[line.slice(0, equals).trim()] = /^["']/.test(value) ? splitWords(value).join(" ") : value;
  }
  return values;
}

/** Puts variables into a command: `${NAME}` anywhere, `$NAME` as a whole word, which is split; `$$` is a dollar sign. */
export function expandVariables(words: readonly string[], environment: Readonly<Record<string, string>>): string[] {
  return words.flatMap((word) => {
    const bare = /^\$([A-Za-z_][A-Za-z0-9_]*)$/.exec(word)?.[1];
    if (bare !== undefined) return splitWords(environment[bare] ?? "");
    const expanded = word.replace(/\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (whole, name: string | undefined) =>
      whole === "$$" ? "$" : (environment[name ?? ""] ?? ""),
    );
    return [expanded];
  });
}
