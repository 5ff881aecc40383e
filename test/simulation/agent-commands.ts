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

  /** @param said the results that this is the answer to: they were heard where their commands come no more */
  hear(commands: readonly AgentCommand[], said: readonly CommandResult[]): void {
    for (const { id } of said) if (!commands.some((command) => command.id === id)) this.#owed.delete(id);
    for (const { id } of commands) {
      if (!this.done.has(id)) this.done.set(id, goesWell(id));
      this.#owed.add(id);
    }
  }
}

/** Three in four do. */
function goesWell(id: string): boolean {
  return Number.parseInt(id.slice(-1), 16) >= 4;
}
