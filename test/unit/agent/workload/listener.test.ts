import { createServer } from "node:net";
import { expect, it } from "vitest";
import { areOwnedBy, holderOf, listeningSockets, socketsOn } from "../../../../bootstrap/agent/workload/listener.ts";

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const line = (local: string, state: string, inode: number) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0 100 0`;

it("knows the sockets that listen on a port, and no others", () => {
  const v4 = [
    HEADER,
    line("0100007F:4965", "0A", 11),
    line("0100007F:4966", "0A", 12),
    line("0100007F:4965", "01", 13),
  ];
  const v6 = [HEADER, line("00000000000000000000000000000000:4965", "0A", 14)];
  expect(listeningSockets([v4.join("\n"), v6.join("\n"), ""], 18_789)).toEqual(["11", "14"]);
  expect(listeningSockets([v4.join("\n")], 80)).toEqual([]);
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
  expect(areOwnedBy([...sockets, "1"], [process.pid])).toBe(false);
  expect(holderOf(port)).toContain(`(process ${process.pid})`);
  await new Promise((closed) => server.close(closed));
  expect(areOwnedBy(socketsOn(port), [process.pid])).toBe(false);
});
