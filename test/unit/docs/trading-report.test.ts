import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, it } from "vitest";
import { rulesFile } from "../../../bootstrap/agent/workload/openclaw.ts";
import { AgentConfig } from "../../../src/wire/config.ts";
import { LIMITS, ReportFile } from "../../../src/wire/trading-report.ts";
import { agentConfig } from "../agent/fixtures/control-plane.ts";
import { columnsOf } from "./tables.ts";

const DOCUMENT = "trading-report.md";
const TEXT = readFileSync(join(import.meta.dirname, "../../../docs", DOCUMENT), "utf8");
const [EXAMPLE, ...SCHEMAS] = [...TEXT.matchAll(/```json\n([\s\S]+?)\n```/g)].map(([, json]) => JSON.parse(json ?? ""));
const [report, rules] = SCHEMAS.map((schema) => new Ajv2020({ strict: false, validateFormats: false }).compile(schema));

describe("docs/trading-report.md", () => {
  it("names every field of a report, and which of them it must have", ({ expect }) => {
    const fields = Object.entries(ReportFile.shape).map(([name, field]) => [
      name,
      field.safeParse(undefined).success ? "no" : "yes",
    ]);
    expect(columnsOf(DOCUMENT, "## The report")).toEqual(Object.fromEntries(fields));
  });

  it("names every limit that a report is held against", ({ expect }) => {
    expect(Object.keys(columnsOf(DOCUMENT, "## Limits and holds")).sort()).toEqual([...LIMITS].sort());
  });

  it("shows a report that is one, by its schema and by the agent's", ({ expect }) => {
    expect(ReportFile.parse(EXAMPLE)).toEqual(EXAMPLE);
    expect(report?.(EXAMPLE)).toBe(true);
    expect(report?.({ ...EXAMPLE, drawdown: 3 })).toBe(false);
    expect(report?.({ ...EXAMPLE, equity: undefined })).toBe(false);
  });

  it("has the schema of the rules that the agent writes", ({ expect }) => {
    const config = AgentConfig.parse(agentConfig("0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d", 7, "sk-key"));
    const { report_path, ...rest } = JSON.parse(rulesFile(config, "/s/report.json"));
    expect(rules?.({ ...rest, report_path })).toBe(true);
    expect(rules?.(rest)).toBe(false);
  });
});
