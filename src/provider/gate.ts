/** Permission to spend one request of DigitalOcean's budget, which the whole fleet shares. */
export type PermitKind = "user_action" | "create" | "heal" | "poll";

export type Permit = { granted: true } | { granted: false; until: number; reason: string };

export interface Gate {
  permit(kind: PermitKind): Promise<Permit>;
}

/** Grants everything: each Bot paces itself, and a 429 makes it wait. */
export const openGate: Gate = { permit: () => Promise.resolve({ granted: true }) };
