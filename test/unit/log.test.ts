import { afterEach, describe, it, vi } from "vitest";
import { log, redact } from "../../src/log.ts";

const HEX = "0123456789abcdef0123456789abcdef";
const SECRETS = [
  "sk-abcdefgh12345678",
  "sk-ant-api03-AbCdEfGh_12345-xyz",
  "ghp_0123456789abcdef",
  "xoxb-123456789-abcdef",
  `dop_v1_${HEX}`,
  `doo_v1_${HEX}`,
  `dor_v1_${HEX}`,
  `sp_reg_${HEX}_${HEX}${HEX}01234567`,
  `sp_agt_${HEX}_${HEX}${HEX}01234567`,
  `sp_op_${HEX}_${HEX}${HEX}01234567`,
  "Bearer abcdefgh",
];

describe("a secret by its look", () => {
  for (const secret of SECRETS) {
    it(`${secret.slice(0, 12)}… is not written, wherever it stands`, async ({ expect }) => {
      const written = JSON.stringify(
        redact({ detail: `fetch failed: ${secret}, twice: ${secret}`, deep: [{ list: [secret] }] }),
      );
      expect(written).not.toContain(secret);
      expect(written).not.toContain(secret.slice(-6));
      expect(written).toContain("fetch failed: [redacted], twice: [redacted]");
    });
  }

  const HARMLESS = ["task-12345678", "sk-short", "desk-abcdefghijkl", "Bearer", "bot-0d5f6a3e-6c0b", HEX, "disp_op_1"];
  for (const text of HARMLESS) {
    it(`${text} is none`, async ({ expect }) => {
      expect(redact({ detail: text })).toEqual({ detail: text });
    });
  }
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
    "authorization",
    "Authorization",
    "cookie",
    "set-cookie",
    "user_data",
    "credential",
  ];
  for (const field of FIELDS) {
    it(`${field} is not written, in whatever form`, async ({ expect }) => {
      expect(redact({ [field]: "plain" })).toEqual({ [field]: "[redacted]" });
      expect(redact({ deep: { [field]: "plain" } })).toEqual({ deep: { [field]: "[redacted]" } });
      expect(redact({ [field]: ["plain"] })).toEqual({ [field]: "[redacted]" });
      expect(redact({ [field]: { value: "plain" } })).toEqual({ [field]: "[redacted]" });
    });
  }

  it("its absence and its number may be told", async ({ expect }) => {
    const entry = { token: null, secrets: 3, has_password: true, cookie: undefined };
    expect(redact(entry)).toEqual(entry);
  });

  it("other fields are written as they are", async ({ expect }) => {
    const entry = { event: "bot_online", bot_id: HEX, count: 2, ok: true, none: null, list: ["a", { b: "c" }] };
    expect(redact(entry)).toEqual(entry);
  });
});

describe("a log entry", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const LEVELS = [
    ["error", "error"],
    ["warn", "warn"],
    [undefined, "log"],
    ["info", "log"],
  ] as const;
  for (const [level, method] of LEVELS) {
    it(`of level ${level ?? "none"} is one line of JSON on console.${method}, redacted`, async ({ expect }) => {
      const write = vi.spyOn(console, method).mockReturnValue(undefined);
      log({ ...(level ? { level } : {}), event: "x", detail: "two\nlines", token: "plain" });
      const line = String(write.mock.calls[0]?.[0]);
      expect(line).not.toContain("\n");
      expect(JSON.parse(line)).toMatchObject({ event: "x", detail: "two\nlines", token: "[redacted]" });
    });
  }
});
