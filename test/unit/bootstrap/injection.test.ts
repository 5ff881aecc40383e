/**
 * Attempts to smuggle something into a droplet through every value that reaches its user-data. Each is refused before
 * anything is rendered, or arrives as it was: the scripts are run for real, and do nothing else than with plain values.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { readSettings } from "../../../src/env.ts";
import { BootstrapSettings, renderUserData, type UserDataInput } from "../../../src/provider/user-data.ts";
import { testSecrets } from "../../worker/settings.ts";
import { Sandbox, sha256, userDataInput } from "./sandbox.ts";

const CANARY = join(tmpdir(), `spawnpoint-canary-${process.pid}`);
const TOUCH = `touch ${CANARY}`;

/** What shells, systemd, cloud-init, YAML, MIME and option parsers have each been fooled with. */
const PAYLOADS = [
  `'; ${TOUCH}; '`,
  `"; ${TOUCH}; "`,
  `'"'"'; ${TOUCH} #`,
  `\\'; ${TOUCH}; \\'`,
  `$(${TOUCH})`,
  `\`${TOUCH}\``,
  `\${x:-$(${TOUCH})}`,
  `$((a[$(${TOUCH})]))`,
  `; ${TOUCH}`,
  `&& ${TOUCH}`,
  `|| ${TOUCH}`,
  `| ${TOUCH}`,
  `& ${TOUCH} &`,
  `> ${CANARY}`,
  `<(${TOUCH})`,
  `a\n${TOUCH}\n`,
  `a\r\n${TOUCH}`,
  `a\0${TOUCH}`,
  `x\nSPAWNPOINT_END_OF_FILE\n${TOUCH}`,
  "SPAWNPOINT_END_OF_FILE",
  `"\nruncmd:\n  - ${TOUCH}\n`,
  `]\n- [sh, -c, "${TOUCH}"]`,
  `#cloud-config`,
  `#include http://127.0.0.1/x`,
  "--==BOUNDARY==",
  "{{ 7*7 }} ## template: jinja",
  "%n %i %H %% %s %d",
  "$$ $0 $1 $@ $* $PATH $HOME ~ ~root",
  "* ? [a-z] {a,b} /etc/*",
  "! !! !$ ^a^b",
  "-rf",
  "--force",
  "--",
  "-oProxyCommand=sh",
  "\\n\\0\\x41\\",
  "名前 — ünïcode \u202e\u200b\u0085\u2028",
  "ext::sh -c id",
  "../../../etc/passwd",
  "x".repeat(200),
];

/** Where a value comes from, and how it is put there. */
const VALUES: Record<string, { good: string; into: (text: string) => UserDataInput }> = {
  ...Object.fromEntries(
    (
      [
        ["pnpm_version", "9.1.0"],
        ["rust_toolchain", "stable"],
        ["extra_apt_packages", "htop"],
        ["global_npm_packages", "typescript"],
        ["cargo_crates", "ripgrep"],
      ] as const
    ).map(([name, good]) => [name, { good, into: (text: string) => fromSettings({ BOOTSTRAP: { [name]: text } }) }]),
  ),
  ...Object.fromEntries(
    (
      [
        ["repo_url", "https://github.com/a/b.git"],
        ["ref", "main"],
        ["workspace_dir", "/opt/openclaw/workspace"],
        ["agent_name", "Jane"],
        ["owner_name", "Owner"],
      ] as const
    ).map(([name, good]) => [
      `customizer.${name}`,
      { good, into: (text: string) => fromSettings({ BOOTSTRAP: { customizer: { [name]: text } } }) },
    ]),
  ),
  PUBLIC_URL: { good: "https://spawnpoint.test", into: (text) => fromSettings({ PUBLIC_URL: text }) },
  OPENCLAW_VERSION: { good: "2026.9.6", into: (text) => fromSettings({ OPENCLAW_VERSION: text }) },
  WORKLOAD_PORT: { good: "18789", into: (text) => fromSettings({ WORKLOAD_PORT: text }) },
  WORKLOAD_READY_WINDOW_S: { good: "15", into: (text) => fromSettings({ WORKLOAD_READY_WINDOW_S: text }) },
  bot_id: { good: userDataInput().bot_id, into: (bot_id) => userDataInput({ bot_id }) },
  registration_token: {
    good: userDataInput().registration_token,
    into: (registration_token) => userDataInput({ registration_token }),
  },
  "agent.url": { good: "/bot/agent/x.mjs", into: (url) => userDataInput({ agent: { url, sha256: "a".repeat(64) } }) },
  "agent.sha256": {
    good: "a".repeat(64),
    into: (digest) => userDataInput({ agent: { url: "/x.mjs", sha256: digest } }),
  },
};

/** As the Worker comes to it from its environment. */
function fromSettings({ BOOTSTRAP = {}, ...more }: Record<string, unknown>): UserDataInput {
  const settings = readSettings({ ...testSecrets, BOOTSTRAP: JSON.stringify(BOOTSTRAP), ...more });
  return userDataInput({
    control_plane_url: settings.PUBLIC_URL,
    bootstrap: settings.BOOTSTRAP,
    workload: {
      version: settings.OPENCLAW_VERSION,
      port: settings.WORKLOAD_PORT,
      ready_window_s: settings.WORKLOAD_READY_WINDOW_S,
    },
  });
}

