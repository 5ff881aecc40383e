/**
 * What is done where the workload lives, by whoever may: the agent itself, or the steward where the workload has a user of
 * its own. Its files are written and read as anybody else's, and OpenClaw is asked about them.
 */
import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AgentConfig } from "../../../src/wire/config.ts";
import { whyUnwritable } from "../base/disk.ts";
import { makePrivateDirectory } from "../base/files.ts";
import { ForeignFileError, makeForeignDirectory, readForeign, setAside, writeForeign } from "../base/foreign-files.ts";
import { describeError, type Log } from "../base/log.ts";
import { checkConfig } from "./config-check.ts";
import { type Prepared, prepareConfigFile } from "./config-file.ts";
import { openclawConfig, rulesFile, type WorkloadPaths } from "./openclaw.ts";
import type { PrepareOrder, Ready, RenewOrder, WarnOrder } from "./orders.ts";
import { endFirst } from "./out-of-memory.ts";
import { whyStartAnew } from "./renewal.ts";
import { SKILL_NAME, tradingSkill, withTradingRules } from "./trading-rules.ts";

const VERSION_TIMEOUT_MS = 20_000;
/** Of the command that is run before the workload is stopped. */
const WARN_TIMEOUT_MS = 10_000;
/** Below the workload's state directory while it is being stopped. */
const WIND_DOWN_FILE = "wind-down.json";
/** Of a file that the workload, a person or a tool may have written. */
const OWN_FILE_MAX_BYTES = 1024 * 1024;

export class Premises {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @throws {BadConfigError} where it cannot work with this config */
  async prepare(order: PrepareOrder, superseded: AbortSignal): Promise<Ready> {
    const { config, paths, command, plain_environment } = order;
    const unwritable = whyUnwritable(paths.state_dir);
    if (unwritable !== null) throw new Error(unwritable);
    makePrivateDirectory(paths.state_dir);
    makeForeignDirectory(paths.state_dir, paths.tmp_dir);
    makePrivateDirectory(dirname(paths.config_path));
    rmSync(join(paths.state_dir, WIND_DOWN_FILE), { force: true, recursive: true });
    this.#write(paths.state_dir, paths.rules_path, rulesFile(config, paths.report_path));
    try {
      this.#writeTradingRules(config, paths);
    } catch (error) {
      // The rules are in `rules_path` as well, and a bot that never starts helps nobody.
      this.#log("workload_rules_not_written", { error: describeError(error) });
    }
    const prepared = await this.#prepareConfigFile(order, superseded);
    return { ...prepared, version: await readVersion(command, plain_environment) };
  }

  #prepareConfigFile(order: PrepareOrder, superseded: AbortSignal): Promise<Prepared> {
    const { command, config, environment, good } = order;
    const path = order.paths.config_path;
    return prepareConfigFile({
      path,
      good,
      read: () => this.#read(dirname(path), path),
      render: (present) => openclawConfig(present, config),
      check: (candidate) => checkConfig(command, { ...environment, OPENCLAW_CONFIG_PATH: candidate }, superseded),
      log: this.#log,
    });
  }

  /** The rules alone are read anew at each turn; whatever else differs takes a start. */
  async renew({ config, paths, running, next }: RenewOrder): Promise<string | null> {
    const path = paths.config_path;
    const present = this.#read(dirname(path), path);
    const why = whyStartAnew(
      { environment: running, file: present },
      { environment: next, file: openclawConfig(present, config) },
    );
    if (why !== null) return why;
    this.#write(paths.state_dir, paths.rules_path, rulesFile(config, paths.report_path));
    this.#writeTradingRules(config, paths);
    return null;
  }

  /** For whatever trades: a file, which is gone at the next start, and a command where one is set. */
  async warn({ paths, command, environment, reason, ends_at }: WarnOrder): Promise<void> {
    const { state_dir } = paths;
    try {
      this.#write(state_dir, join(state_dir, WIND_DOWN_FILE), `${JSON.stringify({ reason, ends_at })}\n`);
    } catch (error) {
      // A full disk keeps nobody from stopping it.
      this.#log("wind_down_file_not_written", { error: describeError(error) });
    }
    if (command === null) return;
    const options = { timeout: WARN_TIMEOUT_MS, env: { ...environment, WIND_DOWN_ENDS_AT: ends_at } };
    await new Promise<void>((done, fail) => {
      endFirst(execFile(command, [], options, (error) => (error === null ? done() : fail(error))).pid);
    });
  }

  /** For the model to read, wherever OpenClaw looks first. */
  #writeTradingRules(config: AgentConfig, { workspace_dir, state_dir }: WorkloadPaths): void {
    const workspace = workspace_dir ?? join(state_dir, "workspace");
    makeForeignDirectory(dirname(workspace), workspace);
    const agents = join(workspace, "AGENTS.md");
    this.#write(workspace, agents, withTradingRules(this.#read(workspace, agents), config));
    const skill = join(workspace, "skills", SKILL_NAME);
    makeForeignDirectory(workspace, skill);
    this.#write(workspace, join(skill, "SKILL.md"), tradingSkill(config));
  }

  /** What stands in the way of the file is moved aside, once. */
  #write(root: string, path: string, text: string): void {
    try {
      writeForeign(root, path, text);
    } catch (error) {
      if (!existsSync(path)) throw error;
      this.#setAside(path, error);
      writeForeign(root, path, text);
    }
  }

  /** What the workload may have put there is moved out of the way where it is no ordinary file. */
  #read(root: string, path: string): string | null {
    try {
      return readForeign(root, path, OWN_FILE_MAX_BYTES);
    } catch (error) {
      this.#setAside(path, error);
      return null;
    }
  }

  /** @throws the error where it is not about the file itself */
  #setAside(path: string, error: unknown): void {
    if (!(error instanceof ForeignFileError)) throw error;
    this.#log("workload_file_set_aside", { reason: error.message, to: setAside(path) });
  }
}

/** Null where it does not say. */
function readVersion(command: string, env: Record<string, string>): Promise<string | null> {
  return new Promise((resolve) => {
    const child = execFile(command, ["--version"], { timeout: VERSION_TIMEOUT_MS, env }, (error, stdout) =>
      resolve(error === null ? (/\d+\.\d+\.\d+[\w.+-]*/.exec(stdout)?.[0]?.slice(0, 64) ?? null) : null),
    );
    endFirst(child.pid);
  });
}
