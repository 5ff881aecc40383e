import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BootstrapSettings, renderUserData, USER_DATA_MAX_BYTES } from "../../src/provider/user-data.ts";
import { FILES, Sandbox, userDataInput } from "./bootstrap/sandbox.ts";

const settings = (changes: Record<string, unknown>) => BootstrapSettings.parse(changes);
const withNames = (agent_name: string, owner_name = "Owner") =>
  userDataInput({ bootstrap: settings({ customizer: { agent_name, owner_name } }) });

describe("operator settings", () => {
  it("have claw-spawn's defaults, but for today's Node and nothing that a bot does not need", () => {
    expect(settings({})).toEqual({
      node_major: 24,
      install_pnpm: true,
      pnpm_version: "",
      install_rust: false,
      rust_toolchain: "stable",
      install_docker: false,
      extra_apt_packages: "",
      global_npm_packages: "",
      cargo_crates: "",
      customizer: {
        repo_url: "https://github.com/janebot2026/janebot-cli.git",
        ref: "4b170b4aa31f79bda84f7383b3992ca8681d06d3",
        workspace_dir: "/opt/openclaw/workspace",
        agent_name: "Jane",
        owner_name: "Owner",
        skip_qmd: true,
        skip_cron: true,
        skip_git: true,
        skip_heartbeat: true,
      },
      ssh: false,
    });
  });

  it.each([
    ["extra_apt_packages", "htop g++ libssl3=3.0.2-0ubuntu1"],
    ["global_npm_packages", "@scope/tool@1.2.3 typescript@^5.0.0 yarn"],
    ["cargo_crates", "ripgrep just@1.2.0"],
    ["pnpm_version", "9.1.0"],
    ["rust_toolchain", "nightly-2026-01-01"],
  ])("%s takes %j", (name, value) => {
    expect(settings({ [name]: value })).toMatchObject({ [name]: value });
  });

  const POISON = [
    "; id",
    "$(id)",
    "`id`",
    "a;id",
    "a&b",
    "a|b",
    "a>b",
    "-y",
    "--config=x",
    "../x",
    "/etc/x",
    "a\nb",
    "'",
    '"',
    "*",
    "a\tb",
  ];
  it.each(["extra_apt_packages", "global_npm_packages", "cargo_crates", "rust_toolchain", "pnpm_version"])(
    "%s takes nothing that a shell or an option parser would read",
    (name) => {
      for (const value of POISON) expect(BootstrapSettings.safeParse({ [name]: value }).success, value).toBe(false);
    },
  );
  it.each(["repo_url", "ref", "workspace_dir"])("customizer.%s takes none of it either", (name) => {
    for (const value of POISON) {
      expect(BootstrapSettings.safeParse({ customizer: { [name]: value } }).success, value).toBe(false);
    }
  });
  it.each([
    ["repo_url", "http://github.com/a/b"],
    ["repo_url", "https://user:pass@github.com/a/b"],
    ["repo_url", "ext::sh -c id"],
    ["workspace_dir", "/opt/openclaw/../../etc"],
    ["workspace_dir", "/root"],
  ])("customizer.%s refuses %j", (name, value) => {
    expect(BootstrapSettings.safeParse({ customizer: { [name]: value } }).success).toBe(false);
  });
});

