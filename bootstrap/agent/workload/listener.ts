/** Who listens on a loopback port: what answers there is believed only where it is the workload that was started. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ListeningSocket {
  /** The kernel's number of it. */
  inode: string;
  /** The number of the user who made it. */
  uid: number;
}

const LISTEN = "0A";
const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"];

/** Those that listen on the port, on whatever address. @param tables as of `/proc/net/tcp` */
export function listeningSockets(tables: readonly string[], port: number): ListeningSocket[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return tables
    .flatMap((table) => table.split("\n"))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN && fields[1]?.endsWith(suffix))
    .flatMap(({ 7: uid, 9: inode }) => (inode === undefined ? [] : { inode, uid: Number(uid) }));
}

export function socketsOn(port: number): ListeningSocket[] {
  return listeningSockets(TABLES.map(readOrEmpty), port);
}

/** Whether all of the sockets are these processes'. */
export function areOwnedBy(sockets: readonly ListeningSocket[], pids: readonly number[]): boolean {
  const held = new Set(pids.flatMap(socketsOf));
  return sockets.length > 0 && sockets.every(({ inode }) => held.has(inode));
}

/** Whether all of the sockets are this user's. */
export function areOfUser(sockets: readonly ListeningSocket[], uid: number): boolean {
  return sockets.length > 0 && sockets.every((socket) => socket.uid === uid);
}

/** Who holds the port, for a person to read: a program and a number, or else whose it is. */
export function holderOf(port: number): string {
  const listening = socketsOn(port);
  const sockets = new Set(listening.map(({ inode }) => inode));
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const holder = pids.map(Number).find((pid) => socketsOf(pid).some((socket) => sockets.has(socket)));
  if (holder === undefined) return listening[0] === undefined ? "nobody who is to be seen" : userOf(listening[0]);
  return `${readOrEmpty(`/proc/${holder}/comm`).trim()} (process ${holder})`;
}

function userOf({ uid }: ListeningSocket): string {
  const entry = readOrEmpty("/etc/passwd")
    .split("\n")
    .map((line) => line.split(":"))
    .find((fields) => fields[2] === String(uid));
  return `a process of the user ${entry?.[0] ?? uid}`;
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
