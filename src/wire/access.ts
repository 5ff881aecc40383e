/** Who may do what: the permissions that routes ask for, the roles and keys that grant them. */

/** What tenants may be granted; a route names exactly one, and some bodies ask for `secrets:write` besides. */
const TENANT_PERMISSIONS = [
  "account:read",
  "bots:read",
  "bots:write",
  "secrets:write",
  "audit:read",
  "billing",
  "keys:write",
  "members:write",
] as const;

const OPERATOR_PERMISSIONS = ["operator:read", "operator:write"] as const;

const PERMISSIONS = [...TENANT_PERMISSIONS, ...OPERATOR_PERMISSIONS] as const;
export type TenantPermission = (typeof TENANT_PERMISSIONS)[number];
export type Permission = (typeof PERMISSIONS)[number];

/** Keys cannot make keys or let people in: whoever steals one cannot outlive its revocation. */
export const KEY_SCOPES = [
  "account:read",
  "bots:read",
  "bots:write",
  "secrets:write",
  "audit:read",
  "billing",
] as const satisfies readonly TenantPermission[];

/** An operator's key reaches every account's bots with what it is granted; `operator:*` grants everything. */
export const OPERATOR_KEY_SCOPES = [...PERMISSIONS, "operator:*"] as const;
export type KeyScope = (typeof OPERATOR_KEY_SCOPES)[number];

export const ROLES = ["owner", "member", "viewer"] as const;
export type Role = (typeof ROLES)[number];

const ROLE_PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  viewer: new Set(["account:read", "bots:read"]),
  member: new Set(["account:read", "bots:read", "bots:write", "secrets:write"]),
  owner: new Set(TENANT_PERMISSIONS),
};

const EVERYTHING: ReadonlySet<Permission> = new Set(PERMISSIONS);
const NOTHING: ReadonlySet<Permission> = new Set();

/** A stored role that a later release has brought grants nothing here. */
export function permissionsOfRole(role: Role): ReadonlySet<Permission> {
  return ROLE_PERMISSIONS[role] ?? NOTHING;
}

export function permissionsOfScopes(scopes: readonly KeyScope[]): ReadonlySet<Permission> {
  return scopes.includes("operator:*")
    ? EVERYTHING
    : new Set(scopes.filter((scope): scope is Permission => scope !== "operator:*"));
}

export function isOperatorPermission(permission: Permission): boolean {
  return (OPERATOR_PERMISSIONS as readonly string[]).includes(permission);
}
