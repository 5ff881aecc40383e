import { describe, it } from "vitest";
import { lineRedactor, quote, redact, redactText } from "../../../src/wire/redact.ts";
import { secretsOf } from "../../fixtures/secrets.ts";

const HEX = "0123456789abcdef0123456789abcdef";
const MARK = "5EkReT7";
const MNEMONIC = "legal winner thank year wave sausage worth useful legal winner thank yellow";
const SECRETS: Record<string, string> = {
  ...secretsOf(MARK),
  hexadecimal_key: `0x${HEX}${HEX}`,
  bare_hexadecimal_key: `${HEX}${HEX}`,
  base58_key: `5${"KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss"}`,
  solana_key: "4fXb".repeat(22),
  bytes_of_a_key: `[${Array.from({ length: 64 }, (_, n) => n + 100).join(",")}]`,
  mnemonic: MNEMONIC,
  mnemonic_as_list: JSON.stringify(MNEMONIC.split(" ")),
};

describe("a secret by its look", () => {
  it.for(Object.entries(SECRETS))(
    "%s is taken out, wherever it stands, and nothing else is",
    ([, secret], { expect }) => {
      const clean = redactText(`before\n${secret}\nMIDDLE ${secret}\nafter`);
      expect(clean).toContain("before\n");
      expect(clean).toContain("[redacted]");
      // What follows a key that never ends belongs to it.
      if (!secret.startsWith("-----BEGIN RSA")) expect(clean).toMatch(/MIDDLE [\s\S]*after$/);
      for (const part of secret.match(/[A-Za-z0-9]{12,}/g) ?? []) {
        if (part.includes(MARK) || part.includes(HEX)) expect(clean).not.toContain(part);
      }
      expect(clean).not.toContain(secret);
      expect(clean).not.toContain(MARK);
      expect(redactText(clean), "once is enough").toBe(clean);
    },
  );

  const HARMLESS = [
    "task-12345678",
    "sk-short",
    "desk-abcdefghijkl",
    "Bearer",
    "bot-0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d",
    HEX,
    "disp_op_1",
    "xapp-none",
    "https://api.digitalocean.com/v2/droplets?page=2&per_page=200",
    "spawnpoint-0d5f6a3e-0d5f6a3e6c0b4f0e9d3a7f1f0c1b2a3d-g1",
    "the market was calm and the bot did what it should, from the first order of the day to its last one",
    "12:30:45 order 1234567890 filled at 43210.55 after 3 tries",
    "tokens used: 5123",
    "[1, 2, 3, 4, 5, 6, 7, 8]",
    "2026-11-20T12:00:00.000Z",
  ];
  it.for(HARMLESS)("%s is none", (text, { expect }) => {
    expect(redactText(text)).toBe(text);
  });

  it("one in present use is taken out whatever it looks like, unless it is too short to tell", ({ expect }) => {
    expect(redactText("the key is hunter2hunter2!", ["hunter2hunter2"])).toBe("the key is [redacted]!");
    expect(redactText("a short one", ["short"])).toBe("a short one");
  });

  it("takes what a database statement was given, and leaves the rest of the error", ({ expect }) => {
    const error =
      "Error: Failed query: insert into bots values (?, ?)\nparams: Night Owl,my\nnote\n    at run (worker.js:1)";
    expect(redactText(error)).toBe(
      "Error: Failed query: insert into bots values (?, ?)\nparams: [redacted]\n    at run (worker.js:1)",
    );
  });

  it("is looked for in time that grows with the text, not with its square", ({ expect }) => {
    const nasty = [
      "a-",
      "eyJ-",
      "sk-a",
      "://",
      "://a:",
      "aaa ",
      "token ",
      "0123456789:",
      "[1,",
      "-----BEGIN PRIVATE KEY-----",
      "M.",
      "A\n",
      "params: ",
      "&",
      "cookie:",
    ];
    // The processor's time: what else the machine does takes none of it.
    const cpu_ms = (piece: string, length: number) => {
      const began = process.cpuUsage();
      redactText(piece.repeat(length / piece.length));
      return process.cpuUsage(began).user / 1000;
    };
    for (const piece of nasty) {
      const [short_ms, long_ms] = [cpu_ms(piece, 25_000), cpu_ms(piece, 200_000)];
      // Eight times the text: sixty-four times the time if it grew with the square. The rest is the clock's own steps.
      expect(long_ms, piece).toBeLessThan(24 * short_ms + 200);
    }
  });
});

describe("a secret by its field", () => {
  const FIELDS = [
    "token",
    "registration_token",
    "apiToken",
    "secret",
    "client_secret",
    "password",
    "llm_api_key",
    "private_key",
    "ENCRYPTION_KEYS",
    "authorization",
    "Authorization",
    "cookie",
    "set-cookie",
    "user_data",
    "credential",
    "mnemonic",
  ];
  it.for(FIELDS)("%s is not written, in whatever form", (field, { expect }) => {
    expect(redact({ [field]: "plain" })).toEqual({ [field]: "[redacted]" });
    expect(redact({ deep: { [field]: "plain" } })).toEqual({ deep: { [field]: "[redacted]" } });
    expect(redact({ [field]: ["plain"] })).toEqual({ [field]: "[redacted]" });
    expect(redact({ [field]: { value: "plain" } })).toEqual({ [field]: "[redacted]" });
  });

  it("its absence and its number may be told", ({ expect }) => {
    const entry = { token: null, secrets: 3, has_password: true, cookie: undefined };
    expect(redact(entry)).toEqual(entry);
  });

  it("other fields are written as they are", ({ expect }) => {
    const entry = {
      event: "bot_online",
      bot_id: HEX,
      key: "bot",
      count: 2,
      ok: true,
      none: null,
      list: ["a", { b: "c" }],
    };
    expect(redact(entry)).toEqual(entry);
  });

  it("a field with another name is looked at by its value, with what is in present use", ({ expect }) => {
    const entry = redact({ detail: ["hunter2hunter2", { text: "sk-abcdefgh12345678" }] }, ["hunter2hunter2"]);
    expect(entry).toEqual({ detail: ["[redacted]", { text: "[redacted]" }] });
  });
});

describe("lines that come one by one", () => {
  it("lose every line of a private key, and nothing after it", ({ expect }) => {
    const clean = lineRedactor(() => ["hunter2hunter2"]);
    const { pem = "" } = secretsOf(MARK);
    const lines = ["starting", ...pem.split("\n"), "order filled", "hunter2hunter2", "deadbeef"].map((line) =>
      clean(line),
    );
    expect(lines.join("\n")).not.toContain(MARK);
    expect([lines[0], ...lines.slice(-3)]).toEqual(["starting", "order filled", "[redacted]", "deadbeef"]);
  });

  it("are not lost for ever where a key never ends", ({ expect }) => {
    const clean = lineRedactor(() => []);
    clean("-----BEGIN PRIVATE KEY-----");
    for (let line = 0; line < 100; line++) clean("words in between");
    expect(clean("deadbeef")).toBe("deadbeef");
  });
});

describe("a stranger's words", () => {
  it("are kept as one bounded line without secrets, not even half of one at the cut", ({ expect }) => {
    const { digitalocean = "" } = secretsOf(MARK);
    expect(quote(`bad\n\u0000value:\t${digitalocean}`, 40)).toBe("bad value: [redacted]");
    expect(quote(`${"x ".repeat(15)}${digitalocean}`, 40)).toBe(`${"x ".repeat(15)}[redacted]`);
    expect(quote("y ".repeat(1_000), 300)).toHaveLength(300);
    expect(quote("😀".repeat(10), 3).isWellFormed()).toBe(true);
  });
});
