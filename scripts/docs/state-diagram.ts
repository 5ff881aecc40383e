/** How a bot comes from one status to another, as a Mermaid diagram, and what may be asked of it when, as a table. */
import type { EventKind } from "../../src/bot/model/events.ts";
import { apply, applyFirst } from "../../src/bot/model/fold.ts";
import { BOT_STATUSES, type BotStatus } from "../../src/wire/enums.ts";
import type { Life } from "../../test/unit/bot/life.ts";
import { ASKS, type Ask, BUSY, BY_ITSELF, fulfil, SITUATIONS, verdictOf } from "./lives.ts";

interface Edge {
  from: BotStatus;
  to: BotStatus;
  label: string;
}

/** Events that change a status, in words; others are shown by their kind. In brackets, unlike what is asked for. */
const WORDS: Readonly<Partial<Record<EventKind, string>>> = {
  droplet_observed: "droplet on",
  intent_opened: "droplet requested",
  config_applied: "config applied",
  operation_cancelled: "create cancelled",
  operation_failed: "gave up",
  agent_silent: "agent silent",
  agent_heard: "agent heard",
  generation_started: "new generation",
};
/** From these sets of statuses an arrow is drawn once, where it starts from each of them. */
const ALIVE: readonly BotStatus[] = BOT_STATUSES.filter((status) => status !== "destroyed");
const FREE: readonly BotStatus[] = ALIVE.filter((status) => status !== "suspended");

const VERDICTS = { start: "starts", same: "already so", refuse: "409" } as const;

/** @throws where there is no situation for some status */
export function stateDiagram(): string {
  const shown = new Set(SITUATIONS.map(([, life]) => life().bot.status));
  const missing = BOT_STATUSES.filter((status) => !shown.has(status));
  if (missing.length > 0) throw new Error(`scripts/docs/lives.ts has no bot that is ${missing.join(" or ")}`);
  const edges = distinct([
    ...SITUATIONS.flatMap(askedEdges),
    ...BY_ITSELF.flatMap(([before, then]) => edgesOf(before, then)),
  ]);
  const ofAll = edges.filter((edge) => everywhere(edges, edge, ALIVE));
  const ofFree = edges.filter((edge) => !ofAll.includes(edge) && everywhere(edges, edge, FREE));
  const single = edges.filter((edge) => !ofAll.includes(edge) && !ofFree.includes(edge));
  return [
    "stateDiagram-v2",
    "  direction LR",
    '  state "not destroyed" as alive {',
    '    state "not suspended" as free {',
    "      [*] --> pending: POST /bots",
    ...arrows(single.filter(({ from, to }) => FREE.includes(from) && FREE.includes(to))).map((line) => `      ${line}`),
    "    }",
    ...arrows(ofFree.map((edge) => ({ ...edge, from: "free" }))).map((line) => `    ${line}`),
    ...arrows(single.filter(({ from }) => from === "suspended")).map((line) => `    ${line}`),
    "  }",
    ...arrows(ofAll.map((edge) => ({ ...edge, from: "alive" }))).map((line) => `  ${line}`),
    "  destroyed --> [*]",
  ].join("\n");
}

/** What each ask comes to in each situation. */
export function actionTable(): string {
  const rows = [...SITUATIONS, ...BUSY].map(([situation, life]) => {
    const { bot } = life();
    return [situation, `\`${bot.status}\``, ...ASKS.map((ask) => VERDICTS[verdictOf(bot, ask)])];
  });
  return markdownTable([["a bot that is", "status", ...ASKS], ...rows]);
}

function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const [first = "", ...others] = rows.map(line);
  return [first, line(widths.map((width) => "-".repeat(width))), ...others].join("\n");
}

function askedEdges([, life]: (typeof SITUATIONS)[number]): Edge[] {
  return ASKS.filter((ask) => verdictOf(life().bot, ask) === "start").flatMap((ask) =>
    edgesOf(life, (begun) => fulfil(begun, ask), ask),
  );
}

/** The changes of status from here on. The first one is the ask's doing, if there was one. */
function edgesOf(before: () => Life, then: (life: Life) => Life, ask?: Ask): Edge[] {
  const { revision } = before().bot;
  const [first, ...events] = then(before()).history;
  if (first === undefined) return [];
  const edges: Edge[] = [];
  let bot = applyFirst(first);
  for (const event of events) {
    const next = apply(bot, event);
    if (event.seq > revision && next.status !== bot.status) {
      const word = WORDS[event.kind] ?? event.kind.replaceAll("_", " ");
      edges.push({ from: bot.status, to: next.status, label: edges.length === 0 && ask ? ask : `(${word})` });
    }
    bot = next;
  }
  return edges;
}

function everywhere(edges: readonly Edge[], { to, label }: Edge, froms: readonly BotStatus[]): boolean {
  return froms.every((from) => edges.some((edge) => edge.from === from && edge.to === to && edge.label === label));
}

function distinct(edges: readonly Edge[]): Edge[] {
  return [...new Map(edges.map((edge) => [JSON.stringify(edge), edge])).values()];
}

/** One arrow for each pair, with all its labels, in the order of the statuses. */
function arrows(edges: readonly { from: string; to: BotStatus; label: string }[]): string[] {
  const pairs = Map.groupBy(edges, ({ from, to }) => `${from} --> ${to}`);
  const rank = (pair: string) => BOT_STATUSES.findIndex((status) => pair.startsWith(`${status} `));
  return [...pairs]
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([pair, same]) => `${pair}: ${[...new Set(same.map(({ label }) => label))].join(", ")}`);
}
