/** OpenClaw on the droplet: which model it runs on, what it is told, what the agent touches, and when it is taken for hung. */
import type { Mutant } from "./mutant.ts";

const OPENCLAW = "bootstrap/agent/workload/openclaw.ts";
const FOREIGN = "bootstrap/agent/base/foreign-files.ts";
const WATCH = "bootstrap/agent/workload/watch.ts";
const parts = "test/unit/agent/parts.test.ts";
const foreign = "test/unit/agent/base/foreign-files.test.ts";
const watch = "test/unit/agent/workload/watch.test.ts";
const models = "test/unit/wire/models.test.ts";
const config = "test/unit/bot/config.test.ts";
const GROUP = "bootstrap/agent/workload/process-group.ts";
const leftBehind = "test/unit/agent/workload/left-behind.test.ts";
const rules = "test/unit/agent/workload/trading-rules.test.ts";
const LADDER = "bootstrap/agent/workload/wind-down-rules.ts";
const WIND_DOWN = "bootstrap/agent/workload/wind-down.ts";
const ladder = "test/unit/agent/workload/wind-down-rules.test.ts";
const windDown = "test/unit/agent/workload/wind-down.test.ts";
const commandRules = "test/unit/agent/commands/command-rules.test.ts";

export const workload: readonly Mutant[] = [
  {
    name: "model-provider-is-known",
    guard: "A provider that OpenClaw does not know needs an address.",
    file: "src/wire/models.ts",
    find: "llm_base_url === null && lookUp",
    replace: "llm_base_url === undefined && lookUp",
    caught_by: [models],
  },
  {
    name: "model-is-the-providers",
    guard: "A model is one of the provider whose key the bot has.",
    file: "src/wire/models.ts",
    find: "!llm_model.startsWith(`${id}/`)",
    replace: 'llm_model === ""',
    caught_by: [models],
  },
  {
    name: "model-goes-with-the-provider",
    guard: "Another provider does not inherit the model of the one before.",
    file: "src/bot/config/content.ts",
    find: "providerId(llm_provider) === providerId(base.llm_provider)",
    replace: "llm_provider.length > 0",
    caught_by: [config],
  },
  {
    name: "model-of-old-bots-stays",
    guard: "A bot whose provider is no longer taken can still be patched.",
    file: "src/bot/config/content.ts",
    find: "about ? whyNotModel(content) : null",
    replace: "about || content.llm_provider ? whyNotModel(content) : null",
    caught_by: [config],
  },
  {
    name: "model-address-is-private",
    guard: "Prompts and keys go over TLS, or stay on the droplet.",
    file: "src/wire/config.ts",
    find: 'url.startsWith("https://") || LOOPBACK.test(url)',
    replace: 'url.startsWith("http")',
    caught_by: [models],
  },
  {
    name: "gateway-token-of-the-file",
    guard: "No token in OpenClaw's own file shuts the agent out.",
    file: OPENCLAW,
    find: 'mode: "token", token: GATEWAY_TOKEN',
    replace: 'token: GATEWAY_TOKEN, ...auth, mode: "token"',
    caught_by: [parts],
  },
  {
    name: "background-turns-are-off-on-paper",
    guard: "A bot in paper mode spends nobody's money by itself.",
    file: OPENCLAW,
    find: "trading_config.background_turns ?? !trading_config.paper_mode",
    replace: "trading_config.background_turns ?? true",
    caught_by: [parts],
  },
  {
    name: "rules-stand-once",
    guard: "Rules of an earlier config do not stay beside those of now.",
    file: "bootstrap/agent/workload/trading-rules.ts",
    find: "if (placed) return text;",
    replace: "if (placed) return `${present.trimEnd()}\\n\\n${block}`;",
    caught_by: [rules],
  },
  {
    name: "foreign-links-are-not-followed",
    guard: "A link that the workload planted is not read through.",
    file: FOREIGN,
    find: "O_RDONLY | O_NOFOLLOW | O_NONBLOCK",
    replace: "O_RDONLY | O_NONBLOCK",
    caught_by: [foreign],
  },
  {
    name: "foreign-pipes-are-not-waited-for",
    guard: "A pipe that the workload planted does not stop the agent.",
    file: FOREIGN,
    find: "if (!stat.isFile()) throw",
    replace: "if (!stat.isFile() && size > 0) throw",
    caught_by: [foreign],
  },
  {
    name: "foreign-files-are-bounded",
    guard: "A file that the workload grew is not read into memory.",
    file: FOREIGN,
    find: "size > max_bytes",
    replace: "size > 2 * 2 ** 30",
    caught_by: [foreign],
  },
  {
    name: "foreign-directories-are-no-links",
    guard: "A linked directory does not lead the agent's writing elsewhere.",
    file: FOREIGN,
    find: 'return stat.isDirectory() ? "directory" : "other";',
    replace: 'return stat.isDirectory() || stat.isSymbolicLink() ? "directory" : "other";',
    caught_by: [foreign],
  },
  {
    name: "hung-is-silent-not-unready",
    guard: "A workload that says that it is not ready is not killed for it.",
    file: WATCH,
    find: "if (answers) this",
    replace: "if (ready) this",
    caught_by: [watch],
  },
  {
    name: "hung-is-bounded-while-it-starts",
    guard: "A start gets more time than a workload that was ready.",
    file: WATCH,
    find: "this.#was_ready ? this.#limits.hung_after_ms : this.#limits.start_deadline_ms",
    replace: "this.#limits.hung_after_ms",
    caught_by: [watch],
  },
  {
    name: "draining-is-no-loss",
    guard: "A workload that finishes what is in flight is not called degraded.",
    file: WATCH,
    find: "ready || (this.#was_ready && failing.includes(DRAINING))",
    replace: "ready",
    caught_by: [watch],
  },
  {
    name: "expired-rotation-stays-expired",
    guard: "A rotation that expired is not called failed because the next one did its work.",
    file: "src/bot/calls/commands.ts",
    find: "if (well && !done && at >= row.expires_at) continue;",
    replace: "",
    caught_by: ["test/simulation/regressions.test.ts"],
  },
  {
    name: "drain-has-a-deadline",
    guard: "What does not end by itself is aborted at the drain's deadline.",
    file: LADDER,
    find: 'rung_ms < limits.drain_ms ? "drain"',
    replace: 'rung_ms < limits.drain_ms + 1 ? "drain"',
    caught_by: [ladder],
  },
  {
    name: "sigterm-comes-before-sigkill",
    guard: "A forced stop too gives the workload its time to end in order.",
    file: LADDER,
    find: 'return rung_ms < limits.stop_ms ? "term"',
    replace: 'return rung_ms < limits.stop_ms && !forced ? "term"',
    caught_by: [ladder],
  },
  {
    name: "drain-fits-the-budget",
    guard: "A drain that is longer than the documented most is refused.",
    file: "bootstrap/agent/settings.ts",
    find: "WORKLOAD_ABORT_S: seconds(15, 30)",
    replace: "WORKLOAD_ABORT_S: seconds(15, 300)",
    caught_by: [ladder],
  },
  {
    name: "unit-outlasts-the-ladder",
    guard: "systemd kills nothing that the agent is still winding down.",
    file: "bootstrap/agent/agent.ts",
    find: "CLOSE_DRAIN_MS = 60_000",
    replace: "CLOSE_DRAIN_MS = 600_000",
    caught_by: [ladder],
  },
  {
    name: "drain-is-given-back-before-an-abort",
    guard: "A gateway that drains refuses to abort, so the drain is given back first.",
    file: WIND_DOWN,
    find: 'if (this.#id !== null) await gateway.call("gateway.suspend.resume"',
    replace: 'if (this.#id === "") await gateway.call("gateway.suspend.resume"',
    caught_by: [windDown],
  },
  {
    name: "queued-work-is-aborted-too",
    guard: "What the ladder aborts does not come back: its queue goes with it.",
    file: "bootstrap/agent/workload/gateway-sessions.ts",
    find: "{ key, clearQueued: true }",
    replace: "{ key, clearQueued: false }",
    caught_by: [windDown],
  },
  {
    name: "no-answer-holds-the-ladder",
    guard: "A gateway that does not answer delays its end no longer than a rung lasts.",
    file: WIND_DOWN,
    find: "return await Promise.race([answer, cut]);",
    replace: "return await answer;",
    caught_by: [windDown],
  },
  {
    name: "stop-succeeds-when-stopped",
    guard: "A stop is told as done only when nothing runs any more.",
    file: "bootstrap/agent/commands/command-rules.ts",
    find: 'view.up === null && (view.state === "stopped"',
    replace: 'view.up === null && (view.state === "stopping" || view.state === "stopped"',
    caught_by: [commandRules],
  },
  {
    name: "nothing-is-left-behind",
    guard: "A workload has ended only once nothing that it started is left.",
    file: "bootstrap/agent/workload/launcher.ts",
    find: "left.length > 0; left = find()",
    replace: "left.length < 0; left = find()",
    caught_by: [leftBehind],
  },
  {
    name: "group-knows-its-mark",
    guard: "What has left its session is known by what it inherited.",
    file: GROUP,
    find: "|| variable(entry.pid) === root.mark",
    replace: "|| variable(entry.pid) === root.mark + root.mark",
    caught_by: [leftBehind],
  },
  {
    name: "group-knows-its-session",
    guard: "What has cleared its environment and lost its parent is known by its session.",
    file: GROUP,
    find: "[entry.pid, entry.group, entry.session].includes(pid)",
    replace: "entry.pid === pid",
    caught_by: [leftBehind],
  },
  {
    name: "foreign-listener-is-not-believed",
    guard: "What listens on the workload's port and is not the workload makes nothing ready.",
    file: "bootstrap/agent/workload/runner.ts",
    find: "if (!child.owns(sockets)) {",
    replace: "if (!child.owns(sockets) && signal.aborted) {",
    caught_by: [leftBehind],
  },
  {
    name: "every-listener-is-ours",
    guard: "A port that the workload shares with another process is not the workload's.",
    file: "bootstrap/agent/workload/listener.ts",
    find: "sockets.every(({ inode }) => held.has(inode))",
    replace: "sockets.some(({ inode }) => held.has(inode))",
    caught_by: ["test/unit/agent/workload/listener.test.ts"],
  },
];
