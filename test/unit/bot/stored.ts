import { Waiters } from "../../../src/bot/calls/wait.ts";
import { openShell } from "../../../src/bot/followers.ts";
import { defaultPolicy } from "../../../src/bot/model/policy.ts";
import type { Platform } from "../../../src/bot/shell/ports.ts";
import type { BotShell } from "../../../src/bot/shell/shell.ts";
import { Store } from "../../../src/bot/shell/store.ts";
import type { ConfigRow } from "../../../src/records/rows.ts";
import type { Vault } from "../../../src/secrets/vault.ts";
import { SqliteStorage } from "../../simulation/sqlite-storage.ts";
import { type Life, recordedOf } from "./life.ts";

const vault: Vault = { seal: async (text) => text, open: async (envelope) => envelope };

/** The bot of a life, stored and opened again, so that it can be asked. It can reach nobody unless `more` says so. */
export function stored(
  life: Life,
  more: Partial<Platform> = {},
  storage = new SqliteStorage(),
  waiters = new Waiters(),
  config: Partial<ConfigRow> = {},
): BotShell {
  const { bot, rt, history } = life;
  const store = new Store(storage);
  store.migrate();
  for (const event of recordedOf(history)) store.history.append(event);
  store.save(bot);
  store.saveRuntime(rt);
  store.saveOperation(bot.operation);
  store.saveConfig({ ...configRow(bot.id, bot.config.desired), ...config });
  const nobody = () => Promise.reject(new Error("this bot can reach nobody"));
  const platform: Platform = {
    sql: storage.sql,
    transactionSync: (run) => storage.transactionSync(run),
    setAlarm: (at) => storage.setAlarm(at),
    now: () => life.now,
    random: () => 0.5,
    randomBytes: (count) => new Uint8Array(count),
    uuid: () => crypto.randomUUID(),
    provider: {
      createDroplet: nobody,
      getDroplet: nobody,
      listDroplets: nobody,
      deleteDroplet: nobody,
      dropletAction: nobody,
      getAction: nobody,
      getAccount: nobody,
    },
    gate: { permit: nobody, report: nobody },
    index: { push: nobody },
    vault,
    sockets: { open: () => [] },
    plan: { region: "nyc3", size: "s-1vcpu-2gb", image: "ubuntu-22-04-x64", ssh_keys: [], userData: () => "" },
    policy: defaultPolicy,
    log: () => undefined,
    ...more,
  };
  return openShell(platform, waiters);
}

function configRow(bot_id: string, { id, version }: { id: string; version: number }): ConfigRow {
  return {
    id,
    bot_id,
    version,
    restored_from: null,
    trading_config: {
      asset_focus: "majors",
      algorithm: "trend",
      strictness: "low",
      paper_mode: true,
      signal_knobs: null,
    },
    risk_config: { max_position_size_pct: 1, max_daily_loss_pct: 1, max_drawdown_pct: 1, max_trades_per_day: 1 },
    llm_provider: "anthropic",
    llm_model: null,
    llm_base_url: null,
    llm_api_key: "sk-plain",
    llm_api_key_last4: null,
    llm_api_key_updated_at: 0,
    environment: null,
    environment_names: [],
    note: null,
    author: "operator",
    created_at: 0,
  };
}
