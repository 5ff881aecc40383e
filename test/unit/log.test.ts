import { afterEach, describe, it, vi } from "vitest";
import { log } from "../../src/cloudflare/log.ts";

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
