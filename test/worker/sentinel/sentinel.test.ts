/**
 * Secrets planted in every field and header that can carry one, through whole lives with failures; then everything that
 * was kept, logged or answered is searched for each of them.
 */
import { afterEach, it } from "vitest";
import { act, dropletsOf, endOfTest, request, simulateCloud, untilBot } from "../cloud.ts";
import { newPerson, PASSWORD } from "../people.ts";
import { operatorToken, testSecrets } from "../settings.ts";
import { agentSpeaks, failToBeBorn, indexFails, knock, type Life, peopleWrite, readAll } from "./life.ts";
import { Sentinels } from "./sentinels.ts";
import { inCloud, inD1, inObjects, listen, Witness } from "./stores.ts";

afterEach(endOfTest);

it("a secret is found nowhere but where it belongs, whatever went wrong", async ({ expect }) => {
  const logged = listen();
  const planted = new Sentinels();
  const life: Life = { cloud: simulateCloud(), planted, witness: new Witness() };
  const keys = [
    planted.plain("the first key"),
    planted.short("the second key"),
    planted.short("the third key"),
  ] as const;

  const person = await newPerson();
  const key = { name: "k", scopes: ["bots:read", "bots:write", "secrets:write"], account_id: person.user_id };
  const { token } = (await request("POST", "/operator/api-keys", { body: key })).json;
  for (const held of [{ token }, { token: null, headers: { cookie: person.cookie } }]) {
    life.witness.hear(await request("GET", "/bots", held));
    life.witness.hear(await request("PATCH", `/bots/${person.user_id}`, { ...held, body: { name: 5 } }));
    life.witness.hear(await request("GET", "/auth/session", held));
  }
  await knock(life);
  const ids = await failToBeBorn(life, keys[0]);
  const id = ids.at(-1) ?? "";
  await readAll(life, ids);
  life.witness.hear(await act(id, "redeploy"));
  const agent = await agentSpeaks(life, id, keys[0]);
  const born = dropletsOf(life.cloud, id).map(({ user_data }) => user_data ?? "");
  await peopleWrite(life, agent, keys[1]);
  const { failed, during } = await indexFails(life, id, keys[2]);
  for (const { status, json, text } of failed) {
    expect([status, json.code]).toEqual([500, "internal_error"]);
    expect(text, "says nothing of our inside").not.toMatch(/select|insert|params|table|sqlite|drizzle|\.ts\b|\bat /i);
  }
  await readAll(life, ids);
  life.witness.hear(await act(id, "destroy"));
  await untilBot(id, { status: "destroyed" });
  await readAll(life, [id]);

  const stores: [string, string][] = [
    ["answers", life.witness.text()],
    ["logs", logged.text()],
    ["user-data", born.join("\n")],
    ...(await inD1()),
    ...(await inObjects()),
    ...during.map(([name, text]): [string, string] => [`${name}, while D1 failed`, text]),
    ...inCloud(life.cloud),
  ];
  const ours = {
    "the provider's token": testSecrets.DIGITALOCEAN_TOKEN,
    "the encryption key": testSecrets.ENCRYPTION_KEYS.split(":")[1] ?? "",
    "the operator's token": operatorToken,
    "the agent's credential": agent.credential,
    "the registration token": agent.token,
    "an API key": token,
    "a session's cookie": decodeURIComponent(person.cookie.split("=")[1] ?? ""),
    "a password": PASSWORD,
  };
  const found = stores.flatMap(([store, text]) => {
    const known = Object.entries(ours).filter(([, secret]) => text.includes(secret));
    return [...planted.foundIn(text), ...known.map(([name]) => name)].map((place) => `${store}: ${place}`);
  });
  logged.end();
  const sizes = stores.map(([name, text]) => `${name}: ${text.length} characters`);
  console.log(`${planted.count} sentinels, ${stores.length} stores searched:\n${sizes.join("\n")}`);
  expect(found.sort()).toEqual(["user-data: the registration token"]);
  // What is empty proves nothing.
  const least = { answers: 200_000, logs: 2_000, "D1 bot_configs": 10_000, "Bot event": 20_000, "Bot command": 5_000 };
  for (const [name, size] of Object.entries(least)) {
    expect(stores.find(([store]) => store === name)?.[1].length, name).toBeGreaterThan(size);
  }
});
