import { describe, it } from "vitest";
import { askForRotation, type RotationPlatform, stepRotation } from "../../src/secrets/key-rotation.ts";
import { newBot, simulateCloud } from "./cloud.ts";
import {
  delivered,
  deploy,
  eachBeginsWith,
  keysUsedBy,
  NEW_KEY,
  OLD_KEY,
  RINGS,
  secretsOf,
  workerWith,
} from "./keys.ts";
import { status } from "./rotations.ts";

eachBeginsWith(RINGS.old);

describe("a rotation of the encryption keys", () => {
  it("survives a death at every call, and every secret can be read after each", async ({ expect }) => {
    simulateCloud();
    const plain = ["key-of-one", "key-of-another"];
    const bots = [await newBot({ llm_api_key: plain[0] }), await newBot({ llm_api_key: plain[1] })];
    await Promise.all(bots.map(({ id }) => delivered(id)));
    const readable = async () => {
      const all = await Promise.all(bots.map(({ id }) => secretsOf(id, RINGS.new_and_old)));
      for (const [at, secrets] of all.entries())
        expect(secrets.map((secret) => secret.plain)).toEqual([plain[at], plain[at]]);
    };
    // There and back again, each time with a death one call later, before that call or after it.
    let deaths = 0;
    for (let died = true; died; ) {
      const [ring, target] =
        deaths % 2 === 0 ? ([RINGS.new_and_old, NEW_KEY] as const) : ([RINGS.old_and_new, OLD_KEY] as const);
      await deploy(ring);
      const { platform } = workerWith(ring);
      died = await runUntilDeath(platform, target, Math.floor(deaths / 2), deaths % 2 === 0);
      await readable();
      if (died) deaths++;
      // Whoever died holds the lease until it is over.
      const later = { ...platform, now: () => Date.now() + 120_000 * deaths };
      await askForRotation(later, target);
      for (let step = 0; step < 9; step++) if ((await stepRotation(later)) === "idle") break;
      expect(await status()).toMatchObject({ state: "done", target_key_id: target, error_count: 0 });
      await readable();
      for (const { id } of bots) expect(await keysUsedBy(id)).toEqual([target]);
    }
    expect(deaths).toBeGreaterThan(40);
  });
});

/** Rotates until a call, which throws before or after it took effect. @returns whether there was such a call */
async function runUntilDeath(
  platform: RotationPlatform,
  target: string,
  at: number,
  before: boolean,
): Promise<boolean> {
  let calls = 0;
  const mortal =
    (call: (...args: unknown[]) => Promise<unknown>) =>
    async (...args: unknown[]) => {
      const now = calls++;
      if (now === at && !before) await call(...args);
      if (now >= at) throw new Error("died");
      return call(...args);
    };
  const synchronous = ["now", "uuid", "log"];
  const wrapped = Object.entries(platform).map(([name, value]) => [
    name,
    typeof value !== "function" || synchronous.includes(name) ? value : mortal(value as never),
  ]);
  const doomed: RotationPlatform = Object.fromEntries(wrapped);
  try {
    await askForRotation(doomed, target);
    for (let step = 0; step < 9; step++) if ((await stepRotation(doomed)) === "idle") break;
  } catch (error) {
    if (calls <= at) throw error;
  }
  return calls > at;
}
