import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { Credentials, filesIn } from "../../../../bootstrap/agent/plane/credential.ts";
import { type Asked, judgeRotation, type RotationMove } from "../../../../bootstrap/agent/plane/credential-rotation.ts";
import { heartbeat } from "../../../../src/bot/agent/endpoints.ts";
import { requestCommand, rotationAsked } from "../../../../src/bot/calls/commands.ts";
import { formatToken, hashToken } from "../../../../src/wire/tokens.ts";
import { OPERATOR } from "../../../fixtures/caller.ts";
import { Life } from "../../bot/life.ts";
import { stored } from "../../bot/stored.ts";
import { type Fate, RotatingMachine } from "../fixtures/rotating-machine.ts";

const BOT = "0d5f6a3e-6c0b-4f0e-9d3a-7f1f0c1b2a3d";
const directory = mkdtempSync(join(tmpdir(), "spawnpoint-rotation-"));
afterAll(() => rmSync(directory, { recursive: true }));

const FIRST = formatToken("agt", BOT, new Uint8Array(32).fill(200));

/** A bot whose agent has the credential `FIRST`, and its machine. */
async function start(fates: readonly Fate[], dies_at: number) {
  const life = new Life().online();
  const { agent } = life.bot;
  if (agent === null) throw new Error("no agent");
  life.bot = { ...life.bot, agent: { ...agent, credential_sha256: await hashToken(FIRST) } };
  const shell = stored(life);
  const machine = new RotatingMachine(shell, BOT, fates, dies_at);
  machine.disk.set("credential", FIRST);
  const ask = () => {
    const caller = { ...OPERATOR, request_id: crypto.randomUUID() };
    return requestCommand(shell, caller, { kind: "rotate_credential" });
  };
  const accepted = () => shell.present().bot.agent?.credential_sha256;
  return { shell, machine, ask, accepted };
}

/** The agent says that it died with the command in hand: whether before or after it finds out. */
function tellOfDeath({ shell }: Awaited<ReturnType<typeof start>>): void {
  const row = rotationAsked(shell);
  const { agent } = shell.present().bot;
  if (row === null || agent === null) return;
  const status = { agent_version: "1", boot_id: "b1", droplet_id: agent.droplet_id, applied_config_id: null };
  const load = {
    load: null,
    mem: null,
    disk: null,
    workload: { state: "running", version: null, restarts: 0 },
  } as const;
  const command_results = [{ id: row.id, ok: false, detail: "The agent stopped while the command was running." }];
  heartbeat(shell, { kind: "agt", token_sha256: agent.credential_sha256 }, { ...status, ...load, command_results });
}

const FATES: Fate[] = ["arrives", "lost", "answer_lost", "late"];

