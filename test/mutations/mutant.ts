/** One guard, broken on purpose: the suites that it names must notice. */
export interface Mutant {
  /** Unique; `--only` takes it. */
  name: string;
  /** What the guard protects, in a sentence. */
  guard: string;
  file: string;
  /** The exact text of the guard; it must occur once in the file. */
  find: string;
  replace: string;
  /** The narrowest test files that must fail. */
  caught_by: readonly [string, ...string[]];
}
