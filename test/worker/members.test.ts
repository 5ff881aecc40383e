import { afterEach, describe, it } from "vitest";
import { endOfTest, eventually, request, simulateCloud } from "./cloud.ts";
import { as, collectMessages, newPerson, type TestPerson } from "./people.ts";
import { expectProblem } from "./problems.ts";

afterEach(endOfTest);

async function join(host: TestPerson, guest: TestPerson, role: string): Promise<void> {
  const invited = await as(host, "POST", `/accounts/${host.user_id}/invitations`, { email: guest.email, role });
  const accepted = await as(guest, "POST", `/invitations/${invited.json.id}/accept`);
  if (accepted.status !== 200) throw new Error(accepted.text);
}

/** Acting for somebody else's account. */
const actFor = (account: TestPerson) => ({ "spawnpoint-account": account.user_id });

describe("an invitation", () => {
  it("reaches its address, and lets that person in, once", async ({ expect }) => {
    const [ada, bob, eve] = [await newPerson(), await newPerson(), await newPerson()];
    const messages = collectMessages();
    const path = `/accounts/${ada.user_id}/invitations`;
    const { id } = (await as(ada, "POST", path, { email: bob.email.toUpperCase(), role: "member" })).json;
    await eventually(() => expect(messages.to(bob.email)[0]).toContain(`/invitations/${id}/accept`));
    expect((await as(bob, "GET", "/auth/session")).json.invitations).toMatchObject([{ id, role: "member" }]);
    const others = await as(eve, "POST", `/invitations/${id}/accept`);
    expectProblem(expect, others, { status: 404, code: "invitation_not_found" });
    expect((await as(bob, "POST", `/invitations/${id}/accept`)).json).toEqual({ account_id: ada.user_id });
    expectProblem(expect, await as(bob, "POST", `/invitations/${id}/accept`), {
      status: 404,
      code: "invitation_not_found",
    });
    expect((await as(ada, "GET", `/accounts/${ada.user_id}/members`)).json.data).toMatchObject([
      { user_id: ada.user_id, role: "owner" },
      { user_id: bob.user_id, role: "member" },
    ]);
  });

  it("can be withdrawn, and is not made without end", async ({ expect }) => {
    const [ada, bob] = [await newPerson(), await newPerson()];
    const path = `/accounts/${ada.user_id}/invitations`;
    const invite = (email: string) => as(ada, "POST", path, { email, role: "viewer" });
    const { id } = (await invite(bob.email)).json;
    expect((await as(ada, "DELETE", `${path}/${id}`)).status).toBe(204);
    expect((await as(bob, "POST", `/invitations/${id}/accept`)).status).toBe(404);
    for (let count = 0; count < 50; count++) expect((await invite(`${count}-${ada.email}`)).status).toBe(201);
    expectProblem(expect, await invite(bob.email), { status: 409, code: "too_many_invitations" });
    expect((await as(ada, "GET", path)).json.data).toHaveLength(50);
  });
});

describe("a member", () => {
  it("may what their role may, at once, in the account that they act for", async ({ expect }) => {
    simulateCloud();
    const [ada, bob] = [await newPerson(), await newPerson()];
    await request("PATCH", `/accounts/${ada.user_id}`, { body: { tier: "pro" } });
    await join(ada, bob, "viewer");
    const account = `/accounts/${ada.user_id}`;
    const may = async () => ({
      read: (await as(bob, "GET", `${account}/bots`, undefined, actFor(ada))).status,
      write: (await as(bob, "PATCH", `/bots/${crypto.randomUUID()}`, { name: "X" }, actFor(ada))).status,
      keys: (await as(bob, "GET", "/keys", undefined, actFor(ada))).status,
    });
    const become = async (role: string) => {
      const changed = await as(ada, "PATCH", `${account}/members/${bob.user_id}`, { role });
      expect(changed.status, changed.text).toBe(204);
    };
    expect(await may()).toEqual({ read: 200, write: 403, keys: 403 });
    await become("member");
    expect(await may()).toEqual({ read: 200, write: 404, keys: 403 });
    await become("owner");
    expect(await may()).toEqual({ read: 200, write: 404, keys: 200 });
    // For themselves they see their own account, not this one.
    expect((await as(bob, "GET", account)).status).toBe(404);
    expect((await as(ada, "DELETE", `${account}/members/${bob.user_id}`)).status).toBe(204);
    expect(await may()).toEqual({ read: 403, write: 403, keys: 403 });
  });

  it("who is the last owner stays one, however hard two owners try", async ({ expect }) => {
    const [ada, bob] = [await newPerson(), await newPerson()];
    const member = (person: TestPerson) => `/accounts/${ada.user_id}/members/${person.user_id}`;
    expectProblem(expect, await as(ada, "DELETE", member(ada)), { status: 409, code: "last_owner" });
    expectProblem(expect, await as(ada, "PATCH", member(ada), { role: "viewer" }), { status: 409, code: "last_owner" });
    expect((await as(ada, "PATCH", member(ada), { role: "owner" })).status).toBe(204);
    await join(ada, bob, "owner");
    const tries = await Promise.all([
      as(ada, "DELETE", member(bob)),
      as(bob, "DELETE", member(ada), undefined, actFor(ada)),
    ]);
    expect(tries.map(({ status }) => status).filter((status) => status === 204)).toHaveLength(1);
    const left = (await request("GET", `/accounts/${ada.user_id}/members`)).json.data;
    expect(left).toMatchObject([{ role: "owner" }]);
  });
});

describe("the operator", () => {
  it("links an account to an id of theirs, which no two accounts have", async ({ expect }) => {
    const [ada, bob] = [await newPerson(), await newPerson()];
    const external_id = `customer-${crypto.randomUUID()}`;
    const link = (person: TestPerson) => request("PATCH", `/accounts/${person.user_id}`, { body: { external_id } });
    expect((await link(ada)).json).toMatchObject({ id: ada.user_id, external_id, subscription_tier: "free" });
    expectProblem(expect, await link(bob), { status: 409, code: "external_id_taken" });
    expect((await link(ada)).status).toBe(200);
    const found = (await request("GET", `/accounts?external_id=${external_id}`)).json.data;
    expect(found).toMatchObject([{ id: ada.user_id }]);
  });
});
