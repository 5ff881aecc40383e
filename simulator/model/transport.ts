import type { Answer } from "./errors.ts";

/** What of a request the simulator needs. */
export interface Incoming {
  method: string;
  url: URL;
  authorization: string | null;
  body: string;
  signal: AbortSignal | null;
}

type Input = string | URL | Request;

/**
 * Takes a `fetch` call apart without building a `Request`, which costs more than all the rest. It returns no promise
 * where the body is text, so that such a call has taken effect when `fetch` returns.
 */
export function readIncoming(input: Input, init: RequestInit | undefined): Incoming | Promise<Incoming> {
  const request = typeof input === "string" || input instanceof URL ? null : input;
  const incoming: Incoming = {
    method: (init?.method ?? request?.method ?? "GET").toUpperCase(),
    url: new URL(request === null ? String(input) : request.url),
    authorization: authorizationOf(init?.headers) ?? request?.headers.get("authorization") ?? null,
    body: "",
    signal: init?.signal ?? request?.signal ?? null,
  };
  const body = init?.body ?? null;
  if (typeof body === "string") return { ...incoming, body };
  const source = body === null ? (request?.body == null ? null : request) : new Response(body as BodyLike);
  return source === null ? incoming : source.text().then((text) => ({ ...incoming, body: text }));
}

type BodyLike = ConstructorParameters<typeof Response>[0];

function authorizationOf(headers: RequestInit["headers"]): string | null {
  if (headers === undefined || headers === null) return null;
  if (headers instanceof Headers) return headers.get("authorization");
  const pairs: Iterable<readonly unknown[]> = Array.isArray(headers) ? headers : Object.entries(headers);
  for (const [name, value] of pairs) if (String(name).toLowerCase() === "authorization") return String(value);
  return null;
}

/** Makes the `Response`. */
export function toResponse(answer: Answer, request_id: string, limits: Record<string, string>): Response {
  const headers: Record<string, string> = answer.bare ? {} : { ...limits, "x-request-id": request_id };
  headers["content-type"] = answer.content_type ?? "application/json; charset=utf-8";
  Object.assign(headers, answer.headers);
  const text = answer.text ?? (answer.body === undefined ? null : `${JSON.stringify(answer.body)}\n`);
  return new Response(answer.status === 204 ? null : text, { status: answer.status, headers });
}

/** The error of a connection that broke, as `fetch` reports it. */
export function networkError(): Error {
  return new TypeError("fetch failed", { cause: new Error("read ECONNRESET") });
}

/** The error of a caller's time-out, as `AbortSignal.timeout` reports it. */
export function timeoutError(): DOMException {
  return new DOMException("The operation was aborted due to timeout", "TimeoutError");
}

/** Never resolves; rejects with the signal's reason once it aborts. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
