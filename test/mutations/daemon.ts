/** The agent as its machine's daemon: one of it, what it writes down, and what its local face lets people do. */
import type { Mutant } from "./mutant.ts";

const API = "bootstrap/agent/local/api.ts";
const TABLE = "bootstrap/agent/base/bot-table.ts";
const api = "test/unit/agent/local/api.test.ts";
const table = "test/unit/agent/base/bot-table.test.ts";
const process = "test/unit/agent/process-daemon.test.ts";

export const daemon: readonly Mutant[] = [
  {
    name: "one-agent-for-one-state",
    guard: "Two agents never share a state directory.",
    file: "bootstrap/agent/base/instance-lock.ts",
    find: "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;",
    replace: "PRAGMA locking_mode = NORMAL;",
    caught_by: ["test/unit/agent/base/instance-lock.test.ts"],
  },
  {
    name: "stopped-after-a-start",
    guard: "Whatever was written before a restart, afterwards nothing counts as running.",
    file: TABLE,
    find: "    this.#sql.run(\"UPDATE bot_runtime_state SET state = 'Stopped', error = NULL\");\n",
    replace: "",
    caught_by: [table],
  },
  {
    name: "one-bad-row",
    guard: "A row that cannot be read costs only itself.",
    file: TABLE,
    find: "      this.#said.add(name);\n      return null;\n",
    replace: "      throw new Error(name);\n",
    caught_by: [table],
  },
  {
    name: "ending-is-running",
    guard: "A workload that is being stopped is not called stopped while it is there.",
    file: "bootstrap/agent/workload/runtime-state.ts",
    find: '    case "running":\n    case "stopping":\n      return',
    replace: '    case "running":\n      return',
    caught_by: ["test/unit/agent/workload/runtime-state.test.ts"],
  },
  {
    name: "noted-before-it-starts",
    guard: "No workload is started without a record by which the next agent finds it.",
    file: "bootstrap/agent/workload/own-site.ts",
    find: '    store.set("child", { pid: null, start_ticks: null, mark, boot });\n',
    replace: "",
    caught_by: [process],
  },
  {
    name: "numbers-of-another-boot",
    guard: "After a boot the number of an earlier process is nobody's who may be ended for it.",
    file: "bootstrap/agent/workload/process-tree.ts",
    find: "boot === undefined || present === null || boot === present",
    replace: "boot === undefined || present === null || boot !== null",
    caught_by: [process],
  },
  {
    name: "local-start-allows-nothing",
    guard: "A person on the droplet starts nothing that the control plane does not allow.",
    file: API,
    find: 'ban !== null || order !== "run"',
    replace: "ban !== null",
    caught_by: [api],
  },
  {
    name: "foreign-bots-are-not-started",
    guard: "A bot that this machine was not given is not started on it.",
    file: API,
    find: "bot.enabled ? setStopped(false, deps) : NOT_RUN_HERE",
    replace: "setStopped(false, deps)",
    caught_by: [api],
  },
  {
    name: "own-bot-is-not-forgotten",
    guard: "The bot that the machine runs stays in its table.",
    file: API,
    find: "  if (bot.enabled) {\n",
    replace: "  if (bot.enabled && deps.token === bot.id) {\n",
    caught_by: [api],
  },
  {
    name: "local-bodies-are-bounded",
    guard: "A body that is too large is not kept in memory.",
    file: API,
    find: "return bytes <= MAX_BODY_BYTES ?",
    replace: "return bytes >= 0 ?",
    caught_by: [api],
  },
  {
    name: "local-answers-are-redacted",
    guard: "What the local API says holds no secret.",
    file: API,
    find: "JSON.stringify(redact(body))",
    replace: "JSON.stringify(redact === undefined ? null : body)",
    caught_by: [api],
  },
  {
    name: "status-is-its-owners",
    guard: "Only the agent's own user may listen to its status.",
    file: "bootstrap/agent/local/status-socket.ts",
    find: "  chmodSync(path, 0o600);\n",
    replace: "  chmodSync(path, 0o666);\n",
    caught_by: ["test/unit/agent/local/status-socket.test.ts"],
  },
];
