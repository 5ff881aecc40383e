import { describe, it } from "vitest";
import { isCutOff, NO_PERMISSION } from "../../../../bootstrap/agent/workload/permission.ts";

describe("an agent that hears nothing of the control plane", () => {
  const stop = { after_s: 600, action: "stop" } as const;
  const TABLE: [
    situation: string,
    heard_ms: number | null,
    policy: Parameters<typeof isCutOff>[1],
    cut_off: boolean,
  ][] = [
    ["has no policy", 0, undefined, false],
    ["is to keep running", 0, { after_s: 60, action: "keep" }, false],
    ["heard it in time", 1, stop, false],
    ["heard it too long ago", 0, stop, true],
    ["has never heard it, and so has no permission anyway", null, stop, false],
  ];
  for (const [situation, heard_ms, policy, cut_off] of TABLE) {
    it(`${situation}: ${cut_off ? "is cut off" : "goes on"}`, ({ expect }) => {
      expect(isCutOff({ ...NO_PERMISSION, order: "run", heard_ms }, policy, 600_000)).toBe(cut_off);
    });
  }
});
