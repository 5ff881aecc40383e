/**
 * Requests for every operation of the document, made from the document alone: whatever comes in, the Worker answers in
 * time, is never at fault, refuses with a problem, and a refusal changes nothing anywhere.
 */
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import { tally } from "../../depth.ts";
import { endOfTest } from "../cloud.ts";
import { credentialsFor } from "./credentials.ts";
import { type Document, readDocument, type Schema } from "./document.ts";
import { fuzz } from "./run.ts";
import { REQUESTS, SEED } from "./settings.ts";
import { fitting } from "./values.ts";
import { World } from "./world.ts";

/** Each request has its own; this one is for a machine that has much else to do. */
const LIMIT_MS = 3_600_000;

let document: Document;
let world: World;

beforeAll(async () => {
  document = await readDocument();
  world = new World(document.resolve);
  await world.found();
});
afterAll(endOfTest);

describe("what the fuzzer cannot make", () => {
  it("fails until it has learnt it: a keyword, a format, a type, a security scheme", ({ expect }) => {
    const make = (schema: Schema) => fitting(schema, (one) => one, {}, "field");
    for (const schema of [
      { type: "object", patternProperties: {} },
      { type: "string", format: "ipv6" },
      { type: "file" },
      {},
    ]) {
      expect(() => make(schema)).toThrow(/cannot make field/);
    }
    expect(() => credentialsFor(["oauth"], { operator: [] })).toThrow("security scheme oauth");
    const schemes = document.operations.flatMap(({ security }) => security);
    expect([...new Set(schemes)].filter((scheme) => !document.securitySchemes.includes(scheme))).toEqual([]);
  });
});

describe("whatever is asked", () => {
  it(`is answered in time, never with a fault of ours, and a refusal changes nothing (seed ${SEED})`, {
    timeout: LIMIT_MS,
  }, async (test) => {
    const { expect } = test;
    const began = Date.now();
    // What the Worker logs of all this is nobody's interest.
    const logs = (["log", "warn", "error"] as const).map((level) =>
      vi.spyOn(console, level).mockReturnValue(undefined),
    );
    const report = await fuzz(document, world, REQUESTS, SEED);
    for (const level of logs) level.mockRestore();
    const outcomes = [...report.outcomes].sort().map(([outcome, count]) => `${outcome}: ${count}`);
    console.log(
      `FUZZ_SEED=${SEED} ${report.sent} requests in ${Date.now() - began} ms, the slowest ${report.slowest_ms} ms, ` +
        `${report.unsendable} that nobody can send\n${outcomes.join(", ")}`,
    );
    if (report.complaints.length > 0) throw new Error(report.complaints.join("\n\n"));
    expect(report.sent).toBeGreaterThanOrEqual(REQUESTS);
    tally(test, { requests: REQUESTS });
    expect([...report.reached].sort()).toEqual(document.operations.map(({ id }) => id).sort());
  });
});
