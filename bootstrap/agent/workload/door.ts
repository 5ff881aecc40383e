/** A socket in the file system at which one visitor at a time is expected; whoever else comes is sent away. */
import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";

export class Door {
  #admit: ((visitor: Socket) => void) | null = null;

  static async open(path: string): Promise<Door> {
    const door = new Door();
    // One that an earlier agent has left is nobody's any more.
    rmSync(path, { force: true });
    const server = createServer((visitor) => door.#enter(visitor));
    await new Promise<void>((listening, failed) => {
      server.once("error", failed);
      server.listen(path, listening);
    });
    // It keeps no agent from ending.
    server.unref();
    return door;
  }

  /** The next who comes. @throws where nobody has come when the signal aborts */
  next(patience: AbortSignal): Promise<Socket> {
    const coming = new Promise<Socket>((resolve, reject) => {
      const admit = (visitor: Socket) => {
        this.#admit = null;
        patience.removeEventListener("abort", giveUp);
        resolve(visitor);
      };
      const giveUp = () => {
        if (this.#admit === admit) this.#admit = null;
        reject(new Error("the workload's unit has not connected"));
      };
      patience.addEventListener("abort", giveUp, { once: true });
      this.#admit = admit;
    });
    // Whoever waits may have failed by then.
    coming.catch(() => {});
    return coming;
  }

  #enter(visitor: Socket): void {
    visitor.on("error", () => visitor.destroy());
    if (this.#admit === null) visitor.destroy();
    else this.#admit(visitor);
  }
}
