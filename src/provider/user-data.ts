/**
 * What a new droplet is told at birth. Pure: the texts of `bootstrap/` are passed in, one bash script comes out.
 * The script holds nothing long-lived: the registration token expires, and a bot's LLM key is never in it.
 */
import * as z from "zod";

/** DigitalOcean's bound, in bytes of UTF-8. */
export const USER_DATA_MAX_BYTES = 64 * 1024;

const APT_ITEM = /^[a-z0-9][a-z0-9+.-]*[a-z0-9+](=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?$/;
const NPM_ITEM = /^(@[a-z0-9][a-z0-9._~-]*\/)?[a-z0-9][a-z0-9._~-]*(@[A-Za-z0-9^~][A-Za-z0-9._+-]*)?$/;
const CARGO_ITEM = /^[A-Za-z][A-Za-z0-9_-]*(@[0-9][A-Za-z0-9.+-]*)?$/;

/** A space-separated list. Each item must be a plain package name: no option, no path, nothing a shell would read. */
function itemList(pattern: RegExp, what: string) {
  return z
    .string()
    .default("")
    .refine((list) => items(list).every((item) => pattern.test(item)), `must be ${what}, separated by spaces`)
    .transform((list) => items(list).join(" "));
}

function items(list: string): string[] {
  return list.split(" ").filter((item) => item !== "");
}

const SingleLine = z
  .string()
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: -- refusing control characters is the point
  .regex(/^[^\u0000-\u001f\u007f]*$/, "must be one line without control characters");

/** Any text, but for what the customizer's own parser might take for an option. */
const PersonName = SingleLine.min(1).regex(/^[^-]/, "must not begin with -");

export const BootstrapSettings = z.strictObject({
  node_major: z.int().min(18).max(99).default(24),
  install_pnpm: z.boolean().default(true),
  pnpm_version: z
    .string()
    .regex(/^([0-9][A-Za-z0-9.+-]*)?$/, "must be a version, or empty for the latest")
    .default(""),
  install_rust: z.boolean().default(false),
  rust_toolchain: z
    .string()
    .regex(/^[a-z0-9][A-Za-z0-9._-]*$/, "must be a toolchain such as `stable` or `1.90.0`")
    .default("stable"),
  install_docker: z.boolean().default(false),
  extra_apt_packages: itemList(APT_ITEM, "names of apt packages"),
  global_npm_packages: itemList(NPM_ITEM, "names of npm packages"),
  cargo_crates: itemList(CARGO_ITEM, "names of crates"),
  customizer: z
    .strictObject({
      repo_url: SingleLine.regex(
        /^(https:\/\/[A-Za-z0-9.-]+(:[0-9]+)?\/[A-Za-z0-9._~/-]+)?$/,
        "must be an https URL, or empty to skip",
      ).default("https://github.com/janebot2026/janebot-cli.git"),
      ref: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, "must be a branch, tag or commit")
        .default("4b170b4aa31f79bda84f7383b3992ca8681d06d3"),
      workspace_dir: z
        .string()
        .regex(/^\/opt\/openclaw(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/, "must be a plain path below /opt/openclaw")
        .default("/opt/openclaw/workspace"),
      agent_name: PersonName.default("Jane"),
      owner_name: PersonName.default("Owner"),
      skip_qmd: z.boolean().default(true),
      skip_cron: z.boolean().default(true),
      skip_git: z.boolean().default(true),
      skip_heartbeat: z.boolean().default(true),
    })
    .prefault({}),
  /** Opens port 22 in the droplet's firewall. */
  ssh: z.boolean().default(false),
});
export type BootstrapSettings = z.infer<typeof BootstrapSettings>;

/** The texts of `bootstrap/`, as they are to stand on the droplet. */
export interface BootstrapFiles {
  /** `bootstrap/bootstrap.sh` */
  bootstrap_script: string;
  /** `bootstrap/toolchain.sh` */
  toolchain_script: string;
  /** `bootstrap/identity.sh` */
  identity_script: string;
  /** `bootstrap/guard.sh` */
  guard_script: string;
  /** `bootstrap/launcher.sh` */
  launcher_script: string;
  /** `bootstrap/spawnpoint-bootstrap.service` */
  bootstrap_unit: string;
  /** `bootstrap/spawnpoint-agent.service` */
  agent_unit: string;
  /** `bootstrap/spawnpoint-workload.service` */
  workload_unit: string;
  /** `bootstrap/spawnpoint-launcher@.service` */
  launcher_unit: string;
  /** `bootstrap/spawnpoint-launcher.socket` */
  launcher_socket: string;
}

export interface UserDataInput {
  bot_id: string;
  control_plane_url: string;
  registration_token: string;
  /** `url`: absolute, or a path on the control plane. */
  agent: { url: string; sha256: string };
  bootstrap: BootstrapSettings;
  /** `version`: of the npm package `openclaw`, or `latest`. */
  workload: { version: string; port: number; ready_window_s: number };
  files: BootstrapFiles;
}

/** These end up in unit environments and URLs, where no quoting would save a strange value. */
const Plain = z.object({
  bootstrap: BootstrapSettings,
  bot_id: z.uuid(),
  control_plane_url: z.string().regex(/^https?:\/\/[A-Za-z0-9.:[\]_~/-]+$/),
  registration_token: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/),
  agent: z.object({
    url: z.string().regex(/^(https?:\/)?\/[A-Za-z0-9.:[\]_~/?&=%-]+$/),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  workload: z.object({
    version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+-]*$/),
    port: z.int().min(0).max(65_535),
    ready_window_s: z.number().positive().max(600),
  }),
});

class UserDataError extends Error {
  override name = "UserDataError";
}

const FILE_END = "SPAWNPOINT_END_OF_FILE";

