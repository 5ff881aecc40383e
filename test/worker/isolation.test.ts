/**
 * Who may not: every operation of the document, asked by everybody whose business it is not. What is expected follows from
 * the document's own `security`, so that an operation which forgets to ask for a credential fails here.
 */
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, type ExpectStatic, it } from "vitest";
import type { Simulator } from "../../simulator/model/simulator.ts";
import { KEY_SCOPES, OPERATOR_KEY_SCOPES, type Permission, permissionsOfRole } from "../../src/wire/access.ts";
import { onlineBot } from "./agent.ts";
import { endOfTest, request, simulateCloud } from "./cloud.ts";
import { countD1, readsOf } from "./counted-d1.ts";
import { type Documented, readDocument } from "./document.ts";
import { type Entry, OPERATIONS } from "./operations.ts";
import { as, newPerson, signIn, type TestPerson } from "./people.ts";
import { everything, expectProblem } from "./problems.ts";
import { newWorld, type World } from "./world.ts";

/** A credential as headers. */
type Credential = Record<string, string>;
const bearer = (token: string): Credential => ({ authorization: `Bearer ${token}` });

let cloud: Simulator;
let documented: Documented[];
/** Whose things are asked for. */
let theirs: World;
/** Who asks. */
let ours: World;
let viewer: TestPerson;
/** What opens nothing, or something else. */
let useless: Record<string, Credential>;
let ownerOfTheirs: Credential;
let fullKeyOfTheirs: Credential;
/** What D1 is asked. */
let statements: string[];
let before: Awaited<ReturnType<typeof everything>>;
const asked = { operations: new Set<string>(), requests: 0 };

async function makeKey(scopes: readonly string[], account: string | null) {
  const body = { name: "matrix", scopes, ...(account === null ? {} : { account_id: account }) };
  const made = await request("POST", "/operator/api-keys", { body });
  if (made.status !== 201) throw new Error(made.text);
  return { id: String(made.json.id), credential: bearer(made.json.token) };
}

/** Keys that held once, of an account or of the operator. */
async function spentKeys(scopes: readonly string[], account: string | null) {
  const [revoked, expired] = [await makeKey(scopes, account), await makeKey(scopes, account)];
  await request("DELETE", `/operator/api-keys/${revoked.id}${account === null ? "" : `?account_id=${account}`}`);
  await env.DB.prepare("UPDATE api_keys SET expires_at = 1 WHERE id = ?").bind(expired.id).run();
  return [revoked.credential, expired.credential] as const;
}

/** Whoever lets somebody in as a viewer, and they come. */
async function newViewer(world: World): Promise<TestPerson> {
  const person = await newPerson();
  const wish = { email: person.email, role: "viewer" };
  const invited = await as(world.owner, "POST", `/accounts/${world.account}/invitations`, wish);
  await as(person, "POST", `/invitations/${invited.json.id}/accept`);
  return person;
}

beforeAll(async () => {
  cloud = simulateCloud();
  ({ documented } = await readDocument());
  theirs = await newWorld(cloud);
  ours = await newWorld(cloud);
  const { account, owner, agent } = theirs;
  viewer = await newViewer(theirs);
  const ended = await signIn(owner.email);
  await as(ended, "POST", "/auth/sign-out");
  const [revoked, expired] = await spentKeys(KEY_SCOPES, account);
  const [operatorsRevoked, operatorsExpired] = await spentKeys(OPERATOR_KEY_SCOPES, null);
  ownerOfTheirs = { cookie: owner.cookie };
  fullKeyOfTheirs = (await makeKey(KEY_SCOPES, account)).credential;
  const stranger = await onlineBot(cloud);
  useless = {
    "no credential": {},
    "a revoked key": revoked,
    "an expired key": expired,
    "the operator's revoked key": operatorsRevoked,
    "the operator's expired key": operatorsExpired,
    "a session that has ended": { cookie: ended.cookie },
    "another bot's agent": bearer(stranger.agent.credential),
    "a mangled token": bearer(`${agent.credential.slice(0, -1)}x`),
  };
  statements = countD1();
  before = await everything(cloud, theirs.bot);
}, 60_000);

afterAll(async () => {
  console.log(
    `isolation: ${asked.operations.size} of ${documented.length} operations asked, ${asked.requests} requests refused`,
  );
  await endOfTest();
});

interface Case extends Entry {
  id: string;
  method: string;
  /** The permission that it asks tenants or the operator for; null: it asks for none. */
  permission: Permission | null;
  schemes: string[];
}

function caseOf(id: string, entry: Entry): Case {
  const operation = documented.find(({ operationId }) => operationId === id);
  if (!operation) throw new Error(`the document has no operation ${id}`);
  const { security = [], method } = operation;
  const permission = (security.flatMap((way) => Object.values(way).flat())[0] ?? null) as Permission | null;
  return { ...entry, id, method, permission, schemes: security.flatMap((way) => Object.keys(way)) };
}

