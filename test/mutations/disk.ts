/** A droplet without room: on its disk, or in its memory. */
import type { Mutant } from "./mutant.ts";

const STORE = "bootstrap/agent/base/store.ts";
const RULES = "bootstrap/agent/workload/apply-rules.ts";
const storeOnDisk = "test/unit/agent/base/store-on-disk.test.ts";
const rules = "test/unit/agent/workload/apply-rules.test.ts";

export const disk: readonly Mutant[] = [
  {
    name: "only-damage-is-put-aside",
    guard: "A full disk does not cost the agent what it must remember.",
    file: "bootstrap/agent/base/store-file.ts",
    find: "if (isDamaged(error)) this.#putAside(error);",
    replace: "this.#putAside(error);",
    caught_by: ["test/unit/agent/base/open-store.test.ts"],
  },
  {
    name: "stop-fits-a-full-disk",
    guard: "A stop is written although something bigger that is owed does not fit.",
    file: STORE,
    find: "!this.#behind || alone();",
    replace: "!this.#behind;",
    caught_by: [storeOnDisk],
  },
  {
    name: "unread-is-not-replaced",
    guard: "What the database holds is not written over before it could be read.",
    file: STORE,
    find: "    this.#load();\n    this.#file.replace",
    replace: "    this.#file.replace",
    caught_by: [storeOnDisk],
  },
  {
    name: "owed-writes-are-kept",
    guard: "What a full disk did not take is written once there is room.",
    file: STORE,
    find: "    if (this.#behind) this.#save();\n",
    replace: "",
    caught_by: [storeOnDisk],
  },
  {
    name: "recorded-before-its-effect",
    guard: "A command that cannot be recorded is not carried out, or it might be carried out twice.",
    file: "bootstrap/agent/commands/command-executor.ts",
    find: "if (store.durable) return true;",
    replace: 'if (store.command(command.id) !== "unknown") return true;',
    caught_by: ["test/unit/agent/commands/command-executor.test.ts"],
  },
  {
    name: "full-disk-starts-nothing",
    guard: "A running workload is not ended for a start that the disk has no room for.",
    file: RULES,
    find: "starts && s.unwritable !== null",
    replace: "starts && s.unwritable === undefined",
    caught_by: [rules],
  },
  {
    name: "full-disk-is-no-fault-of-a-config",
    guard: "A config is not taken for bad because the disk was full.",
    file: RULES,
    find: 'verdict.is === "failed" && view.unwritable !== null',
    replace: 'verdict.is === "failed" && view.unwritable === undefined',
    caught_by: [rules],
  },
  {
    name: "full-disk-is-told",
    guard: "A full disk is told of whatever the workload does.",
    file: "src/bot/view/health.ts",
    find: ", ...told.filter(isOfDisk)]",
    replace: ", ...told.filter(() => false)]",
    caught_by: ["test/unit/bot/health.test.ts"],
  },
  {
    name: "old-kill-explains-nothing",
    guard: "A crash is not put down to memory that ran out long before.",
    file: "bootstrap/agent/workload/out-of-memory.ts",
    find: "this.#rose_at_ms <= RECENT_MS",
    replace: "this.#rose_at_ms >= 0",
    caught_by: ["test/unit/agent/workload/out-of-memory.test.ts"],
  },
];
