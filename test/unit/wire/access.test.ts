import { describe, it } from "vitest";
import { permissionsOfRole, ROLES, type Role } from "../../../src/wire/access.ts";

describe("a role", () => {
  it("grants what it always did", ({ expect }) => {
    expect(ROLES.map((role) => [...permissionsOfRole(role)].length)).toEqual([8, 4, 2]);
  });

  it("of a later release grants nothing", ({ expect }) => {
    expect([...permissionsOfRole("of_a_later_release" as Role)]).toEqual([]);
  });
});
