/** How long a caller of a Durable Object is kept waiting. */

export interface Patience {
  /** The time is over, or the caller has gone. */
  over: Promise<void>;
  /** Not needed any more. */
  end(): void;
}

/** By a timer that can be stopped: `AbortSignal.timeout` would keep the object awake to its end. */
export function patienceFor(ms: number, gone: AbortSignal): Patience {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const leave = () => resolve();
  gone.addEventListener("abort", leave, { once: true });
  if (gone.aborted) resolve();
  return {
    over: promise,
    end() {
      clearTimeout(timer);
      gone.removeEventListener("abort", leave);
    },
  };
}