describe("an agent that rotates its credential", () => {
  it("comes through whatever is lost and wherever it dies: it is believed, and rotates again", async ({ expect }) => {
    let runs = 0;
    for (const fates of FATES.flatMap((first) => FATES.map((second) => [first, second]))) {
      for (const death_told of ["at once", "late"]) {
        for (let dies_at = 0; ; dies_at++) {
          const situation = `${fates}, dies at step ${dies_at}, its death told ${death_told}`;
          const scene = await start(fates, dies_at);
          const { machine, ask, accepted } = scene;
          ask();
          await machine.live(true);
          const died = machine.steps > dies_at;
          if (died) {
            if (death_told === "at once") tellOfDeath(scene);
            await machine.live(false);
            tellOfDeath(scene);
          }
          expect(await machine.isBelieved(), situation).toBe(true);
          machine.letIn();
          expect(await machine.isBelieved(), `${situation}, with what came late`).toBe(true);

          const before = accepted();
          ask();
          machine.letIn();
          expect(await machine.live(true), situation).toBe(true);
          expect(accepted(), situation).not.toBe(before);
          expect(await machine.isBelieved(), situation).toBe(true);
          expect([...machine.disk.keys()], situation).toEqual(["credential"]);
          expect(await hashToken(machine.disk.get("credential") ?? ""), situation).toBe(accepted());
          runs++;
          if (!died) break;
        }
      }
    }
    expect(runs).toBeGreaterThan(200);
  });

  it("does for a later command what that asks for: that an earlier one came to pass is not enough", async ({
    expect,
  }) => {
    let anew = 0;
    for (const fate of FATES) {
      for (let dies_at = 0; ; dies_at++) {
        const { machine, ask, accepted, shell } = await start([fate], dies_at);
        const first = ask();
        await machine.live(true);
        if (machine.steps <= dies_at) break;
        const [second, before] = [ask(), accepted()];
        const ended = await machine.live(true);
        const row = shell.store.commands().find(({ id }) => second.ok && id === second.value.id);
        const situation = `${fate}, dies at step ${dies_at}`;
        expect([ended, row?.result?.ok, accepted() !== before], situation).toEqual([true, true, true]);
        if (first.ok && second.ok && first.value.id !== second.value.id) anew++;
        expect(await machine.isBelieved(), situation).toBe(true);
      }
    }
    expect(anew).toBeGreaterThan(2);
  });

  it("says that it cannot where its disk is full, and goes on with what it has", async ({ expect }) => {
    const { machine, ask, accepted } = await start([], -1);
    const before = accepted();
    machine.full = true;
    ask();
    expect(await machine.live(true)).toBe(false);
    expect([accepted(), await machine.isBelieved()]).toEqual([before, true]);
    machine.full = false;
    ask();
    expect(await machine.live(true)).toBe(true);
  });

  it("comes through two deaths in a row, at each pair of steps", async ({ expect }) => {
    for (const fates of FATES.map((fate): Fate[] => [fate])) {
      for (let dies_at = 0; ; dies_at++) {
        const { machine, ask } = await start(fates, dies_at);
        ask();
        await machine.live(true);
        if (machine.steps <= dies_at) break;
        const first = machine.steps;
        for (let again = 0; again < 12; again++) {
          const scene = await start(fates, dies_at);
          scene.ask();
          await scene.machine.live(true);
          scene.machine.dieAt(first + again);
          await scene.machine.live(false);
          await scene.machine.live(false);
          scene.machine.letIn();
          expect(await scene.machine.isBelieved(), `${fates}, ${dies_at}, ${again}`).toBe(true);
        }
      }
    }
  });

  it("asks with the next one first after a restart, and with the present one then", async ({ expect }) => {
    for (const fate of ["answer_lost", "lost"] as const) {
      const { machine, ask } = await start([fate], 3);
      ask();
      await machine.live(true);
      const next = machine.disk.get("credential.next");
      expect(machine.asked_as).toEqual([FIRST]);
      await machine.live(false);
      expect(machine.asked_as.slice(1)).toEqual(fate === "lost" ? [next, FIRST] : [next]);
      expect(machine.disk).toEqual(new Map([["credential", next]]));
    }
  });

  it("whose credential is revoked in earnest is told so, once both were refused", async ({ expect }) => {
    const { shell, machine, ask } = await start(["lost"], -1);
    ask();
    shell.commit({ events: [{ kind: "credential_revoked", data: {} }] });
    expect(await machine.live(true)).toBe(false);
    expect(await machine.isBelieved()).toBe(false);
  });
});

describe("a refusal that a rotation explains", () => {
  const revoked = { is: "refused", status: 401, code: "credential_revoked" } as const;

  it("is one of the old credential, or of the present one while another may count", async ({ expect }) => {
    const { machine } = await start([], -1);
    const { credentials, rotation } = await machine.idle();
    const old = credentials.token;
    expect(rotation.explains(revoked, old), "nothing was rotated").toBe(false);
    await credentials.prepare();
    for (const other of [
      { is: "refused", status: 403, code: "wrong_droplet" },
      { is: "unreachable", detail: "", retry_after_ms: null },
      { is: "ok", value: null },
    ] as const)
      expect(rotation.explains(other, old)).toBe(false);
    expect(rotation.busy).toBe(false);
    expect(rotation.explains(revoked, old)).toBe(true);
    expect(rotation.busy, "it is found out").toBe(true);
    credentials.promote();
    expect([rotation.explains(revoked, old), rotation.explains(revoked, credentials.token)]).toEqual([true, false]);
  });
});

