/** Time one node takes within a run. */
export interface NodeProfile {
  /** Name of the node as ONNX Runtime runs it; fused nodes carry the name of one of their parts. */
  readonly node: string;
  /** Operator as ONNX Runtime runs it, such as `FusedConv` or `ReorderInput`. */
  readonly opType: string;
  /** Such as `CPUExecutionProvider`. */
  readonly provider: string;
  /** Mean milliseconds a run. */
  readonly meanMs: number;
  /** Part of all nodes' time, 0–1. */
  readonly share: number;
}

/** Time that all nodes of one operator take within a run. */
export interface OpTypeProfile {
  readonly opType: string;
  readonly count: number;
  readonly meanMs: number;
  readonly share: number;
}

/** Where the time of a model goes. */
export interface ModelProfile {
  /** Runs that the means are over. */
  readonly runs: number;
  /** Mean milliseconds of all nodes together, a run. */
  readonly totalMs: number;
  /** In the order in which they run. */
  readonly nodes: readonly NodeProfile[];
  /** The most expensive first. */
  readonly opTypes: readonly OpTypeProfile[];
}

/** The fields used of one event of ONNX Runtime's profile (Chrome trace format; µs). */
export interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: {
    readonly op_name?: string;
    readonly provider?: string;
    readonly node_index?: string;
  };
}

const KERNEL_SUFFIX = "_kernel_time";

/**
 * Sums the events of ONNX Runtime's profile by node and operator, without those of the first
 * `warmup` runs.
 */
export function summarizeProfile(events: readonly ProfileEvent[], warmup: number): ModelProfile {
  const starts = events
    .filter((event) => event.cat === "Session" && event.name === "model_run")
    .map((event) => event.ts ?? 0)
    .toSorted((a, b) => a - b);
  const from = starts[warmup] ?? Number.POSITIVE_INFINITY;
  const runs = Math.max(0, starts.length - warmup);
  const found = new Map<string, { node: string; opType: string; provider: string; us: number }>();
  for (const { cat, name = "", ts = 0, dur = 0, args } of events) {
    if (cat !== "Node" || !name.endsWith(KERNEL_SUFFIX) || ts < from) continue;
    const node = name.slice(0, -KERNEL_SUFFIX.length);
    const key = `${args?.node_index ?? ""} ${node}`;
    const entry = found.get(key);
    if (entry) entry.us += dur;
    else {
      const { op_name: opType = "", provider = "" } = args ?? {};
      found.set(key, { node, opType, provider, us: dur });
    }
  }
  let totalUs = 0;
  for (const { us } of found.values()) totalUs += us;
  const part = (us: number): { meanMs: number; share: number } => ({
    meanMs: us / Math.max(1, runs) / 1000,
    share: totalUs > 0 ? us / totalUs : 0,
  });
  const sums = new Map<string, { count: number; us: number }>();
  const nodes = [...found.values()].map(({ us, ...rest }) => {
    const sum = sums.get(rest.opType) ?? { count: 0, us: 0 };
    sums.set(rest.opType, { count: sum.count + 1, us: sum.us + us });
    return { ...rest, ...part(us) };
  });
  const opTypes = [...sums]
    .map(([opType, { count, us }]) => ({ opType, count, ...part(us) }))
    .toSorted((a, b) => b.meanMs - a.meanMs || (a.opType < b.opType ? -1 : 1));
  return { runs, totalMs: part(totalUs).meanMs, nodes, opTypes };
}
