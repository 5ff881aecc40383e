/** Routes with a body: one that fits, and for each of its fields what must be refused. */
import { heartbeat, type TestAgent } from "./agent.ts";
import { botRequest } from "./cloud.ts";

type Json = Record<string, unknown>;

/** A route with a body, and for each field the values that it must refuse. `undefined` leaves the field out. */
export interface Route {
  method: string;
  path: string;
  valid: Json;
  wrong: Record<string, unknown[]>;
  /** Agents may be newer than the control plane: what they say besides is skipped. */
  lenient?: boolean;
}

/** What the routes with an id are about. */
interface About {
  agent: TestAgent;
  account: string;
}

const TEXT_AS_NUMBER = [undefined, null, "10", true];
const PERCENT = [...TEXT_AS_NUMBER, -0.1, 100.1];
const ENUM = [undefined, null, 1, "", "unheard_of"];
const CONFIG_WRONG = {
  asset_focus: [...ENUM, "Majors"],
  custom_assets: [
    null,
    "SOL",
    [],
    ["sol"],
    ["SOL", "SOL"],
    [1],
    ["A".repeat(21)],
    Array.from({ length: 101 }, (_, n) => `A${n}`),
  ],
  algorithm: [...ENUM, "Trend"],
  strictness: [...ENUM, "MEDIUM"],
  paper_mode: [undefined, null, "true", 1],
  signal_knobs: [
    "on",
    {},
    { volume_confirmation: true },
    { ...knobs(), liquidity_filter: "Medium" },
    { ...knobs(), more: true },
  ],
  max_position_size_pct: PERCENT,
  max_daily_loss_pct: PERCENT,
  max_drawdown_pct: PERCENT,
  max_trades_per_day: [...TEXT_AS_NUMBER, -1, 1.5, 2_147_483_648],
  llm_provider: [undefined, null, 5, "", "1st", "two words", "x".repeat(101)],
  background_turns: ["", "on", 0],
  llm_model: ["", "claude", "/claude", "anthropic/", "anthropic/two words", "Anthropic/x", 5],
  llm_base_url: [
    "",
    "llm.test",
    "http://llm.test",
    "https://u:p@llm.test",
    "https://llm.test/?k=1",
    "ftp://llm.test",
    5,
  ],
  llm_api_key: [undefined, null, 5, "", "two words", "ключ", "line\nbreak", "k".repeat(4097)],
  environment: [
    ...[null, "A=1", ["A"], Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`N${n}`, ""]))],
    ...["not a name", "PATH", "https_proxy", "OPENAI_API_KEY"].map((name) => ({ [name]: "x" })),
    ...[5, "x\u0000", "x".repeat(32 * 1024)].map((A) => ({ A })),
  ],
};
/** Half a surrogate pair: D1 would keep another text. */
export const HALF = "9+\ud800";
const SHA = "a".repeat(64);
const IDENTITY_WRONG = {
  droplet_id: [undefined, null, "1", 0, -1, 1.5],
  boot_id: [undefined, null, 5, "", "b".repeat(65)],
};