/** @throws UserDataError where a value cannot be carried safely or the result would be too large. */
export function renderUserData(input: UserDataInput): string {
  const plain = Plain.safeParse(input);
  if (!plain.success) {
    const where = plain.error.issues.map((issue) => issue.path.join(".")).join(", ");
    throw new UserDataError(`User-data refused: not a safe value in ${where}`);
  }
  const script = `${[
    "#!/bin/bash",
    `# Spawnpoint: first boot of bot ${input.bot_id}. Tracing stays off: the values below must not reach a log.`,
    "set -euo pipefail",
    "umask 077",
    `root="\${SPAWNPOINT_ROOT:-}"`,
    'mkdir -p "$root/etc/spawnpoint"',
    '(umask 022 && mkdir -p "$root"/opt/spawnpoint "$root"/etc/systemd/system "$root"/var/{lib,log}/spawnpoint)',
    file("/etc/spawnpoint/bootstrap.env", "0600", environmentFile(input)),
    file("/opt/spawnpoint/bootstrap.sh", "0755", input.files.bootstrap_script),
    file("/opt/spawnpoint/toolchain.sh", "0644", input.files.toolchain_script),
    file("/opt/spawnpoint/identity.sh", "0755", input.files.identity_script),
    file("/opt/spawnpoint/guard.sh", "0755", input.files.guard_script),
    file("/opt/spawnpoint/launcher.sh", "0755", input.files.launcher_script),
    file("/etc/systemd/system/spawnpoint-bootstrap.service", "0644", input.files.bootstrap_unit),
    file("/etc/systemd/system/spawnpoint-agent.service", "0644", input.files.agent_unit),
    file("/etc/systemd/system/spawnpoint-workload.service", "0644", input.files.workload_unit),
    file("/etc/systemd/system/spawnpoint-launcher@.service", "0644", input.files.launcher_unit),
    file("/etc/systemd/system/spawnpoint-launcher.socket", "0644", input.files.launcher_socket),
    "# A droplet made from a snapshot brings this file along, but has its own first boot to do.",
    'rm -f "$root/var/lib/spawnpoint/bootstrap.done"',
    "systemctl daemon-reload",
    "systemctl enable spawnpoint-bootstrap.service",
    "systemctl start --no-block spawnpoint-bootstrap.service",
  ].join("\n")}\n`;
  const size = new TextEncoder().encode(script).length;
  if (size >= USER_DATA_MAX_BYTES) {
    throw new UserDataError(
      `User-data refused: ${size} bytes, and DigitalOcean takes less than ${USER_DATA_MAX_BYTES}`,
    );
  }
  return script;
}

/** Writes beside the target and renames, so that a power cut never leaves half a file. */
function file(path: string, mode: string, text: string): string {
  if (text.includes("\0") || text.includes(FILE_END)) throw new UserDataError(`User-data refused: the text of ${path}`);
  const body = text.endsWith("\n") ? text : `${text}\n`;
  return [
    `cat >"$root${path}.new" <<'${FILE_END}'`,
    `${body}${FILE_END}`,
    `chmod ${mode} "$root${path}.new"`,
    `mv -f "$root${path}.new" "$root${path}"`,
  ].join("\n");
}

function environmentFile(input: UserDataInput): string {
  const { bootstrap, workload, agent } = input;
  const { customizer } = bootstrap;
  const values: Record<string, string | number | boolean> = {
    REGISTRATION_TOKEN: input.registration_token,
    BOT_ID: input.bot_id,
    CONTROL_PLANE_URL: input.control_plane_url.replace(/\/+$/, ""),
    AGENT_URL: agent.url,
    AGENT_SHA256: agent.sha256,
    WORKLOAD_VERSION: workload.version,
    WORKLOAD_PORT: workload.port,
    WORKLOAD_READY_WINDOW_S: workload.ready_window_s,
    FIREWALL_SSH: bootstrap.ssh,
    CUSTOMIZER_REPO_URL: customizer.repo_url,
    CUSTOMIZER_REF: customizer.ref,
    CUSTOMIZER_WORKSPACE_DIR: customizer.workspace_dir,
    CUSTOMIZER_AGENT_NAME: customizer.agent_name,
    CUSTOMIZER_OWNER_NAME: customizer.owner_name,
    CUSTOMIZER_SKIP_QMD: customizer.skip_qmd,
    CUSTOMIZER_SKIP_CRON: customizer.skip_cron,
    CUSTOMIZER_SKIP_GIT: customizer.skip_git,
    CUSTOMIZER_SKIP_HEARTBEAT: customizer.skip_heartbeat,
    TOOLCHAIN_NODE_MAJOR: bootstrap.node_major,
    TOOLCHAIN_INSTALL_PNPM: bootstrap.install_pnpm,
    TOOLCHAIN_PNPM_VERSION: bootstrap.pnpm_version,
    TOOLCHAIN_INSTALL_RUST: bootstrap.install_rust,
    TOOLCHAIN_RUST_TOOLCHAIN: bootstrap.rust_toolchain,
    TOOLCHAIN_INSTALL_DOCKER: bootstrap.install_docker,
    TOOLCHAIN_EXTRA_APT_PACKAGES: bootstrap.extra_apt_packages,
    TOOLCHAIN_GLOBAL_NPM_PACKAGES: bootstrap.global_npm_packages,
    TOOLCHAIN_CARGO_CRATES: bootstrap.cargo_crates,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${shellQuote(name, String(value))}\n`)
    .join("");
}

/** One shell word whatever the text: single quotes stop every expansion, and a single quote itself is spliced in. */
function shellQuote(name: string, value: string): string {
  if (/[\0\r\n]/.test(value)) throw new UserDataError(`User-data refused: ${name} is not one line of text`);
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
