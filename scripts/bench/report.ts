/** What was measured, in tables, and against what is wanted. Ratios count: absolute numbers are this machine's. */
import { mark, table } from "../report/table.ts";
import type { Channelled } from "./channels.ts";
import type { HttpRate } from "./http-rates.ts";
import type { Machine } from "./machine.ts";
import type { Making } from "./making.ts";
import type { Latency } from "./stats.ts";

export interface Measured {
  making: Making;
  /** The floor first, then heartbeats. */
  http: HttpRate[];
  channels: Channelled;
}

export interface Target {
  what: string;
  reached: number;
  wanted: string;
  met: boolean;
}

const HEARTBEATS_TO_FLOOR = 0.8;
const PINGS_TO_HEARTBEATS = 5;
const PUSH_P95_MS = 2_000;
const SHOWN_P95_MS = 200;
/** A load that was busier than this may have been what was measured. */
const BUSY = 0.9;

export function judge({ making, http: [floor, beats], channels: { held, push } }: Measured): Target[] {
  const [fewest = Number.NaN] = held.map(({ pings_a_second }) => pings_a_second).sort((a, b) => a - b);
  const beat_rate = beats?.a_second ?? Number.NaN;
  const of_floor = beat_rate / (floor?.a_second ?? Number.NaN);
  const of_beats = fewest / beat_rate;
  const woken = held.reduce((total, { woken }) => total + woken, 0);
  return [
    {
      what: "HTTP heartbeats, as a ratio of the floor",
      reached: of_floor,
      wanted: `≥ ${HEARTBEATS_TO_FLOOR}`,
      met: of_floor >= HEARTBEATS_TO_FLOOR,
    },
    {
      what: "pings, as a ratio of HTTP heartbeats",
      reached: of_beats,
      wanted: `≥ ${PINGS_TO_HEARTBEATS}`,
      met: of_beats >= PINGS_TO_HEARTBEATS,
    },
    { what: "objects woken by pings", reached: woken, wanted: "0", met: woken === 0 },
    {
      what: "a change is with the agent, p95 ms",
      reached: push.fetched_ms.p95,
      wanted: `< ${PUSH_P95_MS}`,
      met: push.fetched_ms.p95 < PUSH_P95_MS,
    },
    {
      what: "a change of the status is on the stream, p95 ms",
      reached: making.shown.shown_ms.p95,
      wanted: `< ${SHOWN_P95_MS}`,
      met: making.shown.shown_ms.p95 < SHOWN_P95_MS,
    },
  ];
}

export function render(machine: Machine, measured: Measured, targets: readonly Target[]): string {
  return [
    machineLines(machine),
    httpTable(measured.http),
    channelTable(measured.channels),
    latencyTable(measured),
    targetTable(targets),
    ...doubts(machine, measured),
  ].join("\n\n");
}

function machineLines({ cpu, cpus, memory_gb, load_average, node, workerd, wrangler, state }: Machine): string {
  return [
    `${cpus} × ${cpu}, ${memory_gb} GB, load average ${load_average} before the run`,
    `one workerd ${workerd} (wrangler ${wrangler}), load from Node ${node} on the same machine`,
    `D1 and objects on disk at ${state}`,
  ].join("\n");
}

function httpTable(rates: readonly HttpRate[]): string {
  const rows = rates.map(({ what, a_second, latency_ms, cpu_us }) => [
    what,
    count(a_second),
    ...quantiles(latency_ms),
    count(cpu_us),
  ]);
  return table(["HTTP, 32 connections", "a second", "p50 ms", "p95 ms", "p99 ms", "workerd µs each"], rows);
}

function channelTable({ held }: Channelled): string {
  const rows = held.map(({ channels, opened_a_second, awake_kb, asleep_kb, pings_a_second, cpu_us, woken }) => [
    count(channels),
    count(opened_a_second),
    awake_kb.toFixed(0),
    asleep_kb.toFixed(0),
    count(pings_a_second),
    cpu_us.toFixed(0),
    count(woken),
  ]);
  const head = ["channels held", "opened a second", "kB each, awake", "kB each, asleep", "pings a second"];
  return table([...head, "workerd µs each", "objects woken"], rows);
}

function latencyTable({ making: { alone, shown, together }, channels: { push, held } }: Measured): string {
  const channels = count(held.at(-1)?.channels ?? 0);
  const rows: [string, Latency][] = [
    ["POST /bots until its answer, one at a time", alone.accepted_ms],
    ["POST /bots until online, cloud and agent without delay", alone.online_ms],
    [`POST /bots until its answer, ${together.at_once} bots being made`, together.accepted_ms],
    [`PATCH config until the agent is told, ${channels} channels held`, push.told_ms],
    ["PATCH config until the agent has fetched it", push.fetched_ms],
    ["PATCH config until it is applied, by an agent without delay", push.applied_ms],
    ["a change of the status until it is on the event stream", shown.shown_ms],
  ];
  return [
    table(
      ["", "p50 ms", "p95 ms", "p99 ms"],
      rows.map(([what, latency]) => [what, ...quantiles(latency)]),
    ),
    `${together.bots} bots made through the API, ${together.at_once} at a time: ${together.a_second.toFixed(1)} a second`,
  ].join("\n");
}

function targetTable(targets: readonly Target[]): string {
  const rows = targets.map(({ what, reached, wanted, met }) => [what, reached.toFixed(2), wanted, mark(met)]);
  return table(["target", "reached", "wanted", ""], rows);
}

function doubts({ cpus, load_average }: Machine, { http, channels: { held } }: Measured): string[] {
  const busy = [...http, ...held].filter(({ load_busy }) => load_busy > BUSY);
  return [
    ...(busy.length > 0 ? ["The load itself was busy all the time: these rates are its own."] : []),
    ...(load_average > cpus / 2 ? ["The machine had other work: only the ratios mean something."] : []),
  ];
}

function quantiles({ p50, p95, p99 }: Latency): string[] {
  return [p50, p95, p99].map((ms) => ms.toFixed(1));
}

function count(amount: number): string {
  return Math.round(amount).toLocaleString("en");
}
