/** What surrounds a call to the outside: intent before it, an alarm in case we die during it, a fence and a lesson after it. */
import type { Mutant } from "./mutant.ts";

const RUN = "src/bot/alarm/run.ts";
const FAULTS = "test/simulation/deaths.test.ts";
const FENCES = "test/simulation/fences.test.ts";

/** The call goes out before its intent is stored. */
function intentAfterCall(kind: string) {
  return {
    find: `  if (undertaking.intent.length > 0) rearm(shell, undertaking.intent);
  const finished = await undertaking.run();`,
    replace: `  const early = effect.kind === "${kind}" ? await undertaking.run() : null;
  if (undertaking.intent.length > 0) rearm(shell, undertaking.intent);
  const finished = early ?? (await undertaking.run());`,
  };
}

export const calls: readonly Mutant[] = [
  {
    name: "fence-after-permit",
    guard: "A permit that came after the world had moved on is not used.",
    file: RUN,
    find: '  if (!("do" in decision) || !sameEffect(decision.do, effect)) return giveBack(shell, effect);\n',
    replace: "",
    caught_by: [FENCES],
  },
  {
    name: "fence-same-effect",
    guard: "What is done is what is wanted now, not what was wanted when the permit was asked for.",
    file: "src/bot/reconcile/effects.ts",
    find: "return a.kind === b.kind && effectKey(a) === effectKey(b) && alike(a, b);",
    replace: 'return a.kind === b.kind || effectKey(a) !== "" || alike(a, a);',
    caught_by: [FENCES],
  },
  {
    name: "reread-after-permit",
    guard: "State is read again after the wait for a permit.",
    file: RUN,
    find: "  const { bot, rt } = shell.present();\n  if (!permit.granted) {",
    replace: "  const { bot, rt } = { bot: asked, rt: shell.present().rt };\n  if (!permit.granted) {",
    caught_by: [FENCES],
  },
  {
    name: "reread-after-call",
    guard: "State is read again after the call, before its outcome is judged.",
    file: RUN,
    find: "  const finished = await undertaking.run();\n  const after = shell.present();\n",
    replace: "  const after = shell.present();\n  const finished = await undertaking.run();\n",
    caught_by: [FENCES],
  },
  {
    name: "learn-from-late",
    guard: "What an outcome tells of the world is recorded though its operation was pre-empted meanwhile.",
    file: RUN,
    find: "    events: learn(after.bot, finished, { began_at, ended_at, policy: platform.policy }),\n",
    replace:
      "    events: after.bot.operation.id === asked.operation.id\n      ? learn(after.bot, finished, { began_at, ended_at, policy: platform.policy }) : [],\n",
    caught_by: [FENCES],
  },
  {
    name: "intent-before-post",
    guard: "The intent of a droplet is stored before it is asked for: a crash leaves no droplet that nobody knows of.",
    file: RUN,
    ...intentAfterCall("create_droplet"),
    caught_by: [FAULTS],
  },
  {
    name: "intent-before-delete",
    guard: "That a DELETE was sent is stored before it is sent: a crash does not send it again and again.",
    file: RUN,
    ...intentAfterCall("delete_droplet"),
    caught_by: [FENCES],
  },
  {
    name: "intent-before-power",
    guard: "A power action is counted before it is sent, so that a crash does not repeat it without end.",
    file: RUN,
    ...intentAfterCall("power"),
    caught_by: [FENCES],
  },
  {
    name: "safety-alarm-first",
    guard: "Before a call an alarm is committed that wakes us should we die during it.",
    file: RUN,
    find: "safety_at: platform.now() + call_timeout_ms + safety_margin_ms });",
    replace: "safety_at: Number.MAX_SAFE_INTEGER });",
    caught_by: [FAULTS],
  },
  {
    name: "alarm-while-working",
    guard: "A Bot that has something to do keeps an alarm.",
    file: "src/bot/reconcile/schedule.ts",
    find: '"settled" in decision ? null : now;',
    replace: '"settled" in decision || "do" in decision ? null : now;',
    caught_by: ["test/unit/bot/schedule.test.ts"],
  },
  {
    name: "alarm-never-throws",
    guard: "An alarm that meets an error arms the next one itself: the platform gives up after six throws.",
    file: RUN,
    find: "    platform.setAlarm(platform.now() + backoffMs(platform.policy, tries, platform.random()));",
    replace: "    throw error;",
    caught_by: ["test/unit/bot/run.test.ts"],
  },
  {
    name: "alarm-repaired",
    guard: "An alarm that a deploy has eaten is set again by whoever calls next.",
    file: "src/bot/shell/shell.ts",
    find: "if (alarm_at !== null && alarm_at < now - this.platform.policy.alarm_late_ms) this.commit({});",
    replace: "void alarm_at, now;",
    caught_by: ["test/unit/bot/run.test.ts"],
  },
  {
    name: "late-alarm-grace",
    guard: "Where our own alarm came late, silence is not held against the bot.",
    file: RUN,
    find: "if (now() > deadline + policy.alarm_late_ms)",
    replace: "if (now() < 0)",
    caught_by: ["test/worker/agents.test.ts"],
  },
  {
    name: "thrown-call-is-unknown",
    guard: "A call that throws has an unknown outcome: it is not taken for one that did nothing.",
    file: "src/bot/alarm/effects.ts",
    find: 'return { kind: "unknown", detail: error instanceof Error ? quote(error.message, 200) : "the call failed" };',
    replace: "throw error;",
    caught_by: ["test/unit/bot/run.test.ts"],
  },
  {
    name: "power-on-reads-after-refusal",
    guard: "A refused power-on is not sent again before the droplet was read.",
    file: "src/bot/reconcile/steps.ts",
    find: "  if (lastRead(s, droplet) < bot.operation.started_at)\n",
    replace: "  if (lastRead(s, droplet) < 0)\n",
    caught_by: ["test/simulation/regressions.test.ts"],
  },
  {
    name: "late-looks-first",
    guard: "Whoever wakes after a deadline looks before it insists or gives up.",
    file: "src/bot/reconcile/steps.ts",
    find: "  if (lastRead(s, droplet) >= deadline) return null;\n",
    replace: "  if (deadline > 0) return null;\n",
    caught_by: ["test/unit/bot/power.test.ts"],
  },
  {
    name: "permit-waits-by-own-clock",
    guard: "How long to wait for a permit is counted on the Bot's own clock.",
    file: "src/bot/alarm/run.ts",
    find: "not_before: platform.now() + permit.wait_ms",
    replace: "not_before: platform.now() - 300_000 + permit.wait_ms",
    caught_by: ["test/simulation/regressions.test.ts"],
  },
];
