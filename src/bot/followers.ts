/** What is told of each of a Bot's commits, in this order: who reads its history, who waits for a status, and its agent. */
import { announceOrders } from "./agent/channel.ts";
import { tellReaders } from "./calls/stream.ts";
import type { Waiters } from "./calls/wait.ts";
import type { Platform } from "./shell/ports.ts";
import { BotShell } from "./shell/shell.ts";

/** @param waiters those who wait for this object's bot, as long as the object is in memory */
export function openShell(platform: Platform, waiters: Waiters): BotShell {
  return new BotShell(platform, [tellReaders, (_shell, _before, after) => waiters.tell(after), announceOrders]);
}
