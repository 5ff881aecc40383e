/** Which credential an operation is asked with: the one place that knows the security schemes of the document. */

export interface Credential {
  kind: string;
  token: string;
  headers: Record<string, string>;
}

/** Credentials that are valid in the world under test, by security scheme. */
export type Holders = Readonly<Record<string, readonly Credential[]>>;

export function bearer(kind: string, token: string): Credential {
  return { kind, token, headers: { authorization: `Bearer ${token}` } };
}

/** One of these is sent. A scheme without an entry is one that the fuzzer does not know yet. */
export function credentialsFor(security: readonly string[], holders: Holders): readonly (Credential | null)[] {
  if (security.length === 0) return [null];
  return security.flatMap((scheme) => {
    const known = holders[scheme];
    if (known === undefined) throw new Error(`the fuzzer has no credential for the security scheme ${scheme}`);
    return known;
  });
}
