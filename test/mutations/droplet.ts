/** What the droplet's agent takes for true on its channel, and how often it does what it is told. */
import type { Mutant } from "./mutant.ts";

const CHANNEL = "bootstrap/agent/plane/channel.ts";
const RULES = "bootstrap/agent/plane/channel-rules.ts";
const COMMANDS = "bootstrap/agent/commands/command-rules.ts";
const channelTests = "test/unit/agent/plane/channel.test.ts";
const rules = "test/unit/agent/plane/channel-rules.test.ts";
const commandTests = "test/unit/agent/commands/command-rules.test.ts";
const executorTests = "test/unit/agent/commands/command-executor.test.ts";

export const droplet: readonly Mutant[] = [
  {
    name: "overtaken-answer",
    guard: "An answer over HTTP that orders on the channel have overtaken permits nothing.",
    file: "bootstrap/agent/plane/session.ts",
    find: "    if (orders_heard !== this.#orders_heard) return this.interval_ms;\n",
    replace: "    void orders_heard;\n",
    caught_by: ["test/unit/agent/plane/session.test.ts"],
  },
  {
    name: "no-beats-beside-the-channel",
    guard: "While the channel carries it, no beat costs a request.",
    file: "bootstrap/agent/plane/session.ts",
    find: "      if (up) {\n",
    replace: "      if (up && here.aborted) {\n",
    caught_by: [channelTests],
  },
  {
    name: "beat-after-the-loss",
    guard: "The first beat over HTTP comes within 5 s of the channel's loss.",
    file: "bootstrap/agent/plane/session.ts",
    find: "random() * settings.loss_beat_ms",
    replace: "30_000",
    caught_by: [channelTests],
  },
  {
    name: "pong-is-owed",
    guard: "A channel without a pong is given up.",
    file: CHANNEL,
    find: '      if (!alive && !here.aborted) talk.socket.end(GIVEN_UP, "no pong");\n',
    replace: "      void alive;\n",
    caught_by: [channelTests],
  },
  {
    name: "answer-is-owed",
    guard: "A channel on which no status is answered is given up.",
    file: CHANNEL,
    find: '      if (!answered && !here.aborted) talk.socket.end(GIVEN_UP, "no answer to a status");\n',
    replace: "      void answered;\n",
    caught_by: [channelTests],
  },
  {
    name: "banned-stays-off-the-channel",
    guard: "After a revocation only a beat over HTTP leads back to the channel.",
    file: CHANNEL,
    find: "      if (!permitted()) {\n",
    replace: "      if (!permitted() && signal.aborted) {\n",
    caught_by: [channelTests],
  },
  {
    name: "half-open-socket-is-freed",
    guard: "A connection whose other side is silent is not kept for ever.",
    file: "bootstrap/agent/plane/socket.ts",
    find: "handshake.tcp()?.destroy()",
    replace: "handshake.tcp()",
    caught_by: ["test/unit/agent/plane/socket.test.ts"],
  },
  {
    name: "credential-not-in-the-clear",
    guard: "Beside a control plane with TLS the credential goes over no channel without.",
    file: RULES,
    find: '(url.protocol !== "ws:" || encrypted)',
    replace: 'url.protocol !== "ws:"',
    caught_by: [rules],
  },
  {
    name: "frame-from-the-bot-is-bounded",
    guard: "A frame that is too big is not parsed.",
    file: RULES,
    find: "Buffer.byteLength(data) > MAX_FRAME_BYTES",
    replace: "data.length > MAX_FRAME_BYTES",
    caught_by: [rules],
  },
  {
    name: "replaced-does-not-fight",
    guard: "Who was replaced by a newer connection does not replace it in turn.",
    file: RULES,
    find: "    case CLOSE_CODES.replaced:\n      return { ...next, after_ms: slow_ms };\n",
    replace: "    case CLOSE_CODES.replaced:\n      return next;\n",
    caught_by: [rules, channelTests],
  },
  {
    name: "command-once",
    guard: "A command that is delivered again is not carried out again.",
    file: COMMANDS,
    find: '  if (view.known === "done") return { do: "repeat" };\n',
    replace: "",
    caught_by: [commandTests],
  },
  {
    name: "restart-once",
    guard: "A restart that is under way is not begun again.",
    file: COMMANDS,
    find: 'view.known === "begun" || ',
    replace: "",
    caught_by: [commandTests],
  },
  {
    name: "command-expires",
    guard: "A command is not carried out after its time.",
    file: COMMANDS,
    find: "  if (expiry(command, view.now_ms) <= view.now_ms)",
    replace: "  if (expiry(command, view.now_ms) < 0)",
    caught_by: [commandTests],
  },
  {
    name: "log-is-redacted-again",
    guard: "What leaves the machine is redacted with the secrets of now.",
    file: COMMANDS,
    find: "    const text = clean(line);\n",
    replace: "    const text = clean === undefined ? line : line;\n",
    caught_by: [commandTests],
  },
  {
    name: "results-fit-a-frame",
    guard: "Results never make a status larger than a frame may be.",
    file: COMMANDS,
    find: "    if (left_bytes < 0) break;\n",
    replace: "",
    caught_by: [commandTests],
  },
  {
    name: "result-until-heard",
    guard: "A result is owed again when the control plane lists its command still.",
    file: "bootstrap/agent/commands/command-executor.ts",
    find: '    if (verdict.do === "repeat") store.markTold(id, false);\n',
    replace: "",
    caught_by: [executorTests],
  },
  {
    name: "commands-outlive-their-time",
    guard: "A clock that is set back makes no command new again.",
    file: "bootstrap/agent/base/store.ts",
    find: "now_ms - KEPT_PAST_EXPIRY_MS",
    replace: "now_ms",
    caught_by: [executorTests],
  },
  {
    name: "hold-restarts-nothing",
    guard: "On hold a workload is left alone, not started.",
    file: "bootstrap/agent/workload/apply-rules.ts",
    find: '  if (s.order !== "run") return `The workload must not be started: the control plane\'s order is ${s.order}.`;\n',
    replace: "",
    caught_by: ["test/unit/agent/workload/apply-rules.test.ts"],
  },
];
