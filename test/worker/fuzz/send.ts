/** Sends a crafted request, and says what is wrong with the answer. */
import { exports } from "cloudflare:workers";
import { Problem } from "../../../src/wire/problem.ts";
import { BASE } from "../document.ts";
import type { Operation } from "./document.ts";
import type { Crafted } from "./requests.ts";

/** Nothing takes a second, but a machine may have better things to do. */
const PATIENCE_MS = 60_000;
const PROBLEM_TYPE = "application/problem+json";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  ms: number;
}

/** `unsendable`: no HTTP client can send it. `hangs`: no answer within the bound. */
export type Sent = Answer | "unsendable" | "hangs";

export async function send({ method, path, headers, body }: Crafted): Promise<Sent> {
  const request = asRequest(method, path, headers, body);
  if (request === null) return "unsendable";
  const began = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const bound = new Promise<"hangs">((resolve) => {
    timer = setTimeout(() => resolve("hangs"), PATIENCE_MS);
  });
  try {
    return await Promise.race([bound, answerTo(request, began)]);
  } finally {
    clearTimeout(timer);
  }
}

function asRequest(method: string, path: string, headers: Crafted["headers"], body: Crafted["body"]): Request | null {
  try {
    // Guessing is limited by address: these come from everywhere.
    const all = { "cf-connecting-ip": crypto.randomUUID(), ...headers };
    return new Request(BASE + path, { method, headers: all, redirect: "manual", ...(body === null ? {} : { body }) });
  } catch {
    return null;
  }
}

async function answerTo(request: Request, began: number): Promise<Answer> {
  const response = await exports.default.fetch(request);
  const text = await response.text();
  response.webSocket?.accept();
  response.webSocket?.close(1000, "enough");
  return { status: response.status, headers: response.headers, text, ms: Date.now() - began };
}

/** What is wrong with the answer; null: nothing. */
export function fault(operation: Operation, crafted: Crafted, sent: Sent): string | null {
  if (sent === "unsendable") return null;
  if (sent === "hangs") return `no answer within ${PATIENCE_MS} ms`;
  const { status } = sent;
  if (status >= 500) return "a fault of ours";
  const known = operation.answers.get(status);
  // Where the path is odd, it may be another route's or none.
  const elsewhere = crafted.fault === "path" && [200, 400, 401, 404, 405].includes(status);
  if (known === undefined && !elsewhere) return "a status that the document does not know";
  if (status < 400) return null;
  const code = codeOf(sent);
  if (!elsewhere && !known?.includes(code)) return `a ${status} of which the document does not know the code ${code}`;
  return faultOfProblem(sent);
}

function faultOfProblem({ status, headers, text }: Answer): string | null {
  if (headers.get("content-type") !== PROBLEM_TYPE) return `content type ${headers.get("content-type")}`;
  const problem = Problem.safeParse(parse(text));
  if (!problem.success) return "no problem document";
  const { request_id, code, status: said } = problem.data;
  if (said !== status) return `says it is ${said}`;
  if (!/^[a-z_]+$/.test(code)) return `code ${code}`;
  if (request_id === "" || request_id !== headers.get("x-request-id")) return "another request_id than its header";
  if (text.length > 64_000) return `${text.length} characters of problem`;
  return null;
}

export function codeOf({ text }: Answer): string {
  return /"code":"([a-z_]+)"/.exec(text)?.[1] ?? "";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
