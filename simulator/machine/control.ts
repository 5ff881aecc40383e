import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { FAULT_KINDS, type FaultRule } from "../model/faults.ts";
import { OPERATIONS } from "../model/routes.ts";
import type { Simulator } from "../model/simulator.ts";
import { HttpError, readJson, sendJson } from "./http.ts";
import type { Machines } from "./machines.ts";

/** What the control endpoints act on. `machines` is null when droplets are no processes. */
export interface Controlled {
  simulator: Simulator;
  machines: Machines | null;
}

const Milliseconds = z.number().min(0);

const Rule = z.strictObject({
  on: z.union([z.enum(OPERATIONS), z.literal("any"), z.array(z.enum(OPERATIONS)).min(1)]),
  fault: z.enum(FAULT_KINDS),
  nth: z.int().positive().optional(),
  times: z.int().positive().optional(),
  probability: z.number().min(0).max(1).optional(),
  status: z.int().min(400).max(599).optional(),
  delay_ms: Milliseconds.optional(),
  duration_ms: Milliseconds.optional(),
  shape: z.enum(["truncated", "empty_object", "missing_fields", "empty_body"]).optional(),
  ends: z.enum(["completed", "errored"]).optional(),
  page: z.int().positive().optional(),
  droplet: z.union([z.int(), z.string()]).optional(),
  retry_after_s: z.number().min(0).optional(),
});
const Rules = z.union([Rule.transform((rule) => [rule]), z.array(Rule).min(1)]);

const Foreign = z.strictObject({
  name: z.string().min(1).max(255),
  tags: z.array(z.string()).optional(),
  region: z.string().optional(),
  size: z.string().optional(),
  user_data: z.string().optional(),
});

const WORLD_EVENTS = ["vanish", "power_off", "power_on", "power_cycle", "freeze", "thaw"] as const;
type WorldEvent = (typeof WORLD_EVENTS)[number];

/** Serves `/_sim/...`: the truth about this cloud, and what a test or a visitor does to it. */
export async function serveControl(
  controlled: Controlled,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { simulator } = controlled;
  switch (`${request.method} ${path}`) {
    case "GET /_sim/droplets":
      return sendJson(response, 200, { droplets: viewDroplets(controlled) });
    case "GET /_sim/requests":
      return sendJson(response, 200, { requests: simulator.requests });
    case "GET /_sim/counters":
      return sendJson(response, 200, {
        ...simulator.counters,
        deletes_by_droplet: Object.fromEntries(simulator.counters.deletes_by_droplet),
      });
    case "POST /_sim/faults": {
      const rules = parse(Rules, await readJson(request)) as FaultRule[];
      return sendJson(response, 201, { added: addRules(simulator, rules) });
    }
    case "DELETE /_sim/faults":
      simulator.script.clear();
      return sendJson(response, 200, { cleared: true });
    case "POST /_sim/foreign": {
      const wanted = parse(Foreign, await readJson(request)) as Parameters<Simulator["addForeignDroplet"]>[0];
      return sendJson(response, 201, { droplet: refuseOnError(() => simulator.addForeignDroplet(wanted)) });
    }
  }
  const event = /^\/_sim\/droplets\/(\d{1,15})\/([a-z_]+)$/.exec(path);
  const kind = WORLD_EVENTS.find((each) => each === event?.[2]);
  if (event === null || kind === undefined) throw new HttpError(404, "no such control endpoint");
  if (request.method !== "POST") throw new HttpError(405, "world events are POSTed");
  await happen(controlled, Number(event[1]), kind);
  sendJson(response, 200, { done: kind });
}

async function happen({ simulator, machines }: Controlled, id: number, event: WorldEvent): Promise<void> {
  if (simulator.droplet(id) === undefined) throw new HttpError(404, `droplet ${id} does not exist`);
  switch (event) {
    case "vanish":
      return simulator.vanish(id);
    case "power_off":
      return simulator.powerOffByHand(id);
    case "power_on":
      return simulator.powerOnByHand(id);
  }
  const machine = machines?.get(id);
  if (machine === undefined || machine.state === "off")
    throw new HttpError(409, `droplet ${id} has no machine running`);
  switch (event) {
    case "power_cycle":
      return machine.powerCycle();
    case "freeze":
      machine.freeze();
      return;
    case "thaw":
      if (!machine.thaw()) throw new HttpError(409, `droplet ${id} is not frozen`);
  }
}

function viewDroplets({ simulator, machines }: Controlled) {
  return simulator.droplets().map(({ id, name, status, powered, tags, public_ipv4, foreign, deleting }) => ({
    id,
    name,
    status,
    powered,
    tags,
    ip: public_ipv4,
    foreign,
    deleting,
    machine: machines?.get(id)?.view() ?? null,
  }));
}

function addRules(simulator: Simulator, rules: readonly FaultRule[]): number {
  return refuseOnError(() => {
    const added = [];
    try {
      for (const rule of rules) added.push(simulator.script.add(rule));
    } catch (error) {
      for (const each of added) each.remove();
      throw error;
    }
    return added.length;
  });
}

function parse<Shape extends z.ZodType>(shape: Shape, value: unknown): z.infer<Shape> {
  const parsed = shape.safeParse(value);
  if (!parsed.success) throw new HttpError(422, z.prettifyError(parsed.error));
  return parsed.data;
}

/** The model throws where a test asks for the impossible: here that is the caller's mistake. */
function refuseOnError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new HttpError(422, error instanceof Error ? error.message : String(error));
  }
}
