import { createHash } from "node:crypto";
import { describe, it } from "vitest";
import { GATE_MIGRATIONS } from "../../../src/provider/gate/ledger.ts";

/** SHA-256 of each migration as it was released. */
const RELEASED = [
  "d53aaf08424a16e58e791492f2b812f4971b70f42c61a6805e860487d61d96b1",
  "e72248ce6904c186a8f5f79d0a10aec01789dfb6c95f12a0a0c331c2e5653699",
  "97dd1b345b552e927e5315c61522e1628936eb2255745cd0f7cd0ddea8de1bad",
];

describe("the schema of the gate's object", () => {
  it("only grows", ({ expect }) => {
    const hashes = GATE_MIGRATIONS.map((statements) => createHash("sha256").update(statements).digest("hex"));
    expect(hashes.slice(0, RELEASED.length), "migrations are append-only: add one, never change one").toEqual(RELEASED);
    expect(hashes, "pin the new migration's hash here").toHaveLength(RELEASED.length);
  });
});
