/** Bots that are worth remembering, and how they come to be so. The last ones are killed in the middle of something. */
import { succeeds, suspend, untilApplied } from "./cast.ts";
import type { Installation } from "./installation.ts";

interface Scene {
  about: string;
  /** @returns the bot's id */
  live: (system: Installation) => Promise<string>;
}

/** Longer than all that follows takes. */
const STILL_DELETING_MS = 60_000;

/** In this order: those that rest come first, and whatever is under way ends with the Worker. */
export const SCENES: Readonly<Record<string, Scene>> = {
  adopted: {
    about: "online, on a second config version, after a command and a rotation",
    live: async (system) => {
      const id = await online(system);
      await system.api("PATCH", `/bots/${id}/config`, { strictness: "high", note: "changed by hand" });
      await untilApplied(system, id, 2);
      await succeeds(system, id, "restart");
      await succeeds(system, id, "rotate");
      return id;
    },
  },
  paused: {
    about: "paused, its droplet off",
    live: async (system) => {
      const id = await online(system);
      await system.act(id, "pause");
      await system.rests(id, "paused");
      return id;
    },
  },
  suspended: {
    about: "suspended, its droplet off",
    live: async (system) => suspend(system, await online(system)),
  },
  destroyed: {
    about: "destroyed, its droplet gone",
    live: async (system) => {
      const id = await online(system);
      await system.act(id, "destroy");
      await system.rests(id, "destroyed");
      return id;
    },
  },
  "two-generations": {
    about:
      "online on its second droplet, while one of its first generation has turned up that nobody has taken away yet",
    live: async (system) => {
      const id = await online(system);
      const [first] = await system.dropletsOf(id);
      const tags = system.simulator.droplet(first?.id ?? 0)?.tags ?? [];
      await system.act(id, "redeploy");
      await system.rests(id, "online");
      await system.cloud("POST", "/_sim/foreign", { name: first?.name, tags });
      await system.api("POST", "/operator/sweep", { dry_run: false });
      await untilEvent(system, id, "droplet_found");
      return id;
    },
  },
  redeploying: {
    about: "its first droplet is being deleted, to make room for the second",
    live: async (system) => {
      const id = await online(system);
      system.simulator.knobs.delete_ms = STILL_DELETING_MS;
      await system.act(id, "redeploy");
      await untilEvent(system, id, "droplet_delete_ended");
      return id;
    },
  },
  "pending-with-a-droplet": {
    about: "killed during its first POST, which has made a droplet",
    live: (system) => pending(system, "timeout_after"),
  },
  "pending-without-a-droplet": {
    about: "killed during its first POST, which has made nothing",
    live: (system) => pending(system, "timeout_before"),
  },
};

async function online(system: Installation): Promise<string> {
  const { id } = await system.newBot("Remembered", { environment: { KRAKEN_SECRET: "which opens nothing" } });
  await system.rests(id, "online");
  return id;
}

async function pending(system: Installation, fault: string): Promise<string> {
  await system.cloud("POST", "/_sim/faults", { on: "create_droplet", fault, times: 1 });
  const { id } = await system.newBot("Remembered");
  await untilEvent(system, id, "intent_opened");
  if (fault === "timeout_after")
    await system.until("its droplet exists", async () => (await system.dropletsOf(id)).length === 1);
  return id;
}

function untilEvent(system: Installation, id: string, kind: string): Promise<void> {
  return system.until(`the history of ${id} tells of ${kind}`, async () =>
    (await system.events(id)).some((event) => event.kind === kind),
  );
}
