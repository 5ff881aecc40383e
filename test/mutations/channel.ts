import type { Mutant } from "./mutant.ts";

const CHANNEL = "src/bot/agent/channel.ts";
const channelTests = "test/worker/channel.test.ts";
const liveness = "test/simulation/liveness.test.ts";
const commands = "test/worker/commands.test.ts";

/** The channel and what goes over it. */
export const channel: readonly Mutant[] = [
  {
    name: "strangers-close-before-time-stamps",
    guard: "A socket of another generation or credential is closed before its pings are looked at.",
    file: CHANNEL,
    find: "return generation === bot.generation && credential_sha256 === bot.agent?.credential_sha256;",
    replace: "return credential_sha256 === bot.agent?.credential_sha256;",
    caught_by: [channelTests],
  },
  {
    name: "revoked-channel-is-cut",
    guard: "A revoked credential's channel is closed with the commit that revokes it.",
    file: CHANNEL,
    find: "if (!attached || !isPresent(attached, after)) close(socket, whyNot(attached, after));",
    replace: "if (!attached) return;",
    caught_by: ["test/simulation/fences.test.ts"],
  },
  {
    name: "unheard-channel-is-closed",
    guard: "A channel whose agent fell silent is closed: pings that resume would tell nobody.",
    file: CHANNEL,
    find: 'else if (silent) close(socket, "unheard");',
    replace: "else if (silent) return;",
    caught_by: [liveness],
  },
  {
    name: "replacements-are-limited",
    guard: "Agents that take the channel from each other are refused.",
    file: CHANNEL,
    find: "if (replaced_at.length > MAX_REPLACEMENTS) {",
    replace: "if (replaced_at.length > 1000) {",
    caught_by: [channelTests],
  },
  {
    name: "frames-are-limited",
    guard: "A flood of frames ends the channel.",
    file: CHANNEL,
    find: "if (attached.minute.frames > MAX_FRAMES_A_MINUTE)",
    replace: "if (attached.minute.frames > 100_000)",
    caught_by: [channelTests],
  },
  {
    name: "reset-grants-a-fresh-deadline",
    guard: "Sockets that are gone without a word were lost by us: nobody is silent for that.",
    file: CHANNEL,
    find: "channel: null, channel_closed_at: null, channel_lost_at: now, deaf_until: now",
    replace: "channel: null, channel_closed_at: 1, channel_lost_at: now",
    caught_by: [liveness],
  },
  {
    name: "closed-channel-is-soon-silent",
    guard: "After a clean close silence counts from 45 s on.",
    file: "src/bot/reconcile/silence.ts",
    find: "if (closed_at !== null && seen_at <= closed_at)",
    replace: "if (closed_at !== null && seen_at < 0)",
    caught_by: [liveness],
  },
  {
    name: "first-beat-is-stored",
    guard: "The first beat after the channel's end is stored at once: it is waited for.",
    file: "src/bot/agent/endpoints.ts",
    find: "if (Math.max(stored.channel_closed_at ?? 0, stored.deaf_until) >= seen_at) return true;",
    replace: "void stored.channel_closed_at;",
    caught_by: [liveness],
  },
  {
    name: "orders-are-pushed",
    guard: "A change is told to the agent at once.",
    file: CHANNEL,
    find: '    else socket.send(JSON.stringify({ type: "orders", ...ordersOf(shell) }));',
    replace: "",
    caught_by: [channelTests],
  },
  {
    name: "wrong-droplet-has-no-channel",
    guard: "Only the bot's own droplet may open its channel.",
    file: CHANNEL,
    find: "const known = authenticateOn(shell, caller, droplet_id);",
    replace: "const known = authenticateOn(shell, caller, shell.live()?.bot.agent?.droplet_id ?? droplet_id);",
    caught_by: [channelTests],
  },
  {
    name: "commands-belong-to-a-generation",
    guard: "A command for a droplet that is gone is not carried over to the next.",
    file: "src/bot/calls/commands.ts",
    find: "now < expires_at && generation === bot.generation;",
    replace: "now < expires_at && generation > 0;",
    caught_by: [commands],
  },
  {
    name: "commands-end-once",
    guard: "A result that comes again changes nothing.",
    file: "src/bot/calls/commands.ts",
    find: "row.result ? [] : [[row.id, row] as const]",
    replace: "[[row.id, row] as const]",
    caught_by: [commands],
  },
  {
    name: "stop-holds",
    guard: "A workload that a person stopped stays stopped.",
    file: "src/bot/model/workload-order.ts",
    find: '  if (bot.workload_stopped) return "stop";\n',
    replace: "",
    caught_by: [commands],
  },
  {
    name: "output-is-redacted",
    guard: "Logs that an agent brings are kept without what looks like a secret.",
    file: "src/bot/calls/commands.ts",
    find: "output: output && redactText(output)",
    replace: "output",
    caught_by: [commands],
  },
];
