import { cloneModel, type Model } from "@ocrslim/graph";
import type { TimedLayer } from "./timed-layer.ts";

type TypedShape = Readonly<Record<string, readonly number[]>>;

/** @internal What is used of one event of ONNX Runtime's profile (Chrome trace format; µs). */
export interface KernelEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly TypedShape[];
    readonly output_type_shape?: readonly TypedShape[];
  };
}

const KERNEL = "_kernel_time";
const MARK = /@(\d+)@/;

/** More than this between two kernels is other work on the machine. */
const LONGEST_GAP_US = 20;

/**
 * @internal A copy of the model in which all nodes and their outputs carry the index of their layer
 * in their names: `@12@…`. ONNX Runtime names what it fuses after the parts.
 */
export function markLayers(model: Model, layers: readonly TimedLayer[]): Model {
  const marked = cloneModel(model);
  const layerOf = new Map(layers.flatMap(({ nodes }, index) => nodes.map((key) => [key, index])));
  let count = 0;
  for (const node of marked.graph.nodes) {
    const layer = layerOf.get(node.key);
    if (layer === undefined) continue;
    for (const value of node.outputs) if (value) value.name = `@${layer}@${count++}`;
    node.name = `@${layer}@node${count++}`;
  }
  return marked;
}

/**
 * @internal Milliseconds of each layer in each run, `[run][layer]`, from the profile of a marked
 * model. A ReorderOutput belongs to the layer before it that gives what it reads, a ReorderInput (and
 * all else that the runtime puts in) to the layer after it that reads what it gives. The gap before a
 * kernel counts as its own: the executor needs some µs for each.
 */
export function attributeKernels(
  events: readonly KernelEvent[],
  layerCount: number,
): readonly Float64Array[] {
  const starts = listRuns(events).map(({ ts }) => ts ?? 0);
  const kernels = events
    .filter(({ cat, name }) => cat === "Node" && name?.endsWith(KERNEL))
    .toSorted((a, b) => (a.ts ?? 0) - (b.ts ?? 0));
  let next = 0;
  return starts.map((_, run) => {
    const end = starts[run + 1] ?? Number.POSITIVE_INFINITY;
    const own: KernelEvent[] = [];
    for (let event = kernels[next]; event && (event.ts ?? 0) < end; event = kernels[++next]) {
      own.push(event);
    }
    return sumByLayer(own, layerCount);
  });
}

/** @internal Milliseconds of each run as a whole. */
export const listRunTimes = (events: readonly KernelEvent[]): readonly number[] =>
  listRuns(events).map(({ dur }) => (dur ?? 0) / 1000);

const listRuns = (events: readonly KernelEvent[]): readonly KernelEvent[] =>
  events
    .filter(({ cat, name }) => cat === "Session" && name === "model_run")
    .toSorted((a, b) => (a.ts ?? 0) - (b.ts ?? 0));

function sumByLayer(kernels: readonly KernelEvent[], layerCount: number): Float64Array {
  const times = new Float64Array(layerCount);
  const layers = kernels.map(({ name }) => {
    const mark = MARK.exec(name ?? "")?.[1];
    return mark === undefined ? undefined : Number(mark);
  });
  kernels.forEach(({ ts = 0, dur = 0 }, index) => {
    const layer = layers[index] ?? findNeighbour(kernels, layers, index);
    if (layer === undefined || layer >= layerCount) return;
    const before = kernels[index - 1];
    const gap = before ? ts - (before.ts ?? 0) - (before.dur ?? 0) : 0;
    const us = dur + Math.min(LONGEST_GAP_US, Math.max(0, gap));
    times[layer] = (times[layer] ?? 0) + us / 1000;
  });
  return times;
}

/** The layer that an unmarked kernel belongs to. */
function findNeighbour(
  kernels: readonly KernelEvent[],
  layers: readonly (number | undefined)[],
  index: number,
): number | undefined {
  const { args } = kernels[index] ?? {};
  const isAfter = args?.op_name === "ReorderOutput";
  const step = isAfter ? -1 : 1;
  const shape = formatShape((isAfter ? args?.input_type_shape : args?.output_type_shape)?.[0]);
  let nearest: number | undefined;
  for (let at = index + step; at >= 0 && at < kernels.length; at += step) {
    const layer = layers[at];
    if (layer === undefined) continue;
    nearest ??= layer;
    const other = kernels[at]?.args;
    const shapes = isAfter ? other?.output_type_shape : other?.input_type_shape;
    if (shapes?.some((typed) => formatShape(typed) === shape)) return layer;
  }
  return nearest;
}

const formatShape = (typed: TypedShape | undefined): string =>
  typed ? Object.values(typed).join() : "";
