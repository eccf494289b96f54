import type { Node, Tensor, Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Ops } from "../ops/ops.ts";
import { layOut, pack, sizeOf, unpack } from "./flat-vector.ts";
import { trainBatchNormalization } from "./train-batch-normalization.ts";
import type { Parameter } from "./training-step.ts";

/** The running statistics of all BatchNormalizations, as one state vector. */
export interface TrainedStatistics {
  readonly layout: readonly Parameter[];
  readonly initial: Float32Array;
  /** The vector after this batch. */
  readonly next: Value;
}

/**
 * Makes every BatchNormalization normalize by its batch; their running means and variances become
 * the input `state/statistics`. Returns `undefined` if there is none. Sort the graph afterwards.
 */
export function trainBatchNormalizations(ops: Ops): TrainedStatistics | undefined {
  const nodes = [...ops.graph.nodes].filter(
    (node) => node.opType === "BatchNormalization" && node.domain === "",
  );
  if (nodes.length === 0) return undefined;
  const sources = nodes.flatMap((node) => [statistic(node, 3), statistic(node, 4)]);
  const layout = layOut(sources.map(({ name, tensor }) => ({ name, dims: tensor.dims })));
  const initial = new Float32Array(sizeOf(layout));
  sources.forEach(({ tensor }, index) => {
    initial.set(tensor.float32Values(), layout[index]?.offset ?? 0);
  });
  const values = unpack(ops, ops.input("state/statistics", [initial.length]), layout);
  const next = nodes.flatMap((node, index) => {
    const mean = values[2 * index] as Value;
    const variance = values[2 * index + 1] as Value;
    const running = trainBatchNormalization(ops, node, { statistics: { mean, variance } });
    return [running.mean, running.variance];
  });
  return { layout, initial, next: pack(ops, next) };
}

function statistic(node: Node, index: number): { readonly name: string; readonly tensor: Tensor } {
  const value = node.input(index);
  if (value?.tensor?.dtype === "float32") return { name: value.name, tensor: value.tensor };
  throw new TrainError(
    "unsupported",
    `buildTrainingStep: the running statistics of ${node.describe()} are not float32 constants; use batchNormalization: "frozen"`,
    { node: node.name || node.key },
  );
}
