import { INSTANT_KNOBS } from "../../../simulator/model/knobs.ts";
import { Simulator, type SimulatorOptions } from "../../../simulator/model/simulator.ts";

/** A droplet as answers show it, as far as the tests look at it. */
interface ShownDroplet {
  id: number;
  name: string;
  status: string;
  locked: boolean;
  tags: string[];
  networks: { v4: { ip_address: string; type: string }[]; v6: unknown[] };
  vpc_uuid?: string;
  region: { slug: string };
}

interface ShownAction {
  id: number;
  type: string;
  status: string;
  completed_at: string | null;
}

/** Any answer of the API: each field is present only in some. */
interface Body {
  id: string;
  message: string;
  droplet: ShownDroplet;
  droplets: ShownDroplet[];
  action: ShownAction;
  actions: ShownAction[];
  links: { actions: { id: number; rel: string; href: string }[]; pages?: Record<string, string> };
  meta: { total: number };
  account: { droplet_limit: number; team: { uuid: string } };
  error_attributes: { available_regions: string[] };
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  body: Body;
}

export const ORDER = { name: "bot-1", region: "nyc3", size: "s-1vcpu-2gb", image: "ubuntu-22-04-x64", tags: ["fleet"] };
export const BASE = "https://api.digitalocean.com";

/** A simulator with a clock that only moves when told to, and short words for the calls. */
export class Cloud {
  now = Date.UTC(2026, 10, 20, 12);
  readonly sim: Simulator;

  constructor(options: Partial<SimulatorOptions> = {}) {
    this.sim = new Simulator({ now: () => this.now, random: randomFrom(7), ...options });
  }

  /** A cloud without delays. */
  static instant(options: Partial<SimulatorOptions> = {}): Cloud {
    return new Cloud({ ...options, knobs: { ...INSTANT_KNOBS, ...options.knobs } });
  }

  /** Moves the clock, in milliseconds. */
  wait(ms: number): void {
    this.now += ms;
  }

  async call(method: string, path: string, body?: unknown, token = "dop_v1_simulator"): Promise<Reply> {
    const init: RequestInit = { method, headers: { authorization: `Bearer ${token}` } };
    if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
    const response = await this.sim.fetch(`${BASE}${path}`, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  }

  get(path: string): Promise<Reply> {
    return this.call("GET", path);
  }

  create(more: Record<string, unknown> = {}): Promise<Reply> {
    return this.call("POST", "/v2/droplets", { ...ORDER, ...more });
  }

  /** Creates and waits until the droplet has everything. Returns its id. */
  async active(more: Record<string, unknown> = {}): Promise<number> {
    const { body } = await this.create(more);
    this.wait(120_000);
    this.sim.advance();
    return body.droplet.id;
  }

  act(id: number, type: string): Promise<Reply> {
    return this.call("POST", `/v2/droplets/${id}/actions`, { type });
  }

  delete(id: number): Promise<Reply> {
    return this.call("DELETE", `/v2/droplets/${id}`);
  }

  /** The names that a list with this query shows. */
  async names(query = ""): Promise<string[]> {
    return (await this.get(`/v2/droplets${query}`)).body.droplets.map((each) => each.name);
  }

  /** The status that a read by id shows, or 404. */
  async status(id: number): Promise<string | 404> {
    const reply = await this.get(`/v2/droplets/${id}`);
    return reply.status === 404 ? 404 : reply.body.droplet.status;
  }
}

/** A small deterministic random source (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function parsed(text: string): Body {
  try {
    return JSON.parse(text);
  } catch {
    // Useless bodies are among the faults; a test that looks into one fails by itself.
    return {} as Body;
  }
}
