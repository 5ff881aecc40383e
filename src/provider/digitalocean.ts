/**
 * A thin, typed client of DigitalOcean's API v2. It never retries: what to do after an outcome is the lifecycle's
 * decision. It never logs or returns the token or user-data.
 */
import type { z } from "zod";
import { quote } from "../wire/redact.ts";
import type { Outcome, RefusalReason } from "./outcome.ts";
import {
  AccountEnvelope,
  ActionEnvelope,
  DropletEnvelope,
  DropletPage,
  type ProviderAccount,
  type ProviderAction,
  type ProviderDroplet,
  ProviderError,
} from "./schema.ts";
import { USER_DATA_MAX_BYTES } from "./user-data.ts";

/** The most that DigitalOcean gives on one page. */
const PER_PAGE = 200;
const MAX_PAGES = 500;
const MAX_QUOTE_CHARS = 300;
/** Where a 429 names no wait: `ratelimit-reset` has been seen in the past. */
const RATE_LIMIT_FLOOR_MS = 5_000;
const RATE_LIMIT_CEILING_MS = 5 * 60_000;

export interface ClientOptions {
  base_url: string;
  token: string;
  timeout_ms: number;
  fetch: (input: string, init: RequestInit) => Promise<Response>;
  now: () => number;
  /** Absent in virtual time, where nothing may wait for a real clock. */
  withTimeout?: <T>(ms: number, run: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

export interface CreateDroplet {
  name: string;
  region: string;
  size: string;
  image: string;
  ssh_keys: (string | number)[];
  tags: string[];
  user_data: string;
}

/** Which droplets a listing is to hold. `all` pages through the whole account, since tags may never have been set. */
export type ListFilter = { name: string } | { tag: string } | { all: true };

/** A listing is evidence only if it is complete, and only for what happened before it began. */
export interface Listing {
  began_at: number;
  droplets: ProviderDroplet[];
}

export interface ListPage {
  droplets: ProviderDroplet[];
  last: boolean;
  /** How many droplets the whole list has, as this page says; null where it does not. */
  total: number | null;
}

export interface Provider {
  createDroplet(droplet: CreateDroplet): Promise<Outcome<ProviderDroplet>>;
  getDroplet(id: number): Promise<Outcome<ProviderDroplet>>;
  listDroplets(filter: ListFilter): Promise<Outcome<Listing>>;
  deleteDroplet(id: number): Promise<Outcome<null>>;
  dropletAction(id: number, type: string): Promise<Outcome<ProviderAction>>;
  getAction(dropletId: number, actionId: number): Promise<Outcome<ProviderAction>>;
  getAccount(): Promise<Outcome<ProviderAccount>>;
}

export class DigitalOcean implements Provider {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  createDroplet(droplet: CreateDroplet): Promise<Outcome<ProviderDroplet>> {
    const bytes = new TextEncoder().encode(droplet.user_data).byteLength;
    if (bytes >= USER_DATA_MAX_BYTES) {
      const detail = `user-data holds ${bytes} bytes; DigitalOcean takes less than ${USER_DATA_MAX_BYTES}`;
      return Promise.resolve({ kind: "refused", reason: "invalid", status: 422, detail });
    }
    const body = { ...droplet, monitoring: true, ipv6: false, backups: false };
    return this.#call("POST", "/v2/droplets", DropletEnvelope, ({ droplet: made }) => made, body);
  }

  getDroplet(id: number): Promise<Outcome<ProviderDroplet>> {
    return this.#call("GET", `/v2/droplets/${id}`, DropletEnvelope, ({ droplet }) => droplet);
  }

  deleteDroplet(id: number): Promise<Outcome<null>> {
    return this.#call("DELETE", `/v2/droplets/${id}`, null, () => null);
  }

  dropletAction(id: number, type: string): Promise<Outcome<ProviderAction>> {
    return this.#call("POST", `/v2/droplets/${id}/actions`, ActionEnvelope, ({ action }) => action, { type });
  }

  getAction(dropletId: number, actionId: number): Promise<Outcome<ProviderAction>> {
    return this.#call("GET", `/v2/droplets/${dropletId}/actions/${actionId}`, ActionEnvelope, ({ action }) => action);
  }

  getAccount(): Promise<Outcome<ProviderAccount>> {
    return this.#call("GET", "/v2/account", AccountEnvelope, ({ account }) => account);
  }

  /** Reads every page; a page that fails makes the whole listing that failure. Rows that moved between pages count once. */
  async listDroplets(filter: ListFilter): Promise<Outcome<Listing>> {
    const began_at = this.#options.now();
    const query = new URLSearchParams({ per_page: String(PER_PAGE) });
    if ("name" in filter) query.set("name", filter.name);
    if ("tag" in filter) query.set("tag_name", filter.tag);
    const found = new Map<number, ProviderDroplet>();
    for (let page = 1; page <= MAX_PAGES; page++) {
      const outcome = await this.#page(query, page);
      if (outcome.kind !== "ok") return outcome;
      for (const droplet of outcome.value.droplets) found.set(droplet.id, droplet);
      if (outcome.value.last) return { kind: "ok", value: { began_at, droplets: [...found.values()] } };
    }
    return { kind: "unknown", detail: `more than ${MAX_PAGES} pages` };
  }

  /** One page of the unfiltered list, for whoever asks for a permit before each. @param page from 1 */
  listPage(page: number): Promise<Outcome<ListPage>> {
    return this.#page(new URLSearchParams({ per_page: String(PER_PAGE) }), page);
  }

  async #page(query: URLSearchParams, page: number): Promise<Outcome<ListPage>> {
    query.set("page", String(page));
    const pick = ({ droplets, links, meta }: z.output<typeof DropletPage>): ListPage => {
      return { droplets, last: !links?.pages?.next, total: meta?.total ?? null };
    };
    const outcome = await this.#call("GET", `/v2/droplets?${query}`, DropletPage, pick);
    return outcome.kind === "missing" ? { kind: "unknown", detail: "404 for a listing" } : outcome;
  }

  async #call<S extends z.ZodType, T>(
    method: string,
    path: string,
    schema: S | null,
    pick: (value: z.output<S>) => T,
    body?: unknown,
  ): Promise<Outcome<T>> {
    const { base_url, token, timeout_ms, fetch, withTimeout } = this.#options;
    const init: RequestInit = {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      redirect: "manual",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const send = async (signal?: AbortSignal) => {
      const response = await fetch(base_url + path, signal ? { ...init, signal } : init);
      return { response, text: await response.text() };
    };
    let answer: Awaited<ReturnType<typeof send>>;
    try {
      answer = await (withTimeout ? withTimeout(timeout_ms, send) : send());
    } catch (error) {
      return {
        kind: "unknown",
        detail: `${method} ${path.split("?")[0]}: ${this.#quoted(describeError(error))}`,
      };
    }
    const { response, text } = answer;
    if (!response.ok) return this.#refusal(response, text);
    if (schema === null) return { kind: "ok", value: pick(undefined as z.output<S>) };
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return { kind: "ok", value: pick(parsed.data) };
    return {
      kind: "unknown",
      detail: `${method} ${path.split("?")[0]}: ${response.status} with an answer that does not parse`,
    };
  }

  #refusal(response: Response, text: string): Outcome<never> {
    const { status } = response;
    const body = parseJson(text);
    const error = ProviderError.safeParse(body);
    const message = this.#quoted(error.success ? error.data.message : `HTTP ${status}`);
    if (status === 429) return { kind: "rate_limited", wait_ms: rateLimitWait(response.headers, this.#options.now()) };
    if (status === 401 || status === 403) {
      return { kind: "unauthorized", status, detail: message };
    }
    // A gateway's HTML page or an empty body says nothing about what was done behind it; any JSON comes from the API itself.
    if (status < 400 || status >= 500 || status === 408 || typeof body !== "object" || body === null) {
      return { kind: "unknown", detail: `HTTP ${status}: ${message}` };
    }
    if (status === 404)
      return error.success ? { kind: "missing" } : { kind: "unknown", detail: `HTTP ${status}: ${message}` };
    return { kind: "refused", reason: refusalReason(status, message), status, detail: message };
  }

  /** What they say is kept and shown: it may hold what was sent, user-data and all, and be of any length. */
  #quoted(text: string): string {
    return quote(text, MAX_QUOTE_CHARS, [this.#options.token]);
  }
}

/**
 * Aborts the call after `ms`. The timer ends with the call: one left behind (`AbortSignal.timeout`) would keep a Durable
 * Object awake, and billed, for as long.
 */
export async function withTimeout<T>(ms: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException(`no answer within ${ms} ms`, "TimeoutError")), ms);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** How long a 429 asks to wait, ms, within sane bounds. */
function rateLimitWait(headers: Headers, now: number): number {
  const retryAfter = Number(headers.get("retry-after"));
  const reset = Number(headers.get("ratelimit-reset")) * 1000 - now;
  const asked = headers.has("retry-after") && Number.isFinite(retryAfter) ? retryAfter * 1000 : reset;
  const wait = Number.isFinite(asked) ? asked : RATE_LIMIT_FLOOR_MS;
  return Math.min(RATE_LIMIT_CEILING_MS, Math.max(RATE_LIMIT_FLOOR_MS, wait));
}

/** The text is for people and may change: an unrecognised 422 counts as invalid, which stops and says so. */
function refusalReason(status: number, message: string): RefusalReason {
  if (status === 409) return "conflict";
  if (/pending event|blocking events/i.test(message)) return "pending_event";
  if (/exceed your droplet limit|capacity limit/i.test(message)) return "quota";
  if (/temporarily unavailable|region is not available/i.test(message)) return "capacity";
  if (/try again|billing/i.test(message)) return "try_again";
  return "invalid";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : "network error";
}
