import type { Counters } from "./counters.ts";
import type { MutatingCall } from "./routes.ts";

/** What the API calls `status`. */
export type DropletStatus = "new" | "active" | "off" | "archive";

/** One droplet as the simulator knows it. All times are milliseconds since the epoch. */
export interface DropletRecord {
  id: number;
  name: string;
  region: string;
  size: string;
  image: number;
  tags: string[];
  user_data: string | null;
  features: string[];
  volume_ids: string[];
  vpc_uuid: string;
  public_networking: boolean;
  created_at: number;
  /** What the API says; it may lag behind `powered`. */
  status: DropletStatus;
  /** Whether the machine runs. */
  powered: boolean;
  /** Number of the address in the pool; null until the droplet is first active. */
  address: number | null;
  addressed_at: number | null;
  readable_at: number;
  listed_at: number;
  /** Null: the tags never arrive. */
  tagged_at: number | null;
  omitted_until: number;
  /** The action that occupies the event queue. */
  pending_action: number | null;
  /** The queue stays occupied until then, even without an action. */
  busy_until: number;
  deleting: boolean;
  /** DELETE commands that were answered 204 (or would have been, had the answer not been lost). */
  delete_commands: number;
  /** Put there by a test, not created through the API. */
  foreign: boolean;
}

/** One action (DigitalOcean's word for an event) as the simulator knows it. */
export interface ActionRecord {
  id: number;
  type: string;
  status: "in-progress" | "completed" | "errored";
  started_at: number;
  completed_at: number | null;
  droplet_id: number;
  region: string;
}

/** What a power action does to the machine when it ends. */
export type PowerEffect = "on" | "off" | "rebooted" | "power_cycled" | "none";

/** Something that will happen by itself at `at` (ms since the epoch). */
export type Due =
  | { kind: "create_ends"; at: number; droplet: number; action: number; errored: boolean }
  | { kind: "queue_freed"; at: number; droplet: number; action: number }
  | { kind: "action_ends"; at: number; droplet: number; action: number; effect: PowerEffect; errored: boolean }
  | { kind: "status_shows"; at: number; droplet: number }
  | { kind: "delete_ends"; at: number; droplet: number }
  | { kind: "late_call"; at: number; call: MutatingCall };

/** The whole cloud as plain JSON. It holds user-data, and no token. */
export interface SimulatorState {
  version: 1;
  droplets: DropletRecord[];
  actions: ActionRecord[];
  due: Due[];
  next_droplet: number;
  next_action: number;
  next_address: number;
  free_addresses: number[];
  /** Times of the requests that count against the limits. */
  request_times: number[];
  counters: Omit<Counters, "deletes_by_droplet"> & { deletes_by_droplet: [number, number][] };
}
