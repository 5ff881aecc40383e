/** Numbers about many measurements. Pure. */

export interface Latency {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** @param values in any order, at least one */
export function latencyOf(values: readonly number[]): Latency {
  const sorted = Float64Array.from(values).sort();
  return {
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  };
}

/** The smallest value that at least this share of all values does not exceed. */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
