import { createServer } from "node:net";
import { expect, it } from "vitest";
import {
  areOfUser,
  areOwnedBy,
  holderOf,
  listeningSockets,
  socketsOn,
} from "../../../../bootstrap/agent/workload/listener.ts";

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const line = (local: string, state: string, inode: number, uid = 1000) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0 100 0`;

it("knows the sockets that listen on a port, and no others", () => {
  const v4 = [
    HEADER,
    line("0100007F:4965", "0A", 11),
    line("0100007F:4966", "0A", 12),
    line("0100007F:4965", "01", 13),
  ];
  const v6 = [HEADER, line("00000000000000000000000000000000:4965", "0A", 14, 998)];
  expect(listeningSockets([v4.join("\n"), v6.join("\n"), ""], 18_789)).toEqual([
    { inode: "11", uid: 1000 },
    { inode: "14", uid: 998 },
  ]);
  expect(listeningSockets([v4.join("\n")], 80)).toEqual([]);
});

it("takes a port for a user's only where all that listens there is", () => {
  const ours = { inode: "11", uid: 998 };
  expect(areOfUser([ours, { inode: "12", uid: 998 }], 998)).toBe(true);
  expect(areOfUser([ours, { inode: "12", uid: 1000 }], 998)).toBe(false);
  expect(areOfUser([], 998)).toBe(false);
});

it("tells whose a listening port is, and by whom it is held", async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const sockets = socketsOn(port);
  expect(sockets).toHaveLength(1);
  expect(areOwnedBy(sockets, [process.pid])).toBe(true);
  expect(areOwnedBy(sockets, [process.ppid])).toBe(false);
  expect(areOwnedBy([...sockets, { inode: "1", uid: 0 }], [process.pid])).toBe(false);
  expect(holderOf(port)).toContain(`(process ${process.pid})`);
  await new Promise((closed) => server.close(closed));
  expect(areOwnedBy(socketsOn(port), [process.pid])).toBe(false);
});
