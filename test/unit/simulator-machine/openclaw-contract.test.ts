import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll } from "vitest";
import { gatewayContract } from "../../fixtures/gateway-contract.ts";

const directory = mkdtempSync(join(tmpdir(), "spawnpoint-stand-in-"));
afterAll(() => rmSync(directory, { recursive: true }));
const command = join(directory, "openclaw");
const standIn = resolve("simulator/standins/openclaw.ts");
writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${standIn}" "$@"\n`, { mode: 0o755 });

gatewayContract("the stand-in for OpenClaw", () => command, 2500);
