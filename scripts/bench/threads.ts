/** The load runs in threads of its own: what it takes is not taken from whoever measures. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { ChannelLoad, Command, Opened, Pinged, Pushed, Reply } from "./channel-load.ts";
import type { HttpLoad, HttpLoaded } from "./http-load.ts";

export async function loadHttp(load: HttpLoad): Promise<HttpLoaded> {
  const thread = new Worker(new URL("./http-load.ts", import.meta.url), { workerData: load });
  try {
    const [loaded] = await once(thread, "message");
    return loaded as HttpLoaded;
  } finally {
    await thread.terminate();
  }
}

/** Channels that are held until they are closed. */
export class Channels {
  readonly #thread: Worker;

  constructor(load: ChannelLoad) {
    this.#thread = new Worker(new URL("./channel-load.ts", import.meta.url), { workerData: load });
  }

  open(channels: number): Promise<Opened> {
    return this.#tell({ do: "open", channels }) as Promise<Opened>;
  }

  ping(for_ms: number): Promise<Pinged> {
    return this.#tell({ do: "ping", for_ms }) as Promise<Pinged>;
  }

  push(changes: number): Promise<Pushed> {
    return this.#tell({ do: "push", changes }) as Promise<Pushed>;
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  async #tell(command: Command): Promise<Reply> {
    this.#thread.postMessage(command);
    const [{ reply, error }] = (await once(this.#thread, "message")) as [{ reply: Reply; error?: string }];
    if (error !== undefined) throw new Error(error);
    return reply;
  }
}
