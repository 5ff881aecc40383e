/** When an agent that is not heard is taken for silent. Pure. */
import type { Policy } from "../model/policy.ts";
import type { Instant } from "../model/state.ts";
import type { Runtime } from "./decision.ts";

/**
 * When silence becomes evidence. Over HTTP the stored last-seen may lag by the coalescing; after a close the agent beats
 * over HTTP at once, if it lives; and while we were away we heard nobody.
 */
export function silenceDeadline(rt: Runtime, boundAt: Instant, policy: Policy): Instant {
  const { channel, channel_closed_at: closed_at } = rt;
  const { silent_after_ms, last_seen_coalesce_ms, closed_silent_after_ms } = policy;
  const seen_at = rt.last_seen_at ?? 0;
  const floor = Math.max(boundAt, rt.deaf_until) + silent_after_ms;
  if (channel !== null) return Math.max(channel.heard_at + silent_after_ms, floor);
  if (closed_at !== null && seen_at <= closed_at)
    return Math.max(closed_at + closed_silent_after_ms, rt.deaf_until + silent_after_ms);
  // The first beat that follows is stored at once: there is no coalescing to wait for.
  if (rt.deaf_until >= seen_at) return floor;
  return Math.max(seen_at + last_seen_coalesce_ms + silent_after_ms, floor);
}
