import { describe, it } from "vitest";
import { BOT_STATUSES, type BotStatus } from "../../../src/wire/enums.ts";
import { isKnown, knownStanding } from "../../../src/wire/newer-release.ts";

describe("a status as a row of the index has it", () => {
  it.for(BOT_STATUSES)("is shown with its reason where it is known: %s", (status, { expect }) => {
    expect(knownStanding({ status, reason: "because" })).toEqual({ status, reason: "because" });
  });

  it("is shown as an error where only a newer release knows it", ({ expect }) => {
    const status = "upgrading" as BotStatus;
    expect(knownStanding({ status, reason: "upgrade" })).toEqual({ status: "error", reason: "newer_release" });
  });

  it("is known by its own name alone", ({ expect }) => {
    expect(isKnown(BOT_STATUSES, "online")).toBe(true);
    for (const name of ["", "Online", "toString", "length"]) expect(isKnown(BOT_STATUSES, name)).toBe(false);
  });
});
