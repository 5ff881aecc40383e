/** Who listens on a loopback port: what answers there is believed only where it is the workload that was started. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LISTEN = "0A";
const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"];

/** The kernel's numbers of the sockets that listen on the port, on whatever address. @param tables as of `/proc/net/tcp` */
export function listeningSockets(tables: readonly string[], port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return tables
    .flatMap((table) => table.split("\n"))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN && fields[1]?.endsWith(suffix))
    .flatMap((fields) => fields[9] ?? []);
}

export function socketsOn(port: number): string[] {
  return listeningSockets(TABLES.map(readOrEmpty), port);
}

/** Whether all of the sockets are these processes'. */
export function areOwnedBy(sockets: readonly string[], pids: readonly number[]): boolean {
  const held = new Set(pids.flatMap(socketsOf));
  return sockets.length > 0 && sockets.every((socket) => held.has(socket));
}

/** Who holds the port, for a person to read: a name and a number, as far as this user may know. */
export function holderOf(port: number): string {
  const sockets = new Set(socketsOn(port));
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const holder = pids.map(Number).find((pid) => socketsOf(pid).some((socket) => sockets.has(socket)));
  if (holder === undefined) return "a process of another user";
  return `${readOrEmpty(`/proc/${holder}/comm`).trim()} (process ${holder})`;
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((name) => socketBehind(`/proc/${pid}/fd/${name}`) ?? []);
  } catch {
    return [];
  }
}

function socketBehind(path: string): string | null {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1] ?? null;
  } catch {
    return null;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
