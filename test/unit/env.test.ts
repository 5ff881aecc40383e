import { createHash, randomBytes } from "node:crypto";
import { describe, it } from "vitest";
import { readSettings } from "../../src/env.ts";

// It stands in the titles of tests, which are the same in every run.
const KEY = createHash("sha256").update("a key").digest("base64");
const TOKEN = `dop_v1_${randomBytes(32).toString("hex")}`;
const GOOD = {
  ENVIRONMENT: "production",
  PUBLIC_URL: "https://bots.acme.test",
  DIGITALOCEAN_TOKEN: TOKEN,
  ENCRYPTION_KEYS: `main:${KEY}`,
  OPERATOR_TOKEN_SHA256: createHash("sha256").update("x").digest("hex"),
  SESSION_SECRET: randomBytes(32).toString("base64"),
};

function complaint(env: object): string {
  try {
    readSettings(env);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("these settings were taken");
}

describe("settings", () => {
  it("have defaults for all but what nobody can guess", async ({ expect }) => {
    const { ENVIRONMENT: _, ...least } = GOOD;
    expect(readSettings(least)).toMatchObject({
      ENVIRONMENT: "production",
      DIGITALOCEAN_API_URL: "https://api.digitalocean.com",
      DROPLET_REGION: "nyc3",
      DROPLET_SIZE: "s-1vcpu-2gb",
      DROPLET_IMAGE: "ubuntu-22-04-x64",
      WORKLOAD_PORT: 18_789,
      BOOTSTRAP: { node_major: 24 },
      POLICY: { create_tries: 3, call_timeout_ms: 30_000 },
    });
  });

  const TAKEN: [setting: string, given: string, read: unknown][] = [
    ["PUBLIC_URL", "https://bots.acme.test/", "https://bots.acme.test"],
    ["PUBLIC_URL", "https://acme.test/bots//", "https://acme.test/bots"],
    ["ALLOWED_ORIGINS", "", []],
    ["ALLOWED_ORIGINS", "https://a.acme.test, https://b.acme.test", ["https://a.acme.test", "https://b.acme.test"]],
    ["REQUESTS_PER_MINUTE", "250", 250],
    ["DROPLET_REGION", "fra1", "fra1"],
    ["DROPLET_SSH_KEY", "", ""],
    ["DROPLET_SSH_KEY", "289794", "289794"],
    ["DROPLET_SSH_KEY", "3b:16:e4:bf:8b:00", "3b:16:e4:bf:8b:00"],
    ["OPENCLAW_VERSION", "2026.11.3", "2026.11.3"],
    ["WORKLOAD_PORT", "0", 0],
    ["WORKLOAD_READY_WINDOW_S", "0.5", 0.5],
  ];
  for (const [setting, given, read] of TAKEN) {
    it(`${setting}=${given || '""'} is taken`, async ({ expect }) => {
      expect(readSettings({ ...GOOD, [setting]: given })).toMatchObject({ [setting]: read });
    });
  }

  it("in JSON change what they name and nothing else", async ({ expect }) => {
    const settings = readSettings({ ...GOOD, POLICY: '{"create_tries":5}', BOOTSTRAP: '{"install_rust":true}' });
    expect(settings).toMatchObject({ POLICY: { create_tries: 5, power_tries: 3 }, BOOTSTRAP: { install_rust: true } });
  });

  for (const setting of ["PUBLIC_URL", "DIGITALOCEAN_TOKEN", "ENCRYPTION_KEYS", "OPERATOR_TOKEN_SHA256"]) {
    it(`without ${setting} do not do, and say so`, async ({ expect }) => {
      expect(complaint({ ...GOOD, [setting]: undefined })).toContain(`\n${setting}: `);
    });
  }

  const REFUSED: [setting: string, given: string][] = [
    ["ENVIRONMENT", "staging"],
    ["PUBLIC_URL", "bots.acme.test"],
    ["PUBLIC_URL", "ftp://bots.acme.test"],
    ["DIGITALOCEAN_API_URL", "api"],
    ["DIGITALOCEAN_TOKEN", "short"],
    ["ENCRYPTION_KEYS", "main:AAAA"],
    ["SESSION_SECRET", "too short"],
    ["ALLOWED_ORIGINS", "https://app.acme.test/page"],
    ["ALLOWED_ORIGINS", "https://app.acme.test, *"],
    ["SIGN_UP", "maybe"],
    ["MAIL_WEBHOOK_URL", "mail"],
    ["REQUESTS_PER_MINUTE", "0"],
    ["CREATES_PER_HOUR", "none"],
    ["OPERATOR_TOKEN_SHA256", "sp_op_plain"],
    ["OPERATOR_TOKEN_SHA256", GOOD.OPERATOR_TOKEN_SHA256.toUpperCase()],
    ["DROPLET_REGION", "NYC 3"],
    ["DROPLET_SIZE", ""],
    ["DROPLET_IMAGE", "../etc"],
    ["DROPLET_SSH_KEY", "ssh-ed25519 AAAA"],
    ["OPENCLAW_VERSION", "latest; id"],
    ["OPENCLAW_VERSION", "latest"],
    ["WORKLOAD_PORT", "65536"],
    ["WORKLOAD_PORT", "http"],
    ["WORKLOAD_READY_WINDOW_S", "0"],
    ["WORKLOAD_READY_WINDOW_S", "121"],
    ["BOOTSTRAP", "{"],
    ["BOOTSTRAP", '{"install_everything":true}'],
    ["POLICY", "[]"],
    ["POLICY", '{"create_tries":0}'],
    ["POLICY", '{"create_trys":4}'],
  ];
  for (const [setting, given] of REFUSED) {
    it(`${setting}=${given || '""'} is refused by name`, async ({ expect }) => {
      expect(complaint({ ...GOOD, [setting]: given })).toMatch(new RegExp(`^Spawnpoint cannot start.*\n${setting}`));
    });
  }

  it("that are wrong are all named at once", async ({ expect }) => {
    const message = complaint({ ...GOOD, PUBLIC_URL: "x", DROPLET_SIZE: "" });
    expect(message).toMatch(/\nPUBLIC_URL: .*\nDROPLET_SIZE: /);
  });
});

describe("in production", () => {
  const REFUSED: [changes: Record<string, string>, sentence: string][] = [
    [{ PUBLIC_URL: "http://bots.acme.test" }, "PUBLIC_URL: must use https"],
    [{ PUBLIC_URL: "https://localhost:8787" }, "PUBLIC_URL: points at this machine"],
    [{ PUBLIC_URL: "https://127.0.0.1" }, "PUBLIC_URL: points at this machine"],
    [{ PUBLIC_URL: "https://[::1]" }, "PUBLIC_URL: points at this machine"],
    [{ PUBLIC_URL: "https://spawnpoint.example.com" }, "PUBLIC_URL: still has the example value"],
    [{ PUBLIC_URL: "https://example.com" }, "PUBLIC_URL: still has the example value"],
    [{ DIGITALOCEAN_API_URL: "http://api.digitalocean.com" }, "DIGITALOCEAN_API_URL: must use https"],
    [{ DIGITALOCEAN_API_URL: "http://localhost:9090" }, "DIGITALOCEAN_API_URL: points at this machine"],
    [{ DIGITALOCEAN_TOKEN: "dop_v1_simulator" }, "DIGITALOCEAN_TOKEN: is the simulator's token"],
    [{ SESSION_SECRET: `local-${KEY}` }, "SESSION_SECRET: was made for a local system"],
    [{ SIGN_UP: "open" }, "MAIL_WEBHOOK_URL: is required for open sign-up"],
    [{ MAIL_WEBHOOK_URL: "http://mail.acme.test" }, "MAIL_WEBHOOK_URL: must use https"],
  ];
  for (const [changes, sentence] of REFUSED) {
    it(`${Object.values(changes)} is refused`, async ({ expect }) => {
      const message = complaint({ ...GOOD, ...changes });
      expect(message).toContain("refuses to start in production");
      expect(message).toContain(sentence);
    });

    it(`${Object.values(changes)} is fine on a laptop`, async ({ expect }) => {
      expect(readSettings({ ...GOOD, ENVIRONMENT: "development", ...changes })).toMatchObject(changes);
    });
  }

  it("keys and origins of a local system are refused", async ({ expect }) => {
    expect(complaint({ ...GOOD, ENCRYPTION_KEYS: `local:${KEY}` })).toContain(
      "ENCRYPTION_KEYS: contains a key of a local system",
    );
    expect(complaint({ ...GOOD, ALLOWED_ORIGINS: "http://localhost:5173" })).toContain(
      "ALLOWED_ORIGINS: must use https",
    );
  });

  it("is where one is unless one says otherwise", async ({ expect }) => {
    const { ENVIRONMENT: _, ...unsaid } = { ...GOOD, PUBLIC_URL: "http://bots.acme.test" };
    expect(complaint(unsaid)).toContain("refuses to start in production");
  });

  it("a name that only looks like the example's is fine", async ({ expect }) => {
    expect(readSettings({ ...GOOD, PUBLIC_URL: "https://myexample.com" })).toMatchObject({
      PUBLIC_URL: "https://myexample.com",
    });
  });
});

describe("a complaint", () => {
  const SECRETS = {
    DIGITALOCEAN_TOKEN: "hush-77",
    SESSION_SECRET: "hush-session",
    ENCRYPTION_KEYS: `main:${KEY},main:${KEY}`,
    OPERATOR_TOKEN_SHA256: "hush-the-operator",
  };

  it("never shows a secret", async ({ expect }) => {
    const wrong = complaint({ ...GOOD, ...SECRETS });
    const laptop = complaint({ ...GOOD, DIGITALOCEAN_TOKEN: "dop_v1_simulator_hush" });
    for (const secret of ["hush", KEY, TOKEN]) expect(wrong + laptop).not.toContain(secret);
  });
});
