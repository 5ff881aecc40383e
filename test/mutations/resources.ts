/** Resources by kind, and state that two releases share. */
import type { Mutant } from "./mutant.ts";

const ENROLMENT = "src/bot/model/enrolment.ts";
const NEWER = "src/bot/model/newer-release.ts";
const MAINTENANCE = "src/bot/calls/maintenance.ts";
const LEDGER = "src/provider/gate/ledger.ts";
const enrolment = "test/unit/bot/enrolment.test.ts";
const kinds = "test/unit/bot/kinds.test.ts";
const claim = "test/unit/bot/claim.test.ts";
const verdicts = "test/unit/resources/verdict.test.ts";
const leases = "test/unit/gate/leases.test.ts";
const sweeps = "test/unit/gate/sweep-kinds.test.ts";

export const resources: readonly Mutant[] = [
  {
    name: "stricter-token-wins",
    guard: "A token that the release before has used up or killed lets nobody in when this one is back.",
    file: ENROLMENT,
    find: "const state = stricter(token_state, enrolment?.state ?? token_state);",
    replace: "const state = enrolment?.state ?? token_state;",
    caught_by: [enrolment],
  },
  {
    name: "stricter-is-stricter",
    guard: "A killed token is never read as a used one.",
    file: ENROLMENT,
    find: 'const TOKEN_STATES = ["live", "used", "killed"] as const;',
    replace: 'const TOKEN_STATES = ["live", "killed", "used"] as const;',
    caught_by: [enrolment],
  },
  {
    name: "unheard-of-token-is-strictest",
    guard: "A token in a state that only a newer release knows lets nobody in.",
    file: ENROLMENT,
    find: "return rank === -1 ? TOKEN_STATES.length : rank;",
    replace: "return rank;",
    caught_by: [enrolment],
  },
  {
    name: "old-fields-written",
    guard: "The release before is told of every token that was used up or killed.",
    file: ENROLMENT,
    find: "token_expires_at: expires_at, token_state: state };",
    replace: 'token_expires_at: expires_at, token_state: "live" };',
    caught_by: [enrolment],
  },
  {
    name: "unknown-kind-of-intent",
    guard: "A create of a kind that this release does not know is not taken for a droplet's, nor for absent.",
    file: NEWER,
    find: "    kind: visit(intent.kind, RESOURCE_KINDS, DROPLET),\n",
    replace: "",
    caught_by: [kinds],
  },
  {
    name: "unknown-kind-is-not-deleted",
    guard: "What is of a kind that this release does not know is not deleted as a droplet.",
    file: NEWER,
    find: "    kind: visit(droplet.kind, RESOURCE_KINDS, DROPLET),\n",
    replace: "",
    caught_by: [kinds],
  },
  {
    name: "claim-of-an-unknown-kind",
    guard: "A Bot gives nothing away of a kind that it does not know.",
    file: MAINTENANCE,
    find: ' || kind !== DROPLET) return "mine";',
    replace: ') return "mine";',
    caught_by: [claim],
  },
  {
    name: "claim-of-the-release-before",
    guard: "The sweep of the release before, which names no kind, is answered about its droplet.",
    file: MAINTENANCE,
    find: "const { kind = DROPLET, droplet,",
    replace: 'const { kind = "unknown", droplet,',
    caught_by: [claim],
  },
  {
    name: "claim-confirmed-gone-since",
    guard: "A listing from before a resource was confirmed gone does not bring it back.",
    file: "src/resources/verdict.ts",
    find: "  if (history.gone_at !== null && history.gone_at >= listedAt) return MINE;\n",
    replace: "",
    caught_by: [claim, verdicts],
  },
  {
    name: "owner-by-whole-name",
    guard: "No bot is asked about a resource that its whole name does not give to it.",
    file: "src/resources/ownership.ts",
    find: "read !== null && name === kind.name(fleet, read.bot_id, read.generation)",
    replace: "read !== null",
    caught_by: [verdicts],
  },
  {
    name: "repeat-after-the-end",
    guard: "A create that may still run is not sent a second time, though it be idempotent.",
    file: "src/resources/intent.ts",
    find: "if (kind.idempotent) return now < ended ?",
    replace: "if (kind.idempotent) return now < 0 ?",
    caught_by: ["test/unit/resources/mechanism.test.ts"],
  },
  {
    name: "lease-for-each-kind",
    guard: "A bot that makes two kinds holds a place for each, and gives back the one that is done.",
    file: LEDGER,
    find: "return resource === DROPLET ? bot_id : `${resource}/${bot_id}`;",
    replace: "return bot_id;",
    caught_by: [leases],
  },
  {
    name: "lease-unknown-kind",
    guard: "No create is granted whose limit nobody knows.",
    file: "src/provider/gate/budget.ts",
    find: "return creates === undefined ? null : { ...limits, ...creates(limits) };",
    replace: "return { ...limits, ...creates?.(limits) };",
    caught_by: [leases],
  },
  {
    name: "gate-rows-of-the-release-before",
    guard: "After a rollback the release before can still write its rows: else it grants nothing to anybody.",
    file: LEDGER,
    find: "GENERATED ALWAYS AS (CASE instr(bot_id, '/') WHEN 0 THEN 'droplet' ELSE substr(bot_id, 1, instr(bot_id, '/') - 1) END) VIRTUAL",
    replace: "NOT NULL DEFAULT 'droplet'",
    caught_by: [leases],
  },
  {
    name: "sweep-asks-by-kind",
    guard: "A Bot is told which kind of resource it is asked about.",
    file: "src/provider/gate/sweeper.ts",
    find: "        kind: this.#swept.kind.kind,\n",
    replace: "",
    caught_by: [sweeps],
  },
];
