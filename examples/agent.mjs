// A whole agent in one file, for Node 24: registers, beats, fetches and acknowledges configs, and obeys. It runs
// WORKLOAD_COMMAND in a shell. docs/agent-protocol.md says what each step obliges to.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "node:zlib";

const { CONTROL_PLANE_URL, BOT_ID, REGISTRATION_TOKEN, STATE_DIR, WORKLOAD_COMMAND = "sleep infinity" } = process.env;
const droplet_id = Number(process.env.DROPLET_ID);
const boot_id = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
const READY_WINDOW_MS = Number(process.env.READY_WINDOW_S ?? 15) * 1000;
const [REVOKED_CONFIRM_MS, SLOW_MS, UNREACHABLE] = [30_000, 300_000, { status: 0, json: {}, etag: null, wait_ms: 0 }];
const GROUP = `workload.${boot_id}`;
const pathOf = (name) => join(STATE_DIR, name);

/** Once it returns, the text is on the disk: file and directory are synced. */
function writeDurably(name, text) {
  writeFileSync(pathOf(`${name}.new`), text, { mode: 0o600, flush: true });
  renameSync(pathOf(`${name}.new`), pathOf(name));
  const directory = openSync(STATE_DIR, "r");
  fsyncSync(directory);
  closeSync(directory);
}

async function ask(method, path, bearer, body, headers = {}) {
  try {
    const response = await fetch(CONTROL_PLANE_URL + path, {
      method,
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "error",
      signal: AbortSignal.timeout(20_000),
    });
    const json = response.status === 304 ? {} : await response.json();
    const wait_ms = Number(response.headers.get("retry-after")) * 1000 || 0;
    return { status: response.status, json, etag: response.headers.get("etag"), wait_ms };
  } catch {
    return UNREACHABLE;
  }
}

async function register() {
  const credential_sha256 = createHash("sha256").update(credential).digest("hex");
  const body = { bot_id: BOT_ID, credential, credential_sha256, droplet_id, boot_id };
  for (;;) {
    const { status, json, wait_ms } = await ask("POST", "/bot/register", REGISTRATION_TOKEN, body);
    if (status === 200) return writeDurably("registered", JSON.stringify(json));
    console.error(`register: ${status} ${json.code ?? ""} ${json.detail ?? ""}`);
    await sleep(status === 0 || status === 429 || status >= 500 ? Math.max(wait_ms, 5000) : SLOW_MS);
  }
}

/** `group` is the workload's process group: all that it started ends with it. */
const workload = { group: null, state: "stopped", since: 0, restarts: 0, config_id: null };
let [held, etag, acknowledged, revoked_since, results] = [null, null, null, null, []];

function start() {
  const env = { ...process.env, ...held.secrets.environment, LLM_API_KEY: held.secrets.llm_api_key };
  const child = spawn("sh", ["-c", WORKLOAD_COMMAND], { env, stdio: "ignore", detached: true });
  writeDurably(GROUP, String(child.pid));
  Object.assign(workload, { group: child.pid, state: "running", since: Date.now(), config_id: held.id });
  child.once("exit", () => {
    if (workload.group === child.pid && workload.state === "running") workload.state = "crashed";
  });
}

async function stop() {
  const [group, asked_at] = [workload.group, Date.now()];
  try {
    for (let signal = "SIGTERM"; group !== null; await sleep(100)) {
      process.kill(-group, signal);
      workload.state = "stopping";
      signal = Date.now() - asked_at < 20_000 ? 0 : "SIGKILL";
    }
  } catch {
    // Nobody is left in the group.
  }
  Object.assign(workload, { group: null, state: "stopped" });
}

async function obey({ workload: order, desired_config_id, commands }) {
  if (held?.id !== desired_config_id) {
    const path = `/bot/${BOT_ID}/config?droplet_id=${droplet_id}`;
    const answer = await ask("GET", path, credential, undefined, { "if-none-match": etag ?? '""' });
    if (answer.status === 200) ({ etag, json: held } = answer);
  }
  // It supports none. A command that is no longer listed has been answered.
  results = commands.map(({ id }) => ({ id, ok: false, detail: "This agent supports no commands." }));
  if (order === "stop") await stop();
  if (held === null) return;
  if (order === "run" && workload.state === "crashed") workload.restarts += 1;
  if (order === "run" && (workload.state === "crashed" || workload.config_id !== held.id)) await stop();
  if (order === "run" && workload.group === null) start();
  const proved = workload.config_id === held.id && Date.now() - workload.since >= READY_WINDOW_MS;
  const may_say = workload.state === "running" ? order === "run" && proved : workload.state === "stopped";
  if (!may_say || acknowledged === `${held.id} ${workload.state}`) return;
  const ack = { config_id: held.id, result: "applied", workload: workload.state };
  const { status } = await ask("POST", `/bot/${BOT_ID}/config_ack`, credential, ack);
  if ([200, 404, 409].includes(status)) acknowledged = `${held.id} ${ack.workload}`;
}

/** @returns ms until the next one */
async function beat(interval_ms) {
  const { state, restarts } = workload;
  const report = { agent_version: "example", boot_id, droplet_id, load: null, mem: null, disk: null };
  const applied_config_id = acknowledged?.split(" ")[0] ?? null;
  const body = {
    ...report,
    workload: { state, restarts, version: null },
    applied_config_id,
    command_results: results.slice(0, 4),
  };
  const { status, json, wait_ms } = await ask("POST", `/bot/${BOT_ID}/heartbeat`, credential, body);
  if (status === 200) {
    revoked_since = null;
    await obey(json);
    return interval_ms;
  }
  if (status === 401 && json.code === "credential_revoked") {
    revoked_since ??= Date.now();
    if (Date.now() - revoked_since < REVOKED_CONFIRM_MS) return Math.max(interval_ms, REVOKED_CONFIRM_MS);
  } else if (status !== 403 || json.code !== "wrong_droplet") return Math.max(interval_ms, wait_ms);
  await stop();
  return SLOW_MS;
}

mkdirSync(STATE_DIR, { recursive: true, mode: 0o700 });
if (!existsSync(pathOf("credential"))) {
  const body = `sp_agt_${BOT_ID.replaceAll("-", "")}_${randomBytes(32).toString("hex")}`;
  writeDurably("credential", body + crc32(body).toString(16).padStart(8, "0"));
}
const credential = readFileSync(pathOf("credential"), "utf8");
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void stop().then(() => process.exit(0)));
// A workload that outlived its agent on this boot is ended before anything else.
if (existsSync(pathOf(GROUP))) workload.group = Number(readFileSync(pathOf(GROUP), "utf8"));
await stop();
if (!existsSync(pathOf("registered"))) await register();
const { heartbeat_interval_s } = JSON.parse(readFileSync(pathOf("registered"), "utf8"));
for (;;) await sleep(await beat(heartbeat_interval_s * 1000));
