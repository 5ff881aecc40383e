import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { ReportWatch, readReport } from "../../../../bootstrap/agent/workload/report-file.ts";
import { tradingSkill } from "../../../../bootstrap/agent/workload/trading-rules.ts";
import { HeartbeatRequest } from "../../../../src/wire/agent.ts";
import { AgentConfig } from "../../../../src/wire/config.ts";
import { redactText } from "../../../../src/wire/redact.ts";
import { agentConfig } from "../fixtures/control-plane.ts";

const REPORT = { equity: 1000, daily_pnl: -10, drawdown_pct: 1, trades_today: 2 };
const KNOWN = "hunter2hunter2";
const redact = (text: string) => redactText(text, [KNOWN]);

describe("a report", () => {
  const position = (symbol: string) => ({ ...REPORT, open_positions: [{ symbol, value: 1 }] });
  const FINE: [what: string, report: object][] = [
    ["of the four numbers", REPORT],
    ["with positions", position("BTC/USDT")],
    ["with its currency and time", { ...REPORT, currency: "USD", as_of: "2026-11-20T12:00:00+02:00" }],
    [
      "with as many positions as it may have",
      { ...REPORT, open_positions: Array(50).fill({ symbol: "A", value: -1 }) },
    ],
  ];
  it.each(FINE)("%s is taken as it is, and a heartbeat carries it", (_what, report) => {
    expect(readReport(JSON.stringify(report), redact)).toEqual({ report });
    expect(HeartbeatRequest.shape.report.parse(report)).toEqual(report);
  });

  const WRONG: [what: string, text: string, reason: string | RegExp][] = [
    ["that is no JSON", '{"equity": 10', "report.json is not JSON"],
    ["that is no object", "[]", /^report\.json: /],
    ["that lacks a number", JSON.stringify({ ...REPORT, equity: undefined }), /^equity: /],
    ["with a misspelt field", JSON.stringify({ ...REPORT, drawdown: 3 }), /drawdown/],
    [
      "with a misspelt field of a position",
      JSON.stringify({ ...REPORT, open_positions: [{ symbol: "A", size: 1 }] }),
      /size/,
    ],
    ["with text for a number", JSON.stringify({ ...REPORT, equity: "1000" }), /^equity: /],
    ["beyond its bounds", JSON.stringify({ ...REPORT, equity: 1e16 }), /^equity: /],
    ["with half a trade", JSON.stringify({ ...REPORT, trades_today: 1.5 }), /^trades_today: /],
    [
      "with too many positions",
      JSON.stringify({ ...REPORT, open_positions: Array(51).fill({ symbol: "A", value: 1 }) }),
      /^open_positions: /,
    ],
    ["with a symbol that is none", JSON.stringify(position("a b")), /^open_positions\.0\.symbol: /],
    ["with a secret for a symbol", JSON.stringify(position("sk-ant-0123456789abcdef")), /looks like a secret/],
    ["with a known secret for a symbol", JSON.stringify(position(KNOWN)), /looks like a secret/],
  ];
  it.each(WRONG)("%s is refused, and says why", (_what, text, reason) => {
    const { report, report_error = "" } = readReport(text, redact);
    expect(report).toBeUndefined();
    expect(report_error).toMatch(reason);
    expect(report_error.length).toBeLessThanOrEqual(300);
  });

  it("says no secret in why it was refused", () => {
    const { report_error } = readReport(JSON.stringify({ ...REPORT, [KNOWN]: 1 }), redact);
    expect(report_error).not.toContain(KNOWN);
  });

  it("that is not there is none", () => {
    expect(readReport(null, redact)).toEqual({});
  });

  it("is shown to the model in its skill as it has to be", () => {
    const config = AgentConfig.parse(agentConfig("0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d", 7, "sk-key"));
    const example = /```json\n([\s\S]+?)\n```/.exec(tradingSkill(config))?.[1] ?? "";
    expect(readReport(example, redact).report).toEqual(JSON.parse(example));
  });
});

describe("the file that is watched", () => {
  const all = mkdtempSync(join(tmpdir(), "spawnpoint-report-"));
  afterAll(() => rmSync(all, { recursive: true }));
  let root: string;
  let path: string;
  let now = 0;
  let changes = 0;
  let watch: ReportWatch;

  beforeEach(() => {
    root = mkdtempSync(join(all, "root-"));
    path = join(root, "report.json");
    now = 1_000_000;
    changes = 0;
    watch = new ReportWatch({
      root,
      path,
      look_every_ms: 5,
      gap_ms: 30_000,
      redact,
      now_ms: () => now,
      log: () => undefined,
      onChange: () => {
        changes++;
      },
    });
  });

  function write(report: object): void {
    writeFileSync(path, JSON.stringify(report));
  }

  it("says nothing while there is none", () => {
    watch.look();
    expect([watch.reported, changes]).toEqual([{}, 0]);
  });

  it("is published on a change, and once in 30 s at most", () => {
    write(REPORT);
    watch.look();
    expect(watch.reported).toEqual({ report: REPORT });
    for (const trades_today of [3, 4, 5]) {
      write({ ...REPORT, trades_today });
      now += 9_000;
      watch.look();
    }
    expect([watch.reported, changes]).toEqual([{ report: REPORT }, 1]);
    now += 3_000;
    watch.look();
    expect([watch.reported.report?.trades_today, changes]).toEqual([5, 2]);
    now += 60_000;
    watch.look();
    expect(changes, "nothing has changed").toBe(2);
    rmSync(path);
    watch.look();
    expect([watch.reported, changes]).toEqual([{}, 3]);
  });

  it("is no report only once it has been none twice: it may be half written", () => {
    write(REPORT);
    watch.look();
    now += 60_000;
    writeFileSync(path, '{"equity": 99');
    watch.look();
    expect(watch.reported).toEqual({ report: REPORT });
    watch.look();
    expect(watch.reported).toEqual({ report_error: "report.json is not JSON" });
    now += 60_000;
    write(REPORT);
    watch.look();
    expect(watch.reported).toEqual({ report: REPORT });
  });

  it.each<readonly [string, (secret: string) => unknown]>([
    ["a link to a secret", (secret) => symlinkSync(secret, path)],
    ["a link to nothing", () => symlinkSync(join(root, "nothing"), path)],
    ["a directory", () => mkdirSync(path)],
    ["a pipe", () => execFileSync("mkfifo", [path])],
    ["a gigabyte", () => execFileSync("truncate", ["--size=1G", path])],
    ["no UTF-8", () => writeFileSync(path, Buffer.from([0x63, 0xe9]))],
  ])("is not read where it is %s, and that is said", (_what, plant) => {
    const secret = join(root, "secret");
    writeFileSync(secret, JSON.stringify(REPORT));
    plant(secret);
    watch.look();
    expect(watch.reported).toEqual({ report_error: expect.stringContaining("report.json") });
  });
});