/** The user-data, or null where it is refused. */
function rendered(name: string, text: string): string | null {
  try {
    return renderUserData(VALUES[name]?.into(text) ?? userDataInput());
  } catch {
    return null;
  }
}

describe.for(Object.entries(VALUES))("%s", ([name, { good }]) => {
  it("takes what it is for", ({ expect }) => {
    expect(rendered(name, good)).toContain(good);
  });

  it("refuses every payload, or carries it in one quoted word", ({ expect }) => {
    const free = name.endsWith("_name");
    const around = (payload: string) => [payload, good + payload, `${good} ${payload}`, payload + good];
    for (const text of PAYLOADS.flatMap(around)) {
      const made = rendered(name, text);
      if (made === null) continue;
      // Whoever takes it takes it as plain as a package's name, or as a name in quotes.
      const plain = /^[A-Za-z0-9+.@:/_=~^ -]*$/.test(text);
      expect(plain || free, `${name} took ${JSON.stringify(text)}`).toBe(true);
      expect(made, text).toContain(
        `='${text
          .trim()
          .replaceAll(/ +/g, free ? "$&" : " ")
          .replaceAll("'", `'\\''`)}`.slice(0, 60),
      );
    }
  });

  it("takes no option", ({ expect }) => {
    for (const option of ["-y", "--force", "-oProxyCommand=sh", "--"])
      expect(rendered(name, option), option).toBeNull();
  });
});

const AGENT = "console.log('the agent');\n";
const AGENT_PATH = `/bot/agent/${sha256(AGENT)}.mjs`;

interface Lived {
  /** Every file below the sandbox. */
  files: string[];
  /** Every command that was run, with its arguments. */
  calls: string[];
  customized: string[];
  sourced: string;
}

/** A whole first boot with these names: user-data, then the bootstrap, as systemd would run it. */
async function live(agent_name: string, owner_name: string): Promise<Lived> {
  const droplet = await new Sandbox().start();
  try {
    droplet.pages.set(AGENT_PATH, [AGENT]);
    const input = userDataInput({
      control_plane_url: droplet.url,
      agent: { url: AGENT_PATH, sha256: sha256(AGENT) },
      bootstrap: BootstrapSettings.parse({ customizer: { agent_name, owner_name } }),
    });
    const booted = await droplet.boot(renderUserData(input));
    const { code, output } = await droplet.bootstrap().done;
    if (booted.code !== 0 || code !== 0) throw new Error(`the boot failed: ${booted.output} ${output}`);
    const show = `. "$1"; printf '%s|%s' "$CUSTOMIZER_AGENT_NAME" "$CUSTOMIZER_OWNER_NAME"`;
    const path = join(droplet.root, "etc/spawnpoint/bootstrap.env");
    const { stdout } = spawnSync("bash", ["-c", show, "bash", path], {
      env: { PATH: "/usr/bin:/bin" },
      encoding: "utf8",
    });
    const bare = (text: string) => text.replaceAll(droplet.directory, "").replaceAll(droplet.url, "");
    return {
      files: readdirSync(droplet.directory, { recursive: true }).map(String).sort(),
      calls: droplet
        .calls()
        .map(bare)
        .map((call) => call.replaceAll(/--agent-name [\s\S]*$/g, "--agent-name")),
      customized: (JSON.parse(droplet.read("customized") ?? "[]") as string[]).map(bare),
      sourced: stdout,
    };
  } finally {
    await droplet.dispose();
  }
}

describe("run for real (claw-spawn's W36: settings expanded into a shell unquoted)", () => {
  let plain: Lived;
  beforeAll(async () => {
    plain = await live("Jane", "Owner");
  });
  afterAll(() => rmSync(CANARY, { force: true }));

  const TAKEN = PAYLOADS.filter((payload) => rendered("customizer.agent_name", payload) !== null);
  const shown = (payload: string) => JSON.stringify(payload).replaceAll(CANARY, "CANARY");
  /** Two at a time, since a boot takes its time. */
  const PAIRS = TAKEN.flatMap((agent, index) => {
    const owner = TAKEN[index + 1] ?? agent;
    return index % 2 === 0 ? [[`${shown(agent)} and ${shown(owner)}`, agent, owner] as const] : [];
  });
  it.for(PAIRS)("%s arrive as they were, and nothing else happens", async ([, agent, owner], { expect }) => {
    const lived = await live(agent, owner);
    expect(lived.sourced).toBe(`${agent}|${owner}`);
    expect(lived.customized).toEqual(plain.customized.map((word) => ({ Jane: agent, Owner: owner })[word] ?? word));
    expect(lived.files).toEqual(plain.files);
    expect(lived.calls).toEqual(plain.calls);
    expect(existsSync(CANARY)).toBe(false);
  });

  it("most payloads are taken as names, so that this proves something", ({ expect }) => {
    expect(TAKEN.length).toBeGreaterThan(20);
  });
});
