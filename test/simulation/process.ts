/** A process that can die at any await: what was in memory is gone, and what it was waiting for never comes. */
export class Process {
  #life = 0;
  #calls = 0;
  #death = Promise.withResolvers<null>();
  readonly #pause: (where: string) => Promise<void>;

  /** @param pause called at every await, before and after it: may let the process die, or other things happen meanwhile */
  constructor(pause: (where: string) => Promise<void>) {
    this.#pause = pause;
  }

  get life(): number {
    return this.#life;
  }

  /** A call is under way: until it ends, the platform leaves the process in memory. */
  get busy(): boolean {
    return this.#calls > 0;
  }

  die(): void {
    this.#life++;
    this.#calls = 0;
    this.#death.resolve(null);
    this.#death = Promise.withResolvers<null>();
  }

  /** A call into the process; null where it died during it. */
  whileAlive<T>(call: () => Promise<T>): Promise<T | null> {
    // Taken before the call: it may die within its first synchronous steps.
    const death = this.#death.promise;
    const life = this.#life;
    const ended = () => {
      if (life === this.#life) this.#calls--;
    };
    this.#calls++;
    const called = call();
    called.then(ended, ended);
    return Promise.race([called, death]);
  }

  /** @throws where the process of that life is dead: what is dead reaches nothing */
  mustLive(life: number): void {
    if (life !== this.#life) throw new Error("a dead process reached for its platform");
  }

  /** Something that the process awaits. */
  async around<T>(life: number, where: string, call: () => Promise<T>): Promise<T> {
    await this.#pausing(life, `before ${where}`);
    const result = await call().catch(async (error) => {
      // Nor does what went wrong come to whoever is dead.
      await this.#living(life);
      throw error;
    });
    await this.#pausing(life, `after ${where}`);
    return result;
  }

  async #pausing(life: number, where: string): Promise<void> {
    await this.#pause(where);
    await this.#living(life);
  }

  async #living(life: number): Promise<void> {
    if (life !== this.#life) await new Promise<never>(() => undefined);
  }
}
