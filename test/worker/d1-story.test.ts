/**
 * A life in which the Worker and its objects ask D1 everything that they ever ask it. What they asked is a release's
 * contract with the migrations of the next one: `npm run record:d1` writes it to test/fixtures/d1, and
 * test/unit/db/releases.test.ts asks it again before, while and after those migrations.
 */
import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { getTableName, is, Table } from "drizzle-orm";
import { it } from "vitest";
import type { Env } from "../../src/bindings.ts";
import * as schema from "../../src/db/schema.ts";
import worker from "../../src/index.ts";
import { act, newBot, request, simulateCloud, untilBot, untilIdle } from "./cloud.ts";
import { readDocument } from "./document.ts";
import { configure, delivered, deploy, eachBeginsWith, RINGS } from "./keys.ts";
import { OPERATIONS } from "./operations.ts";
import { as, newPerson } from "./people.ts";
import { recordD1 } from "./recorded-d1.ts";
import { rotate } from "./rotations.ts";
import { operatorToken } from "./settings.ts";
import { newWorld, remake, type World } from "./world.ts";

eachBeginsWith(RINGS.old);

function runCron(): Promise<void> {
  return worker.scheduled(createScheduledController(), env as unknown as Env);
}

/** Every operation of the API once, whatever it answers. */
async function walk(world: World): Promise<void> {
  const { documented } = await readDocument();
  for (const [id, { who, path, body, headers }] of Object.entries(OPERATIONS)) {
    if (id === "revokeOperatorKey") await remake(world);
    const method = documented.find(({ operationId }) => operationId === id)?.method ?? "GET";
    const token = { operator: operatorToken, agent: world.agent.credential } as Record<string, string>;
    const cookie = who === "owner" || who === "person" ? { cookie: world.owner.cookie } : {};
    await request(method, path(world), {
      token: token[who] ?? null,
      ...(body ? { body: body(world) } : {}),
      headers: { ...cookie, "idempotency-key": id, ...headers },
    });
  }
}

/** A key is used, and a password forgotten. */
async function useCredentials({ owner }: World): Promise<void> {
  const { json } = await as(owner, "POST", "/keys", { name: "used", scopes: ["bots:read"] });
  await request("GET", "/bots", { token: json.token });
  await request("POST", "/auth/password-reset", { token: null, body: { email: owner.email } });
}

/** A second person joins, becomes somebody else's equal, and goes. */
async function join({ account }: World): Promise<void> {
  const guest = await newPerson();
  const body = { email: guest.email, role: "viewer" };
  const { json } = await request("POST", `/accounts/${account}/invitations`, { body });
  await as(guest, "POST", `/invitations/${json.id}/accept`);
  const member = `/accounts/${account}/members/${guest.user_id}`;
  await request("PATCH", member, { body: { role: "member" } });
  await request("DELETE", member);
}

it("D1 is asked something about every table in a life of people, bots, keys and care", async ({ expect }) => {
  const cloud = simulateCloud();
  const recorded = recordD1();
  const world = await newWorld(cloud);
  await useCredentials(world);
  await walk(world);
  await join(world);
  for (const action of ["redeploy", "destroy"]) await act(world.bot, action);
  await untilBot(world.bot, { status: "destroyed" });
  await delivered(world.bot);
  const other = await newBot();
  await request("PATCH", `/bots/${other.id}/config`, { body: { environment: { EXCHANGE_KEY: "a-key-of-the-test" } } });
  await deploy(RINGS.new_and_old);
  await rotate();
  await configure((settings) => {
    settings.POLICY = { ...settings.POLICY, secret_retention_ms: 1 };
  });
  await runCron();
  await act(other.id, "destroy");
  await untilIdle(other.id);
  const asked = recorded.flat().map(({ statement }) => statement);
  const tables = Object.values(schema).flatMap((table) => (is(table, Table) ? [getTableName(table)] : []));
  for (const table of tables) {
    expect(asked.filter((statement) => statement.includes(`"${table}"`)).length, table).toBeGreaterThan(0);
  }
  // The one way out of workerd that `npm run record:d1` can read.
  if (process.env.RECORD_D1) console.log(`RECORDED ${JSON.stringify(recorded)}`);
}, 300_000);
