/** A simulated agent's side of commands: each is carried out once, and its result is owed until it was heard. */
import { type AgentCommand, type CommandResult, MAX_COMMAND_RESULTS } from "../../src/wire/agent.ts";

export class AgentCommands {
  /** What was carried out on this disk, and whether it went well. */
  readonly done = new Map<string, boolean>();
  readonly #owed = new Set<string>();

  /** What the next status says. */
  results(): CommandResult[] {
    return [...this.#owed].slice(0, MAX_COMMAND_RESULTS).map((id) => ({ id, ok: this.done.get(id) === true }));
  }

  /** How a command ended that takes its time. */
  conclude(id: string, ok: boolean): void {
    this.done.set(id, ok);
    this.#owed.add(id);
  }

  /**
   * @param said the results that this is the answer to: they were heard where their commands come no more
   * @param begin takes a command that takes its time
   */
  hear(commands: readonly AgentCommand[], said: readonly CommandResult[], begin: (id: string) => void): void {
    for (const { id } of said) if (!commands.some((command) => command.id === id)) this.#owed.delete(id);
    for (const { id, kind } of commands) {
      if (kind === "rotate_credential" && !this.done.has(id)) begin(id);
      else this.conclude(id, this.done.get(id) ?? goesWell(id));
    }
  }
}

/** Three in four do. */
function goesWell(id: string): boolean {
  return Number.parseInt(id.slice(-1), 16) >= 4;
}
