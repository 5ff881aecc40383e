/**
 * A thread that asks as fast as it is answered, over so many connections that are kept open. It says how busy it was
 * itself: a load that cannot keep up measures nothing but itself.
 */
import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";

export interface Ask {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | null;
  /** Any other answer is a failure. */
  status: number;
}

export interface HttpLoad {
  url: string;
  /** Asked in turn, again and again. */
  asks: Ask[];
  connections: number;
  for_ms: number;
}

export interface HttpLoaded {
  /** Of each answer that was as expected. */
  latencies_ms: number[];
  failures: number;
  /** What the first failure was. */
  failed_with: string | null;
  seconds: number;
  /** The share of the time in which this thread had something to do. */
  busy: number;
}

async function load({ url, asks, connections, for_ms }: HttpLoad): Promise<HttpLoaded> {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });
  const loaded = { latencies_ms: [] as number[], failures: 0, failed_with: null as string | null };
  const idle = performance.eventLoopUtilization();
  const began = performance.now();
  let next = 0;

  const askOnce = ({ status, body, ...ask }: Ask): Promise<void> => {
    const asked = performance.now();
    return new Promise((resolve) => {
      const fail = (what: string) => {
        loaded.failures++;
        loaded.failed_with ??= what;
        resolve();
      };
      const sent = request({ agent, hostname, port, ...ask }, (response) => {
        // Read to its end in either case: else the connection could not be used again.
        response.resume().on("end", () => {
          if (response.statusCode !== status) return fail(`${ask.method} ${ask.path}: ${response.statusCode}`);
          loaded.latencies_ms.push(performance.now() - asked);
          resolve();
        });
      });
      sent.on("error", (error) => fail(`${ask.method} ${ask.path}: ${error.message}`));
      sent.end(body ?? undefined);
    });
  };
  const keepAsking = async () => {
    while (performance.now() - began < for_ms) {
      const ask = asks[next++ % asks.length];
      if (ask) await askOnce(ask);
    }
  };
  await Promise.all(Array.from({ length: connections }, keepAsking));
  const seconds = (performance.now() - began) / 1000;
  agent.destroy();
  return { ...loaded, seconds, busy: performance.eventLoopUtilization(idle).utilization };
}

parentPort?.postMessage(await load(workerData as HttpLoad));
