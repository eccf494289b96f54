import { cloneModel, type DataType, inferShapes, type Model, type Value } from "@ocrslim/graph";
import { captureValues, type Runtime, type RuntimeTensor } from "@ocrslim/runtime";

/** The first value that holds a NaN or an infinity. */
export interface NonFiniteValue {
  readonly value: string;
  /** What computes it, such as `Log "loss/log"`; absent for a feed. */
  readonly node?: string;
  /** For a feed: its first element that is not finite. */
  readonly index?: number;
}

const FLOATS: ReadonlySet<DataType> = new Set(["float32", "float64", "float16"]);

/**
 * Finds the first value of a model, in the order of its nodes, that is not finite everywhere, or a
 * feed that is not. Infinities that a model means to have, such as in an attention mask, are found
 * as well. In the graph, x − x summed up stands for x, so that no more memory is needed than for an
 * ordinary run. Nodes within subgraphs are not looked at.
 * @throws RuntimeError `invalid-feed`.
 */
export async function findNonFinite(
  runtime: Runtime,
  model: Model,
  feeds: Readonly<Record<string, RuntimeTensor>>,
): Promise<NonFiniteValue | undefined> {
  for (const { name } of model.graph.inputs) {
    const index = feeds[name] ? firstNonFinite(feeds[name]) : -1;
    if (index >= 0) return { value: name, index };
  }
  const copy = cloneModel(model);
  const { graph } = copy;
  graph.sort();
  const shapes = inferShapes(copy);
  const watched = [...graph.nodes].flatMap((node) =>
    node.outputs.filter((value): value is Value => {
      const dtype = value && shapes.dtypeOf(value);
      return dtype !== undefined && FLOATS.has(dtype);
    }),
  );
  const checks = watched.map((value) => {
    const [zeros] = graph.createNode({ opType: "Sub", inputs: [value, value] }).outputs;
    const [sum] = graph.createNode({ opType: "ReduceSum", inputs: [zeros] }).outputs;
    return sum?.name ?? "";
  });
  let found: Value | undefined;
  await captureValues(runtime, copy, {
    values: checks,
    feeds: [feeds],
    onValues(values) {
      found = watched.find((_, index) => {
        const sum = values[checks[index] ?? ""];
        return sum !== undefined && firstNonFinite(sum) >= 0;
      });
    },
  });
  if (!found) return undefined;
  return { value: found.name, ...(found.producer ? { node: found.producer.describe() } : {}) };
}

/** Index of the first element that is not finite, or -1. */
export function firstNonFinite({ dtype, data }: Pick<RuntimeTensor, "dtype" | "data">): number {
  if (dtype === "float16") {
    // All exponent bits set.
    return (data as Uint16Array).findIndex((bits) => (bits & 0x7c00) === 0x7c00);
  }
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return -1;
  for (let index = 0; index < data.length; index++) {
    if (!Number.isFinite(data[index])) return index;
  }
  return -1;
}
