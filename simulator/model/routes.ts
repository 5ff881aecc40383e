/** The calls this cloud knows; `unknown` is answered 404. */
export const OPERATIONS = [
  "get_account",
  "create_droplet",
  "list_droplets",
  "get_droplet",
  "delete_droplet",
  "delete_by_tag",
  "droplet_action",
  "list_actions",
  "get_action",
  "list_sizes",
  "list_regions",
  "list_images",
  "unknown",
] as const;

export type Operation = (typeof OPERATIONS)[number];

/** A request, taken apart. */
export interface Call {
  operation: Operation;
  method: string;
  /** Path without query. */
  path: string;
  query: URLSearchParams;
  /** The droplet the path names. */
  droplet_id: number | null;
  action_id: number | null;
  /** The raw request body, or "". */
  body: string;
}

/** The part of a call that can be kept for later. */
export interface MutatingCall {
  operation: "create_droplet" | "delete_droplet" | "droplet_action";
  droplet_id: number | null;
  body: string;
}

const DROPLET = /^\/v2\/droplets\/(\d{1,15})(\/actions)?(?:\/(\d{1,15}))?$/;
const ACTION = /^\/v2\/actions\/(\d{1,15})$/;

const PLAIN: Readonly<Record<string, Operation>> = {
  "GET /v2/account": "get_account",
  "GET /v2/sizes": "list_sizes",
  "GET /v2/regions": "list_regions",
  "GET /v2/images": "list_images",
  "GET /v2/droplets": "list_droplets",
  "POST /v2/droplets": "create_droplet",
  "DELETE /v2/droplets": "delete_by_tag",
};

/** Finds out what a request asks for. */
export function readCall(method: string, url: URL, body: string): Call {
  const path = url.pathname;
  const call: Call = {
    operation: PLAIN[`${method} ${path}`] ?? "unknown",
    method,
    path,
    query: url.searchParams,
    droplet_id: null,
    action_id: null,
    body,
  };
  if (call.operation !== "unknown") return call;
  const action = ACTION.exec(path);
  if (action !== null) {
    if (method === "GET") call.operation = "get_action";
    call.action_id = Number(action[1]);
    return call;
  }
  const droplet = DROPLET.exec(path);
  if (droplet === null) return call;
  const [, id, actions, action_id] = droplet;
  call.droplet_id = Number(id);
  if (action_id !== undefined) call.action_id = Number(action_id);
  call.operation = dropletOperation(method, actions !== undefined, action_id !== undefined);
  return call;
}

function dropletOperation(method: string, actions: boolean, one_action: boolean): Operation {
  if (actions && one_action) return method === "GET" ? "get_action" : "unknown";
  if (actions && method === "POST") return "droplet_action";
  if (actions && method === "GET") return "list_actions";
  if (actions || one_action) return "unknown";
  if (method === "GET") return "get_droplet";
  return method === "DELETE" ? "delete_droplet" : "unknown";
}

/** Query parameters that a request log may show. */
const SHOWN = ["page", "per_page", "tag_name", "name", "type"];

/** The path with its harmless query parameters: fit for a log. */
export function loggedPath(call: Call): string {
  const shown = SHOWN.flatMap((key) => {
    const value = call.query.get(key);
    return value === null ? [] : [`${key}=${encodeURIComponent(value)}`];
  });
  return shown.length === 0 ? call.path : `${call.path}?${shown.join("&")}`;
}
