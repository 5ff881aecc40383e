import { describe, test } from "vitest";
import { parseUnitFile } from "../../../simulator/machine/unit-file.ts";
import { isClean, restarts } from "../../../simulator/machine/unit-rules.ts";
import {
  expandVariables,
  parseDuration,
  parseEnvironmentFile,
  splitWords,
} from "../../../simulator/machine/unit-syntax.ts";

function service(lines: string) {
  return parseUnitFile("bot@one.service", `[Service]\n${lines}\n`);
}

describe("a unit file", () => {
  test("means little when it says little", ({ expect }) => {
    expect(parseUnitFile("a.service", "")).toMatchObject({
      type: "simple",
      exec_start: [],
      restart: "no",
      restart_ms: 100,
      remain_after_exit: false,
      timeout_start_ms: null,
      timeout_stop_ms: 90_000,
      kill_signal: "SIGTERM",
      kill_mode: "control-group",
      working_directory: null,
      user: null,
      output: null,
      wanted_by: [],
    });
  });

  test.for([
    ["Type=oneshot", { type: "oneshot" }],
    ["Type=notify", { type: "simple" }],
    ["Type=exec", { type: "simple" }],
    ["ExecStart=/bin/a b", { exec_start: [{ words: ["/bin/a", "b"], ignore_failure: false }] }],
    ["ExecStart=-/bin/a", { exec_start: [{ words: ["/bin/a"], ignore_failure: true }] }],
    ["ExecStart=+/bin/a", { exec_start: [{ words: ["/bin/a"], ignore_failure: false }] }],
    ["ExecStart=!!/bin/a", { exec_start: [{ words: ["/bin/a"], ignore_failure: false }] }],
    ["ExecStart=-+/bin/a", { exec_start: [{ words: ["/bin/a"], ignore_failure: true }] }],
    ["ExecStart=/bin/a\nExecStart=\nExecStart=/bin/b", { exec_start: [{ words: ["/bin/b"], ignore_failure: false }] }],
    [
      "ExecStart=/bin/a \\\n  b \\\n# not this\n  c",
      { exec_start: [{ words: ["/bin/a", "b", "c"], ignore_failure: false }] },
    ],
    [
      "EnvironmentFile=/a\nEnvironmentFile=-/b",
      {
        environment_files: [
          { path: "/a", optional: false },
          { path: "/b", optional: true },
        ],
      },
    ],
    ['Environment=A=1 "B=two words"\nEnvironment=C=3', { environment: { A: "1", B: "two words", C: "3" } }],
    ["Restart=always\nRestartSec=1min 30s", { restart: "always", restart_ms: 90_000 }],
    ["Restart=sometimes", { restart: "no" }],
    ["RemainAfterExit=yes", { remain_after_exit: true }],
    ["TimeoutStopSec=45", { timeout_stop_ms: 45_000 }],
    ["TimeoutStopSec=infinity", { timeout_stop_ms: null }],
    ["TimeoutStartSec=180", { timeout_start_ms: 180_000 }],
    ["TimeoutStartSec=0", { timeout_start_ms: null }],
    ["KillSignal=SIGINT\nKillMode=mixed", { kill_signal: "SIGINT", kill_mode: "mixed" }],
    ["KillSignal=INT", { kill_signal: "SIGINT" }],
    ["WorkingDirectory=-/srv", { working_directory: "/srv" }],
    ["User=openclaw", { user: "openclaw" }],
    ["StandardOutput=append:/var/log/a.log", { output: "/var/log/a.log" }],
    ["StandardOutput=journal", { output: null }],
    [
      "RuntimeDirectory=a b",
      {
        directories: [
          { kind: "runtime", name: "a" },
          { kind: "runtime", name: "b" },
        ],
      },
    ],
    ["SuccessExitStatus=3 SIGKILL 4", { success_exit_status: [3, 4] }],
    ["Environment=A=%n-%p-%i-%t-100%%", { environment: { A: "bot@one.service-bot-one-/run-100%" } }],
    ["ProtectSystem=strict\nNoSuchThing=1\nnonsense", { type: "simple" }],
  ] as const)("reads %j", ([lines, expected], { expect }) => {
    expect(service(lines)).toMatchObject(expected);
  });

  test("reads conditions, dependencies and what wants it", ({ expect }) => {
    const text = `
      [Unit]
      ConditionPathExists=!/var/lib/done
      ConditionPathExists=/etc/there
      Requires=a.service
      Wants=b.service c.target
      After=a.service
      [Install]
      WantedBy=multi-user.target`;
    expect(parseUnitFile("x.service", text)).toMatchObject({
      conditions: [
        { path: "/var/lib/done", negated: true },
        { path: "/etc/there", negated: false },
      ],
      requires: ["a.service"],
      wants: ["b.service", "c.target"],
      after: ["a.service"],
      wanted_by: ["multi-user.target"],
    });
  });
});

test.for([
  ["a b", ["a", "b"]],
  ["  a   b  ", ["a", "b"]],
  [`a "b c" 'd "e'`, ["a", "b c", 'd "e']],
  [`a ""`, ["a", ""]],
  ["a\\ b", ["a b"]],
  ["", []],
] as const)("splits %j into words", ([text, words], { expect }) => {
  expect(splitWords(text)).toEqual(words);
});

test.for([
  ["5", 5_000],
  ["5s", 5_000],
  ["100ms", 100],
  ["1min 30s", 90_000],
  ["2h", 7_200_000],
  ["0.5", 500],
  ["infinity", null],
  ["soon", null],
] as const)("takes %j for %j ms", ([text, ms], { expect }) => {
  expect(parseDuration(text)).toBe(ms);
});

test("an environment file holds assignments, comments and quotes", ({ expect }) => {
  const text = `# comment\nA=1\n; other\nB='two words'\nC="with \\"quotes\\""\nD=\nnonsense\nE=a=b`;
  expect(parseEnvironmentFile(text)).toEqual({ A: "1", B: "two words", C: 'with "quotes"', D: "", E: "a=b" });
});

test("variables are put into commands", ({ expect }) => {
  const words = ["$LIST", `--name=\${NAME}`, "$$HOME", "plain$NAME", `\${MISSING}`];
  const environment = { LIST: "a b", NAME: "x y" };
  expect(expandVariables(words, environment)).toEqual(["a", "b", "--name=x y", "$HOME", "plain$NAME", ""]);
});

test.for([
  ["no", 1, null, false],
  ["always", 0, null, true],
  ["always", null, "SIGTERM", true],
  ["on-failure", 0, null, false],
  ["on-failure", 1, null, true],
  ["on-failure", null, "SIGKILL", true],
  ["on-failure", null, "SIGTERM", false],
  ["on-failure", 3, null, false],
  ["always", 78, null, false],
  ["on-success", 0, null, true],
  ["on-abnormal", 1, null, false],
  ["on-abnormal", null, "SIGSEGV", true],
] as const)("Restart=%s after code %s or signal %s: %s", ([restart, code, signal, expected], { expect }) => {
  const unit = service(`Restart=${restart}\nSuccessExitStatus=3\nRestartPreventExitStatus=78`);
  expect(restarts(unit, { code, signal })).toBe(expected);
});

test("a signal is a clean end of a service, not of a oneshot", ({ expect }) => {
  const ending = { code: null, signal: "SIGTERM" } as const;
  expect(isClean(service("Type=simple"), ending)).toBe(true);
  expect(isClean(service("Type=oneshot"), ending)).toBe(false);
});
