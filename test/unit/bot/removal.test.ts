import { describe, it } from "vitest";
import { inWords, Life, MINUTE, SECOND } from "./life.ts";

function next(life: Life): string {
  return inWords(life.decide(), life.now);
}

describe("a destroy, step by step", () => {
  const TABLE: [situation: string, life: () => Life, decision: string][] = [
    ["before there was anything", () => new Life().requested("destroy"), "record destroyed"],
    ["its agent accepted", () => new Life().online().requested("destroy"), "record credential_revoked"],
    ["a registration token out there", () => new Life().made().requested("destroy"), "record credential_revoked"],
    ["fenced", () => destroying(), "do delete_droplet:1001"],
    ["DELETE under way, or we died during it", () => destroying().tell(sent), "wait 33000 droplet_gone"],
    ["DELETE answered", () => deleted(), "wait 3000 droplet_gone"],
    [
      "still there",
      () =>
        deleted()
          .wait(10 * SECOND)
          .read("active"),
      "wait 3000 droplet_gone",
    ],
    [
      "still there after a while",
      () =>
        deleted()
          .wait(150 * SECOND)
          .read("active"),
      "wait 15000 droplet_gone",
    ],
    [
      "404",
      () =>
        deleted()
          .wait(3 * SECOND)
          .missing("id"),
      "do list:name:1001",
    ],
    [
      "404 and absent by name",
      () =>
        deleted()
          .wait(3 * SECOND)
          .missing("id")
          .missing("name"),
      "do list:tag:1001",
    ],
    [
      "404, absent by name and tag",
      () =>
        deleted()
          .wait(3 * SECOND)
          .missing("id")
          .missing("name")
          .missing("tag"),
      "record droplet_gone",
    ],
    ["gone", () => deleted().gone(), "record destroyed"],
  ];

  for (const [situation, life, decision] of TABLE) {
    it(`${situation}: ${decision}`, async ({ expect }) => {
      expect(next(life())).toBe(decision);
    });
  }

  it("takes every droplet down before it ends, and of every generation", async ({ expect }) => {
    const life = destroying();
    life.tell({ kind: "droplet_found", data: { droplet: life.facts({ id: 77, generation: 3 }), via: "tag" } });
    life.gone(1001);
    expect(next(life)).toBe("do delete_droplet:77");
  });

  it("never ends over an open intent", async ({ expect }) => {
    const life = new Life().posted().requested("destroy").tell({ kind: "credential_revoked", data: {} });
    expect(next(life)).toMatch(/^wait \d+ create_confirmation$/);
  });

  it("once ended is settled, whatever the clock says", async ({ expect }) => {
    const life = new Life().online().destroyed().wait(MINUTE);
    life.rt = { ...life.rt, not_before: life.now + MINUTE };
    expect(life.decide()).toEqual({ settled: true });
  });
});

describe("a redeploy", () => {
  it("removes before it makes, like a destroy", async ({ expect }) => {
    const life = new Life().online().requested("redeploy");
    expect(next(life)).toBe("record credential_revoked");
    expect(next(life.tell({ kind: "credential_revoked", data: {} }))).toBe("do delete_droplet:1001");
  });

  it("makes the next generation once everything is gone", async ({ expect }) => {
    const life = new Life().online().requested("redeploy").tell({ kind: "credential_revoked", data: {} }).gone();
    expect(life.decide()).toEqual({ record: { kind: "generation_started", data: { generation: 2, why: "redeploy" } } });
    expect(next(life.recreating())).toBe("do create:2");
  });

  it("ends as a create does", async ({ expect }) => {
    const life = new Life().online().requested("redeploy").tell({ kind: "credential_revoked", data: {} }).gone();
    life.recreating().made().read("active").registered().applied();
    expect(next(life)).toBe("record operation_succeeded");
  });
});

describe("the evidence that a droplet is gone", () => {
  it("a single 404 means nothing for a droplet that no read has ever shown", async ({ expect }) => {
    const life = new Life().made().requested("destroy").tell({ kind: "credential_revoked", data: {} }, sent, ended);
    life.wait(3 * SECOND).missing("id");
    expect(next(life)).toBe("wait 3000 droplet_gone");
    life.wait(60 * SECOND).missing("id");
    expect(next(life)).toBe("wait 3000 droplet_gone");
    life.wait(60 * SECOND).missing("id");
    expect(next(life)).toBe("do list:name:1001");
  });

  it("nor does one that comes late: there have to be two", async ({ expect }) => {
    const life = new Life().made().requested("destroy").tell({ kind: "credential_revoked", data: {} }, sent, ended);
    expect(next(life.wait(3 * MINUTE).missing("id"))).toBe("wait 3000 droplet_gone");
    expect(next(life.wait(3 * SECOND).missing("id"))).toBe("do list:name:1001");
  });

  it("one 404 means something once a read has shown it", async ({ expect }) => {
    expect(
      next(
        deleted()
          .wait(3 * SECOND)
          .missing("id"),
      ),
    ).toBe("do list:name:1001");
  });

  it("a listing from before the DELETE ended does not count", async ({ expect }) => {
    const life = destroying().tell(sent).missing("name").missing("tag").wait(SECOND).tell(ended);
    expect(next(life.wait(3 * SECOND).missing("id"))).toBe("do list:name:1001");
    expect(next(life.missing("name"))).toBe("do list:tag:1001");
  });

  it("a DELETE during which we died may have lasted as long as its time-out", async ({ expect }) => {
    const life = destroying()
      .tell(sent)
      .wait(20 * SECOND)
      .missing("id");
    expect(next(life)).toBe("wait 10000 droplet_gone");
    expect(next(life.wait(10 * SECOND))).toBe("do list:name:1001");
  });

  it("a droplet that vanished by itself needs the same evidence", async ({ expect }) => {
    const life = new Life().online().silent().requested("heal").missing("id");
    expect(next(life)).toBe("do list:name:1001");
    expect(next(life.missing("name"))).toBe("do list:tag:1001");
    expect(next(life.missing("tag"))).toBe("record droplet_gone");
  });
});

describe("a second DELETE", () => {
  it("is not sent before three minutes", async ({ expect }) => {
    const life = deleted()
      .wait(3 * MINUTE - 1)
      .read("active");
    expect(next(life)).toBe("wait 15000 droplet_gone");
    expect(next(life.wait(1))).toBe("do delete_droplet:1001");
  });

  it("is not sent to what answers 404", async ({ expect }) => {
    const life = deleted()
      .wait(10 * MINUTE)
      .missing("id");
    expect(next(life)).toBe("do list:name:1001");
  });

  it("may follow at once where the first was refused", async ({ expect }) => {
    const refused = {
      kind: "droplet_delete_ended",
      data: { droplet_id: 1001, outcome: "busy", accepted: false },
    } as const;
    expect(next(destroying().tell(sent, refused))).toBe("do delete_droplet:1001");
  });
});

const sent = { kind: "droplet_delete_sent", data: { droplet_id: 1001 } } as const;
const ended = { kind: "droplet_delete_ended", data: { droplet_id: 1001, outcome: "ok", accepted: true } } as const;

function destroying(): Life {
  return new Life().online().wait(MINUTE).requested("destroy").tell({ kind: "credential_revoked", data: {} });
}

function deleted(): Life {
  return destroying().tell(sent, ended);
}
