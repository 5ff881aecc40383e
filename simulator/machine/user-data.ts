import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { link, type Sandbox } from "./sandbox.ts";

/**
 * Cloud-init's part of a boot, as far as a droplet's user-data is concerned. It runs once per instance id: the semaphore
 * is on the disk before the script starts, so that a power cut in its middle does not make it run again.
 */
export function claimUserData(sandbox: Sandbox, instance: number, user_data: string | null): string | null {
  if (hasRun(sandbox, instance)) return null;
  const directory = `/var/lib/cloud/instances/${instance}`;
  for (const name of ["sem", "scripts"]) mkdirSync(sandbox.path(`${directory}/${name}`), { recursive: true });
  link(`instances/${instance}`, sandbox.path("/var/lib/cloud/instance"));
  writeDurably(semaphore(sandbox, instance), "");
  if (user_data === null) return null;

  // Every place where a real droplet keeps a copy, so that scrubbing them can be tested.
  writeFileSync(sandbox.path(`${directory}/user-data.txt`), user_data, { mode: 0o600 });
  writeFileSync(sandbox.path(`${directory}/user-data.txt.i`), user_data, { mode: 0o600 });
  mkdirSync(sandbox.path("/run/cloud-init"), { recursive: true });
  const sensitive = JSON.stringify({ ds: { meta_data: { droplet_id: instance, user_data } } });
  writeFileSync(sandbox.path("/run/cloud-init/instance-data-sensitive.json"), sensitive, { mode: 0o600 });
  if (!user_data.startsWith("#!")) {
    writeFileSync(sandbox.console, "Unhandled non-multipart (text/x-not-multipart) userdata\n", { flag: "a" });
    return null;
  }
  const script = sandbox.path(`${directory}/scripts/part-001`);
  writeFileSync(script, user_data, { mode: 0o700 });
  return script;
}

/** Whether this droplet's user-data has been started, in this boot or an earlier one. */
export function hasRun(sandbox: Sandbox, instance: number): boolean {
  return existsSync(semaphore(sandbox, instance));
}

function semaphore(sandbox: Sandbox, instance: number): string {
  return sandbox.path(`/var/lib/cloud/instances/${instance}/sem/config_scripts_user`);
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "w", 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
