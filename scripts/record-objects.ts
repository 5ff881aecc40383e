/**
 * `npm run record:objects -- [--ref REF]`: has another release make bots, in workerd and with real agents, kills it at moments
 * worth remembering, and writes their objects to `test/fixtures/objects`. A file that is there stays as it is.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Installation } from "../test/compat/installation.ts";
import { SCENES } from "../test/compat/objects.ts";
import { PREVIOUS_RELEASE, pastRelease } from "../test/compat/release.ts";
import { cloudOf, dumpObject } from "../test/compat/stored-objects.ts";
import { headOf } from "../test/fixtures/objects.ts";
import { testSecrets } from "../test/worker/settings.ts";

const OBJECTS = join(import.meta.dirname, "../test/fixtures/objects");

const { values } = parseArgs({ options: { ref: { type: "string", default: PREVIOUS_RELEASE } } });
const dir = await mkdtemp(join(tmpdir(), "spawnpoint-record-"));
const system = await Installation.create({
  ENCRYPTION_KEYS: testSecrets.ENCRYPTION_KEYS,
  // A call that is not answered is still under way when the Worker is killed.
  POLICY: JSON.stringify({ heartbeat_interval_s: 1, call_timeout_ms: 120_000 }),
});
try {
  const release = await pastRelease(values.ref, dir);
  await system.deploy(release);
  const ids = new Map<string, string>();
  for (const [name, { live }] of Object.entries(SCENES)) {
    ids.set(name, await live(system));
    console.log(`${name}: ready`);
  }
  await system.halt();
  const leftAt = Date.now();
  const cloud = system.simulator.snapshot();
  mkdirSync(OBJECTS, { recursive: true });
  for (const [name, id] of ids) {
    const path = join(OBJECTS, `${name}.sql`);
    if (existsSync(path)) continue;
    const about = [
      `A Bot's whole SQLite as release ${release.name} left it: ${SCENES[name]?.about}.`,
      "Made by `npm run record:objects`; its secrets are sealed with the key of test/worker/settings.ts.",
    ];
    writeFileSync(
      path,
      [headOf(about, leftAt, cloudOf(cloud, id)), ...dumpObject(system.state_dir, id), ""].join("\n"),
    );
  }
} finally {
  await system.remove();
  await rm(dir, { recursive: true, force: true });
}
