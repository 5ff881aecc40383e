/** Stages that the bootstrap noted in files, one each, numbered. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { StageRequest } from "../../../src/wire/agent.ts";

const Noted = StageRequest.pick({ stage: true, detail: true });

export interface PendingStage {
  /** The file's name: sorts in the order of the events. */
  name: string;
  report: z.infer<typeof Noted>;
}

/** @param last the name of the last one that was told. */
export function pendingStages(directory: string, last: string | null): PendingStage[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith(".json") && (last === null || name > last))
    .sort()
    .flatMap((name) => {
      try {
        const { stage, detail } = Noted.parse(JSON.parse(readFileSync(join(directory, name), "utf8")));
        return [{ name, report: detail ? { stage, detail } : { stage } }];
      } catch {
        // Moved away by the bootstrap, which told it itself, or a stage of another release.
        return [];
      }
    });
}
