/** Builds both releases once, for all the tests that run them against each other. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { isInHistory, otherPackages, PREVIOUS_RELEASE, pastRelease, presentRelease, type Release } from "./release.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Null where the checkout's history does not hold the previous one. */
    releases: { present: Release; past: Release } | null;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!isInHistory(PREVIOUS_RELEASE)) {
    if (process.env.PREVIOUS_RELEASE) throw new Error(`There is no commit ${PREVIOUS_RELEASE} in this checkout.`);
    console.log(
      `The previous release, ${PREVIOUS_RELEASE}, is not in this checkout's history: nothing is shown of it.`,
    );
    project.provide("releases", null);
    return async () => undefined;
  }
  const dir = await mkdtemp(join(tmpdir(), "spawnpoint-release-"));
  const [present, removePresent] = await presentRelease();
  const remove = async () => {
    await removePresent();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const past = await pastRelease(PREVIOUS_RELEASE, dir);
    const others = await otherPackages(past, present);
    console.log(`The previous release, ${past.name}, runs on ${others.join(", ") || "the packages that it asks for"}.`);
    project.provide("releases", { present, past });
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}
