/** What a migration and the release beside it may meet in D1. */
import type { Mutant } from "./mutant.ts";

const ENUMS_GROW = "migrations/0005_let_enums_grow.sql";
const filled = "test/unit/db/migrations.test.ts";

export const migrations: readonly Mutant[] = [
  {
    name: "rebuild-with-deferred-keys",
    guard: "A table that others point to is rebuilt with deferred foreign keys: D1 ignores foreign_keys=OFF.",
    file: ENUMS_GROW,
    find: "PRAGMA defer_foreign_keys=ON;",
    replace: "PRAGMA foreign_keys=OFF;",
    caught_by: [filled],
  },
  {
    name: "rebuild-keeps-indexes",
    guard: "A rebuilt table has its indexes again.",
    file: ENUMS_GROW,
    find: "CREATE INDEX `invitations_by_email` ON `invitations` (`email`);",
    replace: "SELECT 1;",
    caught_by: [filled],
  },
  {
    name: "rebuild-keeps-rows",
    guard: "A rebuilt table has all its rows again, also where no foreign key would miss one.",
    file: ENUMS_GROW,
    find: "FROM `kept_memberships`;",
    replace: "FROM `kept_memberships` LIMIT 8;",
    caught_by: [filled],
  },
  {
    name: "role-of-a-later-release",
    guard: "A stored role that this release does not know grants nothing.",
    file: "src/wire/access.ts",
    find: "?? NOTHING",
    replace: "?? EVERYTHING",
    caught_by: ["test/unit/wire/access.test.ts"],
  },
  {
    name: "tier-of-a-later-release",
    guard: "An account of a tier that this release does not know gets no further bots.",
    file: "src/accounts/bots.ts",
    find: "sql`END`]",
    replace: "sql`ELSE 1000 END`]",
    caught_by: ["test/worker/later-release.test.ts"],
  },
];
