/**
 * Rows for every table that a database has, whatever migration made it: a new table is filled by itself, and one whose
 * CHECK refuses the made-up values fails the test until its values stand here.
 */

import { ROLES } from "../../../src/wire/access.ts";
import {
  BOT_STATUSES,
  DROPLET_STATUSES,
  OPERATION_KINDS,
  PERSONAS,
  ROTATION_STATES,
  TIERS,
} from "../../../src/wire/enums.ts";
import type { D1, Row, Statement, Value } from "./d1.ts";
import { type Column, type Table, tablesOf } from "./shape.ts";

export const ROWS = 8;
/** Text that a statement put together by hand would stumble over. */
const AWKWARD = `it's "quoted"; -- 🐢 \\`;

const VALUES: Readonly<Record<string, readonly Value[]>> = {
  "accounts.tier": TIERS,
  "bots.persona": PERSONAS,
  "bots.status": BOT_STATUSES,
  "bots.operation_kind": OPERATION_KINDS,
  "droplets.status": DROPLET_STATUSES,
  "memberships.role": ROLES,
  "invitations.role": ROLES,
  "key_rotations.state": ROTATION_STATES,
  "idempotency.status": [200, 201, 202, 204],
  "fleets.id": [1],
};
/** Of one table there is one row at most, by its CHECK. */
const ONLY_ONE = "fleets";

/** Adds rows to every table, with every column that it has by now. @param round numbers them; each round once */
export async function fill(db: D1, round: number): Promise<void> {
  const rows = new Map<string, Row[]>();
  const statements: Statement[] = [];
  for (const table of await tablesOf(db)) {
    const made = Array.from({ length: table.name === ONLY_ONE ? 1 : ROWS }, (_, index) =>
      rowOf(table, round * ROWS + index, (parent, to) => rows.get(parent)?.[index]?.[to] ?? null),
    );
    rows.set(table.name, made);
    const names = table.columns.map(({ name }) => `"${name}"`).join(", ");
    const marks = table.columns.map(() => "?").join(", ");
    const verb = table.name === ONLY_ONE ? "INSERT OR IGNORE" : "INSERT";
    const sql = `${verb} INTO "${table.name}" (${names}) VALUES (${marks})`;
    statements.push(...made.map((row) => ({ sql, params: Object.values(row) })));
  }
  await db.batch(statements);
}

function rowOf(
  { name: table, columns, foreign_keys }: Table,
  number: number,
  of: (parent: string, to: string) => Value,
) {
  const valueFor = (column: Column): Value => {
    // Every other row has nothing where it may.
    if (column.notnull === 0 && column.pk === 0 && number % 2 === 1) return null;
    const key = foreign_keys.find(({ from }) => from === column.name);
    if (key) return of(key.parent, key.to);
    const values = VALUES[`${table}.${column.name}`];
    if (values) return values[number % values.length] ?? null;
    return column.type.toLowerCase() === "integer" ? number + 1 : `${column.name} ${number} ${AWKWARD}`;
  };
  return Object.fromEntries(columns.map((column) => [column.name, valueFor(column)]));
}
