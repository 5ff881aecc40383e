/** Who calls, what they may do, and whose bots they reach. */
import type { Scope } from "../records/caller.ts";
import type { Permission } from "../wire/access.ts";

export interface Principal {
  kind: "operator" | "key" | "person";
  /** The token's, the key's or the session's id: idempotency and the audit log know a caller by it. */
  credential_id: string;
  /** `operator:<id>`, `key:<id>` or `user:<id>`. */
  actor: string;
  /** Whose bots are within reach. A person who belongs to no account reaches none and may do nothing. */
  scope: Scope;
  permissions: ReadonlySet<Permission>;
}

/** A person and the session by which they are known. */
export interface Person {
  user_id: string;
  email: string;
  name: string;
  session_id: string;
  session_token: string;
}