/** Asks for their things, or for what their request becomes when ids are exchanged. */
function ask({ id, method, path, body, headers }: Case, credential: Credential, change = (text: string) => text) {
  asked.operations.add(id);
  asked.requests++;
  const sent = body ? { body: change(JSON.stringify(body(theirs))) } : {};
  const type: Credential = body ? { "content-type": "application/json" } : {};
  return request(method, change(path(theirs)), {
    token: null,
    ...sent,
    headers: { ...headers, ...type, ...credential },
  });
}

/** Each of their ids becomes one that nobody has; the same one for the same id. */
function unknown(): (text: string) => string {
  const { account, bot, owner, made } = theirs;
  const known = [...new Set([account, bot, owner.user_id, ...Object.values(made)])].filter((id) => id !== "");
  const swaps = known.map((id) => [id, crypto.randomUUID()] as const);
  return (text) => swaps.reduce((changed, [id, other]) => changed.replaceAll(id, other), text);
}

function withoutRequest({ json }: Awaited<ReturnType<typeof request>>) {
  const { request_id: _id, ...problem } = json ?? {};
  return problem;
}

function expect401(expect: ExpectStatic, answer: Awaited<ReturnType<typeof request>>, who: string) {
  expect([who, answer.status, answer.json?.code]).toEqual([who, 401, "unauthorized"]);
}

const table = Object.entries(OPERATIONS);

describe.for(table)("%s", ([id, entry]) => {
  it("is nobody's who has no credential for it", async ({ expect }) => {
    const operation = caseOf(id, entry);
    asked.operations.add(id);
    if (operation.schemes.length === 0) return expect(entry.who).toBe("anyone");
    const { agent } = theirs;
    const others: Record<string, Credential> = { ...useless };
    if (!operation.schemes.includes("agent")) others["the bot's own agent"] = bearer(agent.credential);
    if (!operation.schemes.includes("api_key")) others["the account's key"] = fullKeyOfTheirs;
    if (!operation.schemes.includes("session")) others["the account's owner"] = ownerOfTheirs;
    for (const [who, credential] of Object.entries(others)) {
      expect401(expect, await ask(operation, credential), who);
    }
  });

  it("needs its own permission", async ({ expect }) => {
    const operation = caseOf(id, entry);
    const { permission, schemes } = operation;
    if (permission === null) return expect(schemes).not.toContain("operator");
    const lacking = OPERATOR_KEY_SCOPES.filter((scope) => scope !== permission && scope !== "operator:*");
    const refusing: Credential[] = [(await makeKey(lacking, null)).credential];
    if (schemes.includes("api_key")) {
      refusing.push(
        (
          await makeKey(
            KEY_SCOPES.filter((scope) => scope !== permission),
            theirs.account,
          )
        ).credential,
      );
      const member = { cookie: viewer.cookie, "spawnpoint-account": theirs.account };
      if (!permissionsOfRole("viewer").has(permission)) refusing.push(member);
      else expect([401, 403]).not.toContain((await ask(operation, member)).status);
    }
    for (const credential of refusing) {
      expectProblem(expect, await ask(operation, credential), { status: 403, code: "forbidden" });
    }
  });

  it("shows another account's things to nobody, and not even that they are there", async ({ expect }) => {
    const operation = caseOf(id, entry);
    const tenants = operation.schemes.includes("session");
    if (!tenants) return expect(operation.schemes.filter((scheme) => scheme === "api_key")).toEqual([]);
    const key = (await makeKey(KEY_SCOPES, ours.account)).credential;
    const strangers = operation.schemes.includes("api_key")
      ? [{ cookie: ours.owner.cookie }, key]
      : [{ cookie: ours.owner.cookie }];
    const names = unknown();
    for (const stranger of strangers) {
      const asking = `${entry.path(theirs)} ${JSON.stringify(entry.body?.(theirs) ?? null)}`;
      if (names(asking) === asking) {
        // Nothing of theirs is named: what there is to see is the stranger's own.
        if (operation.method === "GET") {
          const { text } = await ask(operation, stranger);
          for (const secret of [theirs.account, theirs.bot, theirs.owner.email]) expect(text).not.toContain(secret);
        }
        continue;
      }
      statements.length = 0;
      const theirsAnswer = await ask(operation, stranger);
      const spent = readsOf(statements.splice(0));
      const unknownAnswer = await ask(operation, stranger, names);
      // The same work is done for both: neither takes longer by what it has to look up.
      expect(spent).toEqual(readsOf(statements));
      expect([403, 404], theirsAnswer.text).toContain(theirsAnswer.status);
      // A permission that no key can hold is refused before any id is looked at.
      if (theirsAnswer.status === 403) expect(KEY_SCOPES).not.toContain(operation.permission);
      expect(withoutRequest(theirsAnswer)).toEqual(withoutRequest(unknownAnswer));
      expect([...theirsAnswer.headers.keys()].sort()).toEqual([...unknownAnswer.headers.keys()].sort());
    }
  });
});

describe("after all that", () => {
  it("everything is as it was, and every operation was asked for", async ({ expect }) => {
    expect(await everything(cloud, theirs.bot)).toEqual(before);
    expect([...asked.operations].sort()).toEqual(documented.map(({ operationId }) => operationId).sort());
  });
});
