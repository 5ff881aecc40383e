import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import type { SimulatorState } from "../model/records.ts";

const StateFileShape = z.object({
  version: z.literal(1),
  // The model reads its own part back; it is only kept here.
  cloud: z.custom<SimulatorState>((value) => typeof value === "object" && value !== null),
  machines: z.array(z.object({ id: z.int(), boots: z.int().min(0) })),
  host_boot_id: z.string(),
  processes: z.array(z.tuple([z.int(), z.number()])),
});

/** All that outlives the simulator. It holds user-data, and no token of the API. */
export type SavedState = z.infer<typeof StateFileShape>;
export type MachineRecord = SavedState["machines"][number];

const DEBOUNCE_MS = 50;

/** Reads the state, or null when there is none. Throws when it is not readable: nothing is ever overwritten unread. */
export function readState(path: string): SavedState | null {
  if (!existsSync(path)) return null;
  const parsed = StateFileShape.safeParse(JSON.parse(readFileSync(path, "utf8")));
  if (!parsed.success) throw new Error(`${path} is no state of this simulator: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Writes the state, whole or not at all, one write at a time and not more often than every 50 ms. */
export class StateFile {
  readonly #path: string;
  readonly #take: () => SavedState;
  #written = "";
  #planned: Promise<void> | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, take: () => SavedState) {
    this.#path = path;
    this.#take = take;
    mkdirSync(dirname(path), { recursive: true });
  }

  /** Plans a write. Resolves when a state at least as new as the present one is on the disk. */
  save(): Promise<void> {
    this.#planned ??= new Promise((resolve) => setTimeout(resolve, DEBOUNCE_MS)).then(() => this.#write());
    return this.#planned;
  }

  /** Writes now what is planned, if anything is. */
  async settle(): Promise<void> {
    await this.#planned;
    await this.#writing;
  }

  #write(): Promise<void> {
    this.#planned = null;
    // A write that failed (a full disk) does not doom the next.
    this.#writing = this.#writing
      .catch(() => undefined)
      .then(async () => {
        const text = JSON.stringify(this.#take());
        if (text === this.#written) return;
        const temporary = `${this.#path}.new`;
        const file = await open(temporary, "w", 0o600);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, this.#path);
        this.#written = text;
      });
    return this.#writing;
  }
}
