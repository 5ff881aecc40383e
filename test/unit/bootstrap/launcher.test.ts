/** The launcher's script over a stand-in for systemctl: which orders it takes, from whom, and when it says that one is done. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FILES } from "./sandbox.ts";

const AGENT_UID = 998;
const UNIT = "spawnpoint-workload.service";
let directory: string;

/** The unit's state is in a file; `on-<verb>` says what becomes of it, and a file `fails` makes a start fail. */
const SYSTEMCTL = `#!/bin/bash
cd "$(dirname "$0")/.."
echo "$*" >>calls
case "$1" in
  show) if [[ $2 == --property=ActiveState ]]; then cat state; else echo exit-code; fi ;;
  start) if [[ -e fails ]]; then exit 1; fi ;;
esac
if [[ -e on-$1 ]]; then cp "on-$1" state; fi
`;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "spawnpoint-orders-"));
  // Nobody waits here for what a stubborn workload is given.
  write("launcher.sh", FILES.launcher_script.replace("stop_wait_s=5", "stop_wait_s=0"));
  write("state", "inactive\n");
  spawnSync("mkdir", [join(directory, "bin")]);
  write("bin/systemctl", SYSTEMCTL);
  write("bin/id", `#!/bin/bash\necho ${AGENT_UID}\n`);
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): void {
  writeFileSync(join(directory, name), text, { mode: 0o755 });
}

function order(bytes: string | Buffer, uid = AGENT_UID): string {
  const { stdout, status } = spawnSync("bash", [join(directory, "launcher.sh"), `7-4711-${uid}`], {
    input: bytes,
    env: { PATH: `${join(directory, "bin")}:/usr/bin:/bin` },
    encoding: "utf8",
  });
  expect(status).toBe(0);
  return stdout;
}

function calls(): string[] {
  const path = join(directory, "calls");
  const lines = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  return lines.filter((line) => !line.startsWith("show"));
}

it.each([
  ["nothing", ""],
  ["another verb", "status\n"],
  ["another unit", "start spawnpoint-agent.service\n"],
  ["capitals", "STOP\n"],
  ["an order that does not end", "stop"],
  ["two orders", "stop\nstop\n"],
  ["a NUL in it", "st\0op\n"],
  ["a NUL behind it", "stop\n\0"],
  ["a carriage return", "stop\r\n"],
  ["a space before it", " stop\n"],
  ["a shell's words", "stop;id\n"],
  ["a pattern", "st*\n"],
  ["much behind it", `stop\n${"x".repeat(10_000)}`],
  ["bytes that are no text", Buffer.from(Array.from({ length: 4096 }, (_, nth) => (nth * 167 + 13) % 256))],
])("carries out nothing for %s", (_, bytes) => {
  expect(order(bytes)).toBe("refused: no order\n");
  expect(calls()).toEqual([]);
});

it("hears the agent and root, and nobody else", () => {
  expect(order("stop\n", 1000)).toBe("refused: not the agent\n");
  expect(calls()).toEqual([]);
  expect(order("stop\n", 0)).toBe("ok\n");
  expect(order("stop\n")).toBe("ok\n");
});

it("starts the one unit, and only where nothing of it is left", () => {
  expect(order("start\n")).toBe("ok\n");
  expect(calls()).toEqual([`reset-failed ${UNIT}`, `start ${UNIT}`]);
  for (const state of ["active", "activating", "deactivating", "reloading"]) {
    write("state", `${state}\n`);
    expect(order("start\n")).toBe("refused: the workload runs\n");
  }
  write("state", "failed\n");
  expect(order("start\n")).toBe("ok\n");
  write("fails", "");
  expect(order("start\n")).toBe("failed: exit-code\n");
  expect(calls()).toHaveLength(6);
});

it("says that it has stopped what has ended, and kills what does not end", () => {
  write("state", "active\n");
  write("on-stop", "inactive\n");
  expect(order("stop\n")).toBe("ok\n");
  expect(calls()).toEqual([`stop --no-block ${UNIT}`]);
  write("state", "active\n");
  write("on-stop", "deactivating\n");
  write("on-kill", "failed\n");
  expect(order("stop\n")).toBe("ok\n");
  expect(calls().slice(1)).toEqual([`stop --no-block ${UNIT}`, `kill --signal=SIGKILL ${UNIT}`]);
});