describe("user-data", () => {
  it("is a bash script that never traces, below DigitalOcean's bound", () => {
    const text = renderUserData(userDataInput());
    expect(text).toMatch(/^#!\/bin\/bash\n/);
    expect(text).not.toMatch(/set\s+-[a-z]*x|xtrace/);
    expect(new TextEncoder().encode(text).length).toBeLessThan((USER_DATA_MAX_BYTES * 3) / 4);
  });

  it("ends by enabling and starting the bootstrap without waiting for it", () => {
    expect(renderUserData(userDataInput()).trimEnd().split("\n").slice(-3)).toEqual([
      "systemctl daemon-reload",
      "systemctl enable spawnpoint-bootstrap.service",
      "systemctl start --no-block spawnpoint-bootstrap.service",
    ]);
  });

  it("quotes every value as one word", () => {
    const text = renderUserData(withNames("O'Brien", `$(id) \`id\` "x" \\ ; & !`));
    expect(text).toContain(`\nCUSTOMIZER_AGENT_NAME='O'\\''Brien'\n`);
    expect(text).toContain(`\nCUSTOMIZER_OWNER_NAME='$(id) \`id\` "x" \\ ; & !'\n`);
    expect(text).toContain("\nTOOLCHAIN_NODE_MAJOR='24'\n");
  });

  it.each([
    ["a newline", withNames("Jane")],
    ["NUL", withNames("Jane")],
  ])("refuses %s", (what, input) => {
    input.bootstrap.customizer.agent_name = what === "NUL" ? "a\0b" : "a\nb";
    expect(() => renderUserData(input)).toThrow(/refused/);
  });

  it.each([
    ["bot_id", { bot_id: "x'; id" }],
    ["control_plane_url", { control_plane_url: "https://x/$(id)" }],
    ["control_plane_url", { control_plane_url: "javascript:x" }],
    ["registration_token", { registration_token: "x\ny" }],
    ["agent.url", { agent: { url: "file:///etc/passwd", sha256: "a".repeat(64) } }],
    ["agent.sha256", { agent: { url: "/x", sha256: "A" } }],
    ["workload.version", { workload: { version: "1 --evil", port: 1, ready_window_s: 1 } }],
    ["workload.port", { workload: { version: "1", port: 70_000, ready_window_s: 1 } }],
  ])("refuses a strange %s and names it, not its value", (where, changes) => {
    expect(() => renderUserData(userDataInput(changes))).toThrow(`not a safe value in ${where}`);
  });

  it("refuses files that are too large, or that would end their own quoting", () => {
    const render = (bootstrap_script: string) =>
      renderUserData(userDataInput({ files: { ...FILES, bootstrap_script } }));
    expect(() => render("é".repeat(33_000))).toThrow(/takes less than 65536/);
    expect(() => render("echo\nSPAWNPOINT_END_OF_FILE\nid\n")).toThrow(/refused/);
  });
});

describe("run for real", () => {
  let droplet: Sandbox;
  beforeEach(async () => {
    droplet = await new Sandbox().start();
  });
  afterEach(() => droplet.dispose());

  it.each([
    `'; touch "$SANDBOX/pwned"; '`,
    `'"'"'; touch "$SANDBOX/pwned" #`,
    `$(touch "$SANDBOX/pwned")`,
    `\`touch "$SANDBOX/pwned"\``,
    `\\'; touch "$SANDBOX/pwned"; \\'`,
    "SPAWNPOINT_END_OF_VALUES",
    "! !! ~ * ? [a] {a,b} #",
    "名前 — ünïcode",
  ])("carries %j as text and runs none of it", async (text) => {
    const { code } = await droplet.boot(renderUserData(withNames(text, text)));
    expect(code).toBe(0);
    const path = join(droplet.root, "etc/spawnpoint/bootstrap.env");
    const show = `. "$1"; printf '%s|%s' "$CUSTOMIZER_AGENT_NAME" "$CUSTOMIZER_OWNER_NAME"`;
    const env = { SANDBOX: droplet.directory, PATH: "/usr/bin:/bin" };
    const sourced = spawnSync("bash", ["-c", show, "bash", path], { env, encoding: "utf8" });
    expect(sourced.stdout).toBe(`${text}|${text}`);
    expect(droplet.read("pwned")).toBeNull();
    expect(droplet.calls().filter((call) => !call.startsWith("systemctl"))).toEqual([]);
  });

  it("writes every file as it was given, and can be repeated", async () => {
    const user_data = renderUserData(userDataInput());
    await droplet.boot(user_data);
    expect((await droplet.boot(user_data)).code).toBe(0);
    const at = (path: string) => readFileSync(join(droplet.root, path), "utf8");
    expect(at("opt/spawnpoint/bootstrap.sh")).toBe(FILES.bootstrap_script);
    expect(at("opt/spawnpoint/toolchain.sh")).toBe(FILES.toolchain_script);
    expect(at("opt/spawnpoint/identity.sh")).toBe(FILES.identity_script);
    expect(at("opt/spawnpoint/guard.sh")).toBe(FILES.guard_script);
    expect(at("opt/spawnpoint/launcher.sh")).toBe(FILES.launcher_script);
    expect(at("etc/systemd/system/spawnpoint-bootstrap.service")).toBe(FILES.bootstrap_unit);
    expect(at("etc/systemd/system/spawnpoint-agent.service")).toBe(FILES.agent_unit);
    expect(at("etc/systemd/system/spawnpoint-workload.service")).toBe(FILES.workload_unit);
    expect(at("etc/systemd/system/spawnpoint-launcher@.service")).toBe(FILES.launcher_unit);
    expect(at("etc/systemd/system/spawnpoint-launcher.socket")).toBe(FILES.launcher_socket);
  });
});
