/** Bots that a newer release has changed before it was rolled back. */
import type { Mutant } from "./mutant.ts";

const ENDPOINTS = "src/bot/agent/endpoints.ts";
const MODEL = "src/bot/model/newer-release.ts";
const state = "test/unit/bot/state-of-the-future.test.ts";
const bot = "test/unit/bot/bot-of-the-future.test.ts";
const history = "test/unit/bot/history-of-the-future.test.ts";

export const newerRelease: readonly Mutant[] = [
  {
    name: "unknown-members-start-nothing",
    guard: "Nothing is decided for a bot whose state this release does not know: what it made of it would be a guess.",
    file: "src/bot/reconcile/reconcile.ts",
    find: "  if (isOfNewerRelease(bot)) return waitUntil(now + WATCH_EVERY_MS, NEWER_RELEASE);\n",
    replace: "  void [isOfNewerRelease, WATCH_EVERY_MS, NEWER_RELEASE, waitUntil];\n",
    caught_by: [state, bot],
  },
  {
    name: "unknown-members-are-looked-for-in-every-droplet",
    guard: "One droplet of which this release does not know what it is makes the whole bot one of a newer release.",
    file: MODEL,
    find: "droplets: bot.droplets.map((droplet) => visitDroplet(droplet, visit)),",
    replace: "droplets: bot.droplets.map((droplet) => (visit && visitDroplet ? droplet : droplet)),",
    caught_by: [state],
  },
  {
    name: "unknown-intents-may-have-made-a-droplet",
    guard: "An intent in a state that is not known is named among what may be left.",
    file: MODEL,
    find: 'state: visit(intent.state, INTENT_STATES, "open"),',
    replace: 'state: visit(intent.state, INTENT_STATES, "absent"),',
    caught_by: [state],
  },
  {
    name: "members-are-names",
    guard: "Text that is no name of anything is damage: the bot fails closed, and is not taken for a newer release's.",
    file: "src/bot/model/keep.ts",
    find: "const name = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/);",
    replace: "const name = z.string();",
    caught_by: [state],
  },
  {
    name: "newer-releases-bots-take-no-events",
    guard: "Nothing is folded into a state that this release does not know, whoever forgets to ask.",
    file: "src/bot/shell/withhold.ts",
    find: "if (change.ends_bot || !isOfNewerRelease(bot)) return change;",
    replace: "if (change.ends_bot || bot.revision > 0 || !isOfNewerRelease(bot)) return change;",
    caught_by: [bot],
  },
  {
    name: "people-are-told-that-nothing-was-done",
    guard: "What a person asks of a bot of a newer release is refused, not dropped.",
    file: "src/bot/calls/management.ts",
    find: "if (!reached.ok || !isOfNewerRelease(reached.live.bot)) return reached;",
    replace: "if (!reached.ok || reached.live.bot.revision > 0 || !isOfNewerRelease(reached.live.bot)) return reached;",
    caught_by: [bot],
  },
  {
    name: "last-order-is-not-exceeded",
    guard: "An agent is permitted no more than when the newer release last told it.",
    file: "src/bot/model/workload-order.ts",
    find: 'const orders = [known.order ?? "hold", workloadOrder(known)];',
    replace: "const orders = [workloadOrder(known)];",
    caught_by: [state, bot],
  },
  {
    name: "no-order-is-no-permission",
    guard: "Where no order is stored the workload is left as it is, and not started.",
    file: "src/bot/model/workload-order.ts",
    find: 'known.order ?? "hold"',
    replace: 'known.order ?? "run"',
    caught_by: [state, bot],
  },
  {
    name: "what-is-known-still-stops",
    guard: "What is known of a bot may stop it, whatever order was given last.",
    file: "src/bot/model/workload-order.ts",
    find: 'const orders = [known.order ?? "hold", workloadOrder(known)];',
    replace: 'const orders = [known.order ?? "hold"];',
    caught_by: [state, bot],
  },
  {
    name: "acknowledgements-wait-for-their-release",
    guard:
      "An acknowledgement that cannot be recorded is not taken: the agent would forget it, and its config be rolled back.",
    file: ENDPOINTS,
    find: "  if (isOfNewerRelease(bot)) return awaitRelease();\n  const version = shell",
    replace: "  const version = shell",
    caught_by: [bot],
  },
  {
    name: "newcomers-wait-for-their-release",
    guard: "No agent is bound to a bot of a newer release.",
    file: ENDPOINTS,
    find: "  if (isOfNewerRelease(bot) && !isBound(bot, request)) return awaitRelease();\n",
    replace: "  void isBound;\n",
    caught_by: [bot],
  },
  {
    name: "sweep-leaves-a-newer-releases-droplets",
    guard: "The sweep deletes nothing of a bot whose state this release does not know.",
    file: "src/bot/calls/maintenance.ts",
    find: 'if (loaded.kind === "broken" || isOfNewerRelease(loaded.bot) || kind !== DROPLET) return "mine";',
    replace: 'if (loaded.kind === "broken" || (isOfNewerRelease(loaded.bot) && dry_run)) return "mine";',
    caught_by: [bot],
  },
  {
    name: "history-of-a-newer-release-is-kept",
    guard: "The history of a bot of a newer release is not pruned behind a snapshot of what is not known.",
    file: "src/bot/alarm/run.ts",
    find: "    else prune(shell);\n",
    replace: "    prune(shell);\n",
    caught_by: [bot],
  },
  {
    name: "secrets-are-not-said-to-be-erased",
    guard: "The index is not told that secrets are erased which the Bot still has.",
    file: "src/bot/calls/rekey.ts",
    find: '  if (isOfNewerRelease(loaded.bot)) return "unreadable";\n',
    replace: "  void isOfNewerRelease;\n",
    caught_by: [bot],
  },
  {
    name: "nothing-undocumented-is-shown",
    guard: "Readers see no guess where this release does not know what is so.",
    file: "src/bot/view/bot.ts",
    find: "return isOfNewerRelease(bot) ? withoutGuesses(view, bot) : view;",
    replace: "return isOfNewerRelease(bot) && withoutGuesses === undefined ? withoutGuesses(view, bot) : view;",
    caught_by: [state],
  },
  {
    name: "undocumented-operations-are-not-listed",
    guard: "An operation of a kind that the document does not name is left out of the list.",
    file: "src/bot/shell/store.ts",
    find: "      .filter(isKnownOperation);",
    replace: "      .filter((operation) => isKnownOperation(operation) || true);",
    caught_by: [bot],
  },
  {
    name: "sentences-have-their-words",
    guard: "An event with a member that is not known is told of without a hole in its sentence.",
    file: "src/bot/view/sentences.ts",
    find: "  if (found === undefined) throw new Error(`no word for ${key}`);\n  return found;",
    replace: "  return String(found);",
    caught_by: [history],
  },
];
