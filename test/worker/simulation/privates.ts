/** What an object keeps to itself, for tests that stand between it and its platform. */
interface Privates {
  ctx: DurableObjectState;
  env: object;
}

export function privatesOf(object: object): Privates {
  return object as Privates;
}
