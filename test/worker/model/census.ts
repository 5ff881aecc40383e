/** What the histories have come across, and how often: a model that never gets anywhere proves nothing. */
export class Census {
  readonly #counts = new Map<string, number>();

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** Those that were never met. */
  missing(expected: readonly string[]): string[] {
    return expected.filter((what) => !this.#counts.has(what));
  }

  toString(): string {
    return [...this.#counts]
      .sort()
      .map(([what, times]) => `${String(times).padStart(6)} ${what}`)
      .join("\n");
  }
}
