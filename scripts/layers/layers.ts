/**
 * Which part of the code may import which. A layer imports only itself and what stands above it in this table; parts
 * that share a layer do not know each other.
 */

export interface Part {
  name: string;
  /** Of the paths of its files, from the root of the repository. */
  path: string;
}

const room = (name: string): Part => ({ name, path: `^${name}/` });
const file = (name: string): Part => ({ name, path: `^${name.replaceAll(".", "\\.")}$` });

export const LAYERS: readonly (readonly Part[])[] = [
  [room("src/wire")],
  [room("src/naming"), room("src/cloudflare"), room("src/secrets")],
  [room("src/records"), room("src/resources")],
  [room("src/db"), { name: "src/provider", path: "^src/provider/(?!gate/)" }],
  [{ name: "src/provider/gate", path: "^src/provider/gate/(?!object\\.ts$|stub\\.ts$)" }],
  [room("src/accounts")],
  [room("src/people")],
  [room("src/bot/model")],
  [room("src/bot/config")],
  [room("src/bot/reconcile")],
  [room("src/bot/view")],
  [room("src/bot/shell")],
  [room("src/bot/calls")],
  [room("src/bot/agent")],
  [file("src/bot/followers.ts")],
  [room("src/bot/alarm")],
  [file("src/env.ts")],
  [file("src/provider/gate/object.ts")],
  [file("src/provider/gate/stub.ts")],
  [file("src/bot/object.ts")],
  [file("src/bindings.ts")],
  [room("src/fleet")],
  [room("src/api")],
  [file("src/index.ts")],
];

/** The agent on the droplet: of the control plane it knows the wire, and nothing else. */
export const AGENT_LAYERS: readonly (readonly Part[])[] = [
  [room("src/wire")],
  [room("bootstrap/agent/base"), file("bootstrap/agent/settings.ts")],
  [room("bootstrap/agent/workload")],
  [room("bootstrap/agent/commands")],
  [room("bootstrap/agent/plane")],
  [room("bootstrap/agent/local")],
  [file("bootstrap/agent/agent.ts")],
  [file("bootstrap/agent/main.ts")],
];

/** Above everything: the tests and tools use the code, never the other way round. */
const OUTSIDE = "^(simulator|test|scripts)/";

/** @returns rules for dependency-cruiser, one for each part: what it may not import */
export function rulesOf(tables: readonly (readonly (readonly Part[])[])[]) {
  const layers = tables.flatMap((table) =>
    table.flatMap((parts, height) =>
      parts.map((part) => {
        const below = table.slice(0, height).flat();
        return {
          name: part.name,
          severity: "error" as const,
          from: { path: part.path },
          to: { path: "^(src|bootstrap/agent)/.*\\.ts$", pathNot: [part, ...below].map(({ path }) => path) },
        };
      }),
    ),
  );
  return [
    ...layers.filter(({ name }, index) => layers.findIndex((rule) => rule.name === name) === index),
    { name: "no-circle", severity: "error" as const, from: {}, to: { circular: true } },
    {
      name: "nothing-from-outside",
      severity: "error" as const,
      from: { path: "^(src|bootstrap)/" },
      to: { path: OUTSIDE },
    },
  ];
}

/** @returns files that belong to no part, or to several */
export function homeless(files: readonly string[]): string[] {
  const parts = [...LAYERS, ...AGENT_LAYERS.slice(1)].flat().map(({ path }) => new RegExp(path));
  return files.filter((name) => parts.filter((part) => part.test(name)).length !== 1);
}