describe("a command that comes while an earlier one is being found out", () => {
  it("is carried out for itself, however the earlier one ends", async ({ expect }) => {
    const { machine, ask, accepted } = await start([], -1);
    const { credentials, rotation } = await machine.idle();
    const ended: [string, boolean][] = [];
    // Nobody has asked the bot for the first one: it is refused, and by then the second one has come.
    rotation.begin(({ ok }) => ended.push(["first", ok]));
    const before = accepted();
    machine.meanwhile = () => {
      ask();
      rotation.begin(({ ok }) => ended.push(["second", ok]));
    };
    await machine.settle(rotation);
    expect(ended).toEqual([
      ["first", true],
      ["second", true],
    ]);
    expect(accepted()).not.toBe(before);
    expect(await hashToken(credentials.token)).toBe(accepted());
  });
});

describe("what an answer to a rotation means", () => {
  const ok = { is: "ok", value: { status: "rotated" } } as const;
  const refused = (status: number, code: string) => ({ is: "refused", status, code }) as const;
  const unreachable = { is: "unreachable", detail: "", retry_after_ms: 7000 } as const;
  const next = { do: "ask", as: "next" } as const;
  it.for<[string, Asked, Parameters<typeof judgeRotation>[1], boolean, Partial<RotationMove>]>([
    ["granted", "present", ok, false, { do: "promote" }],
    ["it had been granted", "next", ok, true, { do: "promote" }],
    ["nothing is known: the next one asks", "present", unreachable, false, { ...next, after_ms: 7000 }],
    ["nothing is known still", "next", unreachable, true, { ...next, after_ms: 7000 }],
    ["not granted so far", "next", refused(401, "invalid_credential"), false, { do: "ask", as: "present" }],
    ["granted meanwhile", "present", refused(401, "credential_revoked"), false, { ...next, present_revoked: true }],
    ["neither counts", "next", refused(401, "invalid_credential"), true, { do: "give_up" }],
    ["not asked for", "present", refused(409, "rotation_not_asked"), false, { do: "give_up" }],
    ["a copy", "present", refused(403, "wrong_droplet"), false, { do: "give_up" }],
    ["an older control plane", "present", refused(404, "route_not_found"), false, { do: "give_up" }],
  ])("%s", ([, asked, outcome, present_revoked, move], { expect }) => {
    expect(judgeRotation(asked, outcome, present_revoked)).toMatchObject(move);
  });
});

describe("credentials on a disk", () => {
  let made = 0;
  const random = (bytes: number) => new Uint8Array(bytes).fill(++made);
  const load = () => Credentials.load(filesIn(directory), BOT, random);
  const onDisk = () => Object.fromEntries(readdirSync(directory).map((name) => [name, read(name)]));
  const read = (name: string) => readFileSync(join(directory, name), "utf8");

  it("are each written before their use, for the agent alone, and one takes the other's place in one step", async ({
    expect,
  }) => {
    const credentials = await load();
    const first = credentials.token;
    expect(onDisk()).toEqual({ credential: first });
    const next = await credentials.prepare();
    expect(onDisk()).toEqual({ credential: first, "credential.next": next.token });
    for (const name of ["credential", "credential.next"])
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    expect(credentials.secrets).toEqual([first, next.token]);
    expect(await credentials.prepare(), "no other while this one may count").toBe(next);
    expect([(await load()).token, (await load()).next]).toEqual([first, next]);

    credentials.promote();
    expect([credentials.token, credentials.sha256, credentials.next]).toEqual([next.token, next.sha256, null]);
    credentials.settle();
    expect(onDisk()).toEqual({ credential: next.token });
    expect((await load()).next).toBe(null);
  });

  it("that count are saved before there is another", async ({ expect }) => {
    const credentials = await load();
    const second = await credentials.prepare();
    credentials.promote();
    const third = await credentials.prepare();
    expect(onDisk()).toEqual({ credential: second.token, "credential.next": third.token });
  });

  it("of another bot, or that make no sense, are none", async ({ expect }) => {
    const own = (await load()).token;
    for (const text of [
      "",
      "sp_agt_half",
      formatToken("agt", crypto.randomUUID(), random(32)),
      formatToken("reg", BOT, random(32)),
    ]) {
      writeFileSync(join(directory, "credential.next"), text);
      expect([(await load()).token, (await load()).next], text).toEqual([own, null]);
    }
    const kept = formatToken("agt", BOT, random(32));
    writeFileSync(join(directory, "credential.next"), kept);
    writeFileSync(join(directory, "credential"), "torn");
    expect((await load()).token).toBe(kept);
    expect(onDisk()).toEqual({ credential: kept });
  });
});