/** By method and path. */
export const BODIES: Record<string, (about: About) => Route> = {
  "POST /accounts": () => ({
    method: "POST",
    path: "/accounts",
    valid: { external_id: crypto.randomUUID(), tier: "pro" },
    wrong: { external_id: [undefined, null, 5, "", "x".repeat(256), "a\u0000b", "a\nb", HALF], tier: [...ENUM, "Pro"] },
  }),
  "PATCH /accounts/:id": ({ account }) => ({
    method: "PATCH",
    path: `/accounts/${account}`,
    valid: { tier: "basic" },
    wrong: { tier: [null, ...ENUM.filter((value) => value !== undefined)], external_id: [null, 5, "", HALF] },
  }),
  "POST /bots": ({ account }) => ({
    method: "POST",
    path: "/bots",
    valid: botRequest(account),
    wrong: {
      account_id: [undefined, null, 5, "not-a-uuid", ""],
      name: [undefined, null, 5, "", "   ", "n".repeat(257)],
      persona: [...ENUM, "Beginner"],
      ...CONFIG_WRONG,
    },
  }),
  "PATCH /bots/:id": ({ agent }) => ({
    method: "PATCH",
    path: `/bots/${agent.bot_id}`,
    valid: { name: "Early Bird" },
    wrong: {
      name: [null, 5, "", "  ", "n".repeat(257)],
      persona: [null, "expert"],
      policies: [null, "auto", { healing: "pray" }, { start: "later" }, { start: "auto", more: 1 }],
    },
  }),
  "PATCH /bots/:id/config": ({ agent }) => ({
    method: "PATCH",
    path: `/bots/${agent.bot_id}/config`,
    valid: { strictness: "low", note: "calmer" },
    wrong: {
      ...withoutMissing(CONFIG_WRONG),
      note: [null, 5, "n".repeat(501), HALF],
      version: [2],
      account_id: [crypto.randomUUID()],
    },
  }),
  "POST /bots/:id/config/rollback": ({ agent }) => ({
    method: "POST",
    path: `/bots/${agent.bot_id}/config/rollback`,
    valid: { to_version: 1 },
    wrong: { to_version: [undefined, null, "1", 0, -1, 1.5] },
  }),
  "POST /bots/:id/actions": ({ agent }) => ({
    method: "POST",
    path: `/bots/${agent.bot_id}/actions`,
    valid: { action: "destroy" },
    wrong: { action: [...ENUM, "Destroy", "suspend", "heal"] },
  }),
  "POST /operator/bots/:id/suspend": ({ agent }) => ({
    method: "POST",
    path: `/operator/bots/${agent.bot_id}/suspend`,
    valid: { reason: "payment_failed" },
    wrong: { reason: [undefined, null, 5, "", "  ", "r".repeat(201), "line\nbreak", "a\u0000b", HALF] },
  }),
  "POST /bots/:id/security/acknowledge": ({ agent }) => ({
    method: "POST",
    path: `/bots/${agent.bot_id}/security/acknowledge`,
    valid: { reason: "seen" },
    wrong: { reason: [undefined, null, 5, "", "  ", "r".repeat(201), "line\nbreak", "a\u0000b", HALF] },
  }),
  "POST /bots/:id/holds/breach/release": ({ agent }) => ({
    method: "POST",
    path: `/bots/${agent.bot_id}/holds/breach/release`,
    valid: { reason: "seen" },
    wrong: { reason: [undefined, null, 5, "", "  ", "r".repeat(201), "line\nbreak", "a\u0000b", HALF] },
  }),
  "POST /bot/:id/credential": ({ agent }) => ({
    method: "POST",
    path: `/bot/${agent.bot_id}/credential`,
    valid: { credential_sha256: SHA, droplet_id: agent.droplet_id, boot_id: "boot" },
    wrong: { credential_sha256: [undefined, null, 5, "a".repeat(63), "A".repeat(64)], ...IDENTITY_WRONG },
    lenient: true,
  }),
  "POST /bot/register": ({ agent }) => ({
    method: "POST",
    path: "/bot/register",
    valid: { bot_id: agent.bot_id, credential_sha256: SHA, droplet_id: agent.droplet_id, boot_id: "boot" },
    wrong: {
      bot_id: [undefined, null, 5, "not-a-uuid"],
      credential_sha256: [undefined, null, 5, "a".repeat(63), "A".repeat(64)],
      agent_version: [null, 5, "v".repeat(65)],
      ...IDENTITY_WRONG,
    },
    lenient: true,
  }),
  "POST /bot/:id/stage": ({ agent }) => ({
    method: "POST",
    path: `/bot/${agent.bot_id}/stage`,
    valid: { stage: "node", droplet_id: agent.droplet_id, boot_id: "boot" },
    wrong: { stage: ENUM, detail: [null, 5, "d".repeat(501)], ...IDENTITY_WRONG },
    lenient: true,
  }),
  "POST /bot/:id/config_ack": ({ agent }) => ({
    method: "POST",
    path: `/bot/${agent.bot_id}/config_ack`,
    valid: { config_id: crypto.randomUUID() },
    wrong: {
      config_id: [undefined, null, 5, "1"],
      result: [null, "maybe"],
      workload: [null, "idle"],
      reason: [null, 5, "r".repeat(501)],
    },
    lenient: true,
  }),
  "POST /bot/:id/heartbeat": ({ agent }) => ({
    method: "POST",
    path: `/bot/${agent.bot_id}/heartbeat`,
    valid: { ...heartbeat, droplet_id: agent.droplet_id, boot_id: "boot" },
    wrong: {
      agent_version: [undefined, null, 5, "v".repeat(65)],
      workload: [
        undefined,
        null,
        "running",
        {},
        { state: "idle", version: null, restarts: 0 },
        { state: "running", version: null, restarts: -1 },
      ],
      applied_config_id: [undefined, 5, "1"],
      load: [undefined, "1", -1],
      report: ["all is well", null, {}, { equity: "1", daily_pnl: 0, drawdown_pct: 0, trades_today: 0 }],
      report_error: [5, "x".repeat(301)],
      mem: [undefined, "1", -0.1, 1.1],
      disk: [undefined, "1", -0.1, 1.1],
      command_results: [null, [{}], Array.from({ length: 17 }, () => ({ id: crypto.randomUUID(), ok: true }))],
      ...IDENTITY_WRONG,
    },
    lenient: true,
  }),
};

export function knobs() {
  return { volume_confirmation: true, volatility_brake: true, liquidity_filter: "low", correlation_brake: false };
}

/** In a patch every field may be left out. */
function withoutMissing(wrong: Record<string, unknown[]>) {
  return Object.fromEntries(
    Object.entries(wrong).map(([field, values]) => [field, values.filter((value) => value !== undefined)]),
  );
}
