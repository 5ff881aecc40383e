import { describe, it } from "vitest";
import { CreateBotRequest } from "../../../src/wire/bot.ts";
import { AgentConfig, ConfigPatch } from "../../../src/wire/config.ts";
import { Environment, EnvironmentPatch, whyReserved } from "../../../src/wire/environment.ts";
import { keyVariable } from "../../../src/wire/models.ts";
import { BOT_REQUEST } from "../../fixtures/bot.ts";

function refusal(environment: unknown) {
  const { error } = Environment.safeParse(environment);
  return error?.issues.map(({ path, message }) => `/${path.join("/")} ${message}`);
}

describe("the name of a further secret", () => {
  it("is what a shell takes for one", async ({ expect }) => {
    for (const name of ["KRAKEN_SECRET", "rpcUrl", "_a", "A1", `A${"b".repeat(127)}`])
      expect(refusal({ [name]: "x" }), name).toBe(undefined);
    for (const name of ["", "1A", "A-B", "A B", "A.B", "A=B", "ÄB", "A\n", "A\u0000B", `A${"b".repeat(128)}`])
      expect(refusal({ [name]: "x" })?.[0], JSON.stringify(name)).toContain("is not a variable name");
  });

  it("is not one that zod would leave out without a word", async ({ expect }) => {
    expect(refusal(JSON.parse('{"__proto__": "x", "A": "y"}'))?.[0]).toContain("is not a variable name");
    const others = JSON.parse('{"constructor": "x", "toString": "y", "hasOwnProperty": "z"}');
    expect(Environment.parse(others)).toEqual(others);
  });

  it.for([
    "PATH HOME SHELL USER PWD IFS ENV BASH_ENV BASH_FUNC_ls PS4 PROMPT_COMMAND TMPDIR TZ LANG LC_ALL XDG_CONFIG_HOME",
    "LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES GCONV_PATH GLIBC_TUNABLES MALLOC_CHECK_ OPENSSL_CONF",
    "NODE_OPTIONS NODE_EXTRA_CA_CERTS NODE_TLS_REJECT_UNAUTHORIZED NPM_CONFIG_REGISTRY PYTHONPATH PERL5LIB RUBYOPT",
    "JAVA_TOOL_OPTIONS _JAVA_OPTIONS CLASSPATH GIT_SSH_COMMAND SSH_AUTH_SOCK EDITOR PAGER LESSOPEN",
    "SSL_CERT_FILE SSL_CERT_DIR SSLKEYLOGFILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE MY_CA_BUNDLE HOSTALIASES RES_OPTIONS",
    "HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY FTP_PROXY GLOBAL_AGENT_HTTP_PROXY",
    "OPENCLAW_GATEWAY_TOKEN OPENCLAW_STATE_DIR SPAWNPOINT_CONFIG_PATH SPAWNPOINT_PAPER_MODE CLAWDBOT_TOKEN",
    "INVOCATION_ID NOTIFY_SOCKET LISTEN_FDS WATCHDOG_USEC CREDENTIALS_DIRECTORY DBUS_SESSION_BUS_ADDRESS",
    "OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_API_KEY OPENROUTER_API_KEY XAI_API_KEY",
  ])("is none of %s, in capitals or not", (names, { expect }) => {
    for (const name of names.split(" "))
      for (const given of [name, name.toLowerCase()])
        expect(refusal({ [given]: "x" }), given).toEqual([`/${given} ${whyReserved(name)}`]);
  });

  it("may be whatever an exchange or a node is called", async ({ expect }) => {
    const names =
      "BINANCE_API_KEY KRAKEN_PRIVATE_KEY RPC_URL SOLANA_WALLET PIP_VALUE TSX_API_KEY PROXY_URL HISTORY_DB_URL " +
      "HOMEPAGE PATHS RUST_LOG PHP_RATE ENVIRONMENT DEEPSEEK_MODEL NODE LD GITHUB_TOKEN MY_PATH";
    for (const name of names.split(" ")) expect(whyReserved(name), name).toBe(null);
  });

  it("is not the variable that carries the bot's own LLM key", async ({ expect }) => {
    const own = { llm_base_url: "https://llm.test/v1", llm_model: "deep-seek/v4" };
    const request = { ...BOT_REQUEST, ...own, llm_provider: "Deep-Seek", environment: { DEEP_SEEK_API_KEY: "x" } };
    expect(keyVariable("Deep-Seek")).toBe("DEEP_SEEK_API_KEY");
    expect(keyVariable("constructor")).toBe("CONSTRUCTOR_API_KEY");
    expect(CreateBotRequest.safeParse(request).error?.issues).toMatchObject([{ path: ["environment"] }]);
    expect(
      CreateBotRequest.safeParse({ ...request, llm_provider: "mistral", llm_model: "mistral/large" }).success,
    ).toBe(true);
  });
});

describe("the value of a further secret", () => {
  it("is any text but NUL, kept as it is", async ({ expect }) => {
    const environment = { A: "", B: "ключ 🔑", C: "-----BEGIN\n\u0001\tkey\n-----END\n", D: " spaced ", E: '"$(id)`' };
    expect(Environment.parse(environment)).toEqual(environment);
  });

  it("is no NUL, no half of a character, no other thing, and is never repeated", async ({ expect }) => {
    for (const value of ["hunter2\u0000", "hunter2\ud800", 5, true, null, ["hunter2"], { hunter2: 1 }]) {
      const said = refusal({ A: value });
      expect(said?.[0], JSON.stringify(value)).toMatch(/^\/A /);
      expect(JSON.stringify(said)).not.toContain("hunter2");
    }
    for (const environment of [[], "A=1", 5, null]) expect(refusal(environment)).toHaveLength(1);
  });

  it("is removed by null in a patch, and only there", async ({ expect }) => {
    expect(EnvironmentPatch.parse({ A: null, B: "b" })).toEqual({ A: null, B: "b" });
    expect(EnvironmentPatch.safeParse({ PATH: null }).success, "it may have been allowed once").toBe(true);
    expect(EnvironmentPatch.safeParse({ "no name": null }).success).toBe(false);
    expect(CreateBotRequest.safeParse({ ...BOT_REQUEST, environment: { A: null } }).success).toBe(false);
    expect(ConfigPatch.safeParse({ environment: { A: null } }).success).toBe(true);
    for (const nothing of [{ environment: {} }, { environment: {}, note: "why" }])
      expect(ConfigPatch.safeParse(nothing).success).toBe(false);
  });
});

describe("all of them together", () => {
  it("are at most 100 names and 32 KiB, counted as UTF-8 with the names", async ({ expect }) => {
    const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`N${n}`, "x"]));
    expect(refusal(names(100))).toBe(undefined);
    expect(refusal(names(101))).toEqual(["/ has 101 variables, more than 100"]);
    expect(refusal({ A: "x".repeat(32 * 1024 - 1) })).toBe(undefined);
    expect(refusal({ A: "x".repeat(32 * 1024 - 1), B: "" })).toEqual(["/ is larger than 32768 bytes"]);
    expect(refusal({ AB: "é".repeat(16 * 1024 - 1) })).toBe(undefined);
    expect(refusal({ ABC: "é".repeat(16 * 1024 - 1) })).toEqual(["/ is larger than 32768 bytes"]);
  });

  it("are none where a control plane that is older than its agent says nothing of them", async ({ expect }) => {
    const secrets = AgentConfig.shape.secrets.parse({ llm_provider: "openai", llm_api_key: "k" });
    expect(secrets.environment).toEqual({});
  });
});
