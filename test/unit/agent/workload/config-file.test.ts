import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readText } from "../../../../bootstrap/agent/base/files.ts";
import { type ConfigVerdict, readVerdict } from "../../../../bootstrap/agent/workload/config-check.ts";
import { BadConfigError, keepGood, prepareConfigFile } from "../../../../bootstrap/agent/workload/config-file.ts";
import { whyStartAnew } from "../../../../bootstrap/agent/workload/renewal.ts";

let directory: string;
const path = () => join(directory, "openclaw.json");
const good_path = () => join(directory, "good.json");
const read = () => (existsSync(path()) ? readFileSync(path(), "utf8") : null);
const aside = () => readdirSync(directory).filter((name) => name.includes("set-aside"));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spawnpoint-file-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const INVALID: ConfigVerdict = { is: "invalid", faults: "channels: wrong" };

/** Our rendering adds `+ours`; the check judges the text. */
function prepare(check: (text: string) => ConfigVerdict) {
  return prepareConfigFile({
    path: path(),
    good: readText(good_path()),
    read,
    render: (present) => (present === "json5" ? null : `${(present ?? "").replace("+ours", "")}+ours`),
    check: async (candidate) => check(readFileSync(candidate, "utf8")),
    log: () => {},
  });
}

describe("openclaw.json before a start", () => {
  it("is rendered where the check finds it valid, or says nothing", async () => {
    for (const verdict of [{ is: "valid" }, { is: "unknown", why: "it is old" }] as const) {
      writeFileSync(path(), "mine");
      const checked = verdict.is === "valid";
      expect(await prepare(() => verdict)).toEqual({ text: "mine+ours", repaired: null, checked });
      expect([read(), aside()]).toEqual(["mine+ours", []]);
    }
  });

  it("is left alone where it is no plain JSON but valid", async () => {
    writeFileSync(path(), "json5");
    expect(await prepare(() => ({ is: "valid" }))).toMatchObject({ text: "json5" });
    expect(read()).toBe("json5");
  });

  it.each(["broken", "json5"])("found %s gives way to that of the last healthy start", async (broken) => {
    writeFileSync(path(), broken);
    keepGood(good_path(), "good");
    const done = await prepare((text) => (text.startsWith(broken) ? INVALID : { is: "valid" }));
    expect(done.text).toBe("good+ours");
    expect(done.repaired).toBe(
      "openclaw.json was invalid (channels: wrong); it was set aside, and the one of the last healthy start put in its place",
    );
    expect([read(), aside().length]).toEqual(["good+ours", 1]);
    expect(readFileSync(join(directory, aside()[0] ?? ""), "utf8")).toBe(broken);
  });

  it("gives way to a new one where the last good one is good no more", async () => {
    writeFileSync(path(), "broken");
    keepGood(good_path(), "good");
    const done = await prepare((text) => (text === "+ours" ? { is: "valid" } : INVALID));
    expect([done.text, read(), aside().length]).toEqual(["+ours", "+ours", 1]);
  });

  it("stays where our own rendering is what is wrong: that is the config's fault", async () => {
    writeFileSync(path(), "mine");
    keepGood(good_path(), "good");
    await expect(prepare(() => INVALID)).rejects.toThrow(new BadConfigError("openclaw.json: channels: wrong"));
    expect([read(), aside()]).toEqual(["mine", []]);
  });

  it("stays where what would take its place cannot be asked about, which is nobody's fault", async () => {
    writeFileSync(path(), "broken");
    const asked = prepare((text) => (text === "+ours" ? { is: "unknown", why: "time is up" } : INVALID));
    const error = await asked.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(BadConfigError);
    expect([read(), aside()]).toEqual(["broken", []]);
  });
});

describe("OpenClaw's check", () => {
  it.each<[string, string, unknown, ConfigVerdict]>([
    ["valid", '{"valid":true,"warnings":[]}', 0, { is: "valid" }],
    [
      "invalid",
      '{"valid":false,"issues":[{"path":"gateway","message":"Unrecognized\\nkey"},{"path":"a","message":"b"}]}',
      1,
      { is: "invalid", faults: "gateway: Unrecognized key; a: b" },
    ],
    ["no file", '{"ok":false,"valid":false}', 1, { is: "unknown", why: "the check names nothing" }],
    ["another program", "nothing is done for it", 0, { is: "unknown", why: "the check ended with 0" }],
    ["out of time", "", null, { is: "unknown", why: "the check ended with a signal" }],
    ["no program", "", "ENOENT", { is: "unknown", why: "the check ended with ENOENT" }],
  ])("%s", (_, stdout, code, verdict) => {
    expect(readVerdict(stdout, code)).toEqual(verdict);
  });

  it("has little room for what it says", () => {
    const issues = Array.from({ length: 50 }, () => ({ path: "p".repeat(1000), message: "m" }));
    const verdict = readVerdict(JSON.stringify({ valid: false, issues }), 1);
    expect(JSON.stringify(verdict).length).toBeLessThan(450);
  });
});

describe("a running workload", () => {
  const running = { environment: { A: "1" }, file: '{"a":1,"b":{"c":2}}' };
  it.each<
    [string, Partial<typeof running>, { environment?: Record<string, string>; file?: string | null }, string | null]
  >([
    ["goes on where nothing that it was started with changes", {}, {}, null],
    ["goes on where its file is only written differently", {}, { file: '\ufeff{"b":{"c":2},"a":1}\n' }, null],
    ["goes on where its file is left alone", {}, { file: null }, null],
    ["starts anew with another variable", {}, { environment: { A: "2" } }, "its environment changes"],
    ["starts anew without a variable", {}, { environment: {} }, "its environment changes"],
    ["starts anew with another file", {}, { file: '{"a":1}' }, "openclaw.json changes"],
    ["starts anew where its file cannot be read", { file: "broken" }, {}, "openclaw.json changes"],
  ])("%s", (_, before, changes, why) => {
    expect(whyStartAnew({ ...running, ...before }, { ...running, ...changes })).toBe(why);
  });

  it("starts anew where nobody knows what it was started with", () => {
    expect(whyStartAnew({ ...running, environment: null }, running)).toBe("what it was started with is not known");
  });
});
