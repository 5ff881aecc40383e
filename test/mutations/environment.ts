/** A bot's further secrets: which names they may have, how they are kept, and where they must not be read. */
import type { Mutant } from "./mutant.ts";

const KNOWN_SECRETS = "src/wire/known-secrets.ts";
const known_secrets = "test/unit/wire/known-secrets.test.ts";

const WIRE = "src/wire/environment.ts";
const names = "test/unit/wire/environment.test.ts";
const merged = "test/unit/bot/environment.test.ts";
const parts = "test/unit/agent/parts.test.ts";

export const environment: readonly Mutant[] = [
  {
    name: "environment-names",
    guard: "A further secret has a name that is one for every shell.",
    file: WIRE,
    find: "const message = NAME.test(name)",
    replace: "const message = NAME.test(name) || name !== name.trim()",
    caught_by: [names],
  },
  {
    name: "environment-dangerous-names",
    guard: "Nobody sets what programs are found, loaded or trusted by.",
    file: WIRE,
    find: "names.has(given) ||",
    replace: "",
    caught_by: [names],
  },
  {
    name: "environment-in-either-case",
    guard: "A proxy is refused in small letters too.",
    file: WIRE,
    find: "const given = name.toUpperCase();",
    replace: "const given = name;",
    caught_by: [names],
  },
  {
    name: "environment-drops-no-name",
    guard: "A name that zod leaves out is refused, not forgotten.",
    file: WIRE,
    find: "Object.hasOwn(raw, UNSAFE)",
    replace: "raw === UNSAFE",
    caught_by: [names],
  },
  {
    name: "environment-bytes",
    guard: "A request carries no more than 32 KiB of further secrets.",
    file: WIRE,
    find: "if (environmentBytes(Object.fromEntries(set)) > MAX_ENVIRONMENT_BYTES) {",
    replace: "if (set.length > MAX_ENVIRONMENT_BYTES) {",
    caught_by: [names],
  },
  {
    name: "environment-bytes-together",
    guard: "Changes do not add up to more than one request may carry.",
    file: "src/bot/config/environment.ts",
    find: "return environmentBytes(environment) > MAX_ENVIRONMENT_BYTES;",
    replace: "return environmentBytes(environment) > 2 * MAX_ENVIRONMENT_BYTES;",
    caught_by: [merged],
  },
  {
    name: "environment-hides-no-llm-key",
    guard: "A further secret never has the name that the LLM key is given under.",
    file: "src/bot/config/environment.ts",
    find: "return names.some(({ name }) => name === key)",
    replace: "return names.length < 0",
    caught_by: [merged],
  },
  {
    name: "environment-keeps-the-rest",
    guard: "What a change does not name stays.",
    file: "src/bot/config/environment.ts",
    find: "return base.every(({ name }) => Object.hasOwn(patch, name));",
    replace: "return Object.keys(patch).length > 0 || base.length < 0;",
    caught_by: [merged],
  },
  {
    name: "environment-set-anew",
    guard: "A name that is set anew, however soon, is told as changed.",
    file: "src/bot/config/environment.ts",
    find: "Math.max(now, (merged.get(name) ?? 0) + 1)",
    replace: "now",
    caught_by: [merged],
  },
  {
    name: "environment-bound-to-its-version",
    guard: "Sealed further secrets open for their own version only.",
    file: "src/secrets/sealed.ts",
    find: "return `${botId}|${version}|${field}`;",
    replace: "return `${botId}|${version > 0}|${field}`;",
    caught_by: [merged],
  },
  {
    name: "environment-after-the-agents-own",
    guard: "No further secret takes the place of a variable that is dangerous or the agent's own.",
    file: "bootstrap/agent/workload/openclaw.ts",
    find: "whyReserved(name) === null",
    replace: 'name !== ""',
    caught_by: [parts],
  },
  {
    name: "environment-redacted-by-the-line",
    guard: "A secret of several lines is taken out of each of them.",
    file: KNOWN_SECRETS,
    find: "for (const line of lines) known",
    replace: "for (const line of lines.slice(0, 0)) known",
    caught_by: [known_secrets],
  },
  {
    name: "environment-redacted-whole",
    guard: "A secret that holds another is taken out whole.",
    file: KNOWN_SECRETS,
    find: ".sort(([a], [b]) => b.length - a.length)",
    replace: ".sort(([a], [b]) => a.length - b.length)",
    caught_by: [known_secrets],
  },
  {
    name: "known-secrets-in-base64",
    guard: "A secret is known in base64 wherever it begins.",
    file: KNOWN_SECRETS,
    find: "[0, 1, 2].map(",
    replace: "[0, 2].map(",
    caught_by: [known_secrets],
  },
  {
    name: "known-secrets-between-colours",
    guard: "What colours a secret does not hide it.",
    file: "src/wire/redact.ts",
    find: 'text.replace(TERMINAL, "")',
    replace: "text",
    caught_by: [known_secrets],
  },
  {
    name: "known-secrets-are-those-of-now",
    guard: "Patterns are made anew for another list of secrets.",
    file: KNOWN_SECRETS,
    find: "if (!same) latest",
    replace: "if (!same && latest.secrets.length === 0) latest",
    caught_by: [known_secrets],
  },
  {
    name: "log-is-cut-when-clean",
    guard: "A secret that a line's end would cut in two is taken out first.",
    file: "bootstrap/agent/workload/log-file.ts",
    find: "this.#clean(line).slice(0, LINE_MAX_CHARS)",
    replace: "this.#clean(line.slice(0, LINE_MAX_CHARS))",
    caught_by: [parts],
  },
];
