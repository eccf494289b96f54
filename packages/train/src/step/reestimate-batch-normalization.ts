import { cloneModel, float, type Model, setConstantTensor, Tensor } from "@ocrslim/graph";
import type { Feeds, Runtime } from "@ocrslim/runtime";
import { TrainError } from "../errors.ts";
import { sizeOf } from "./flat-vector.ts";
import { addOutput } from "./outputs.ts";
import { prepareModel } from "./prepare-model.ts";
import { trainBatchNormalizations } from "./train-batch-normalizations.ts";

/** Options of {@link reestimateBatchNormalization}. */
export interface ReestimateOptions {
  /** Batches of the model's inputs, all of the same dims; a few dozen images in all. */
  readonly feeds: Iterable<Feeds> | AsyncIterable<Feeds>;
  readonly runtime: Runtime;
  readonly signal?: AbortSignal;
}

/**
 * Returns the model with the running statistics of every BatchNormalization measured anew: mean and
 * variance of what reaches it, over all batches, where each layer before it normalizes by the batch, as
 * in training (as PyTorch's `update_bn` does with `momentum=None`). For models whose weights were
 * changed, by pruning or by averaging, and for statistics that few updates have seen.
 * @throws TrainError `invalid-data` without a batch, or if batches differ in dims; `unsupported` if the
 *   model has no BatchNormalization.
 */
export async function reestimateBatchNormalization(
  model: Model,
  options: ReestimateOptions,
): Promise<Model> {
  const { feeds, runtime, signal } = options;
  let estimate: Estimate | undefined;
  try {
    for await (const batch of feeds) {
      signal?.throwIfAborted();
      estimate ??= await startEstimate(model, batch, runtime);
      await estimate.add(batch);
    }
    if (!estimate) {
      throw new TrainError(
        "invalid-data",
        "reestimateBatchNormalization: there are no batches; give at least one",
      );
    }
    return estimate.apply(model);
  } finally {
    await estimate?.dispose();
  }
}

interface Estimate {
  add(batch: Feeds): Promise<void>;
  apply(model: Model): Model;
  dispose(): Promise<void>;
}

async function startEstimate(model: Model, batch: Feeds, runtime: Runtime): Promise<Estimate> {
  const inputShapes = Object.fromEntries(
    Object.entries(batch).map(([name, { dims }]) => [name, dims]),
  );
  const { model: prepared, ops } = await prepareModel(model, inputShapes);
  for (const node of prepared.graph.nodes) {
    // The statistics after a batch are then those of the batch.
    if (node.opType === "BatchNormalization") node.setAttribute("momentum", float(0));
  }
  const statistics = trainBatchNormalizations(ops);
  if (!statistics) {
    throw new TrainError(
      "unsupported",
      "reestimateBatchNormalization: the model has no BatchNormalization; there is nothing to measure",
    );
  }
  prepared.graph.setOutputs([]);
  addOutput(ops, statistics.next, "statistics");
  prepared.graph.sort();
  const session = await runtime.load(prepared);
  const { layout, initial } = statistics;
  const size = sizeOf(layout);
  const sums = new Float64Array(size);
  const squares = new Float64Array(size);
  let batches = 0;
  return {
    async add(feeds) {
      for (const [name, { dims }] of Object.entries(feeds)) {
        if (inputShapes[name]?.join() === dims.join()) continue;
        throw new TrainError(
          "invalid-data",
          `reestimateBatchNormalization: batch ${batches + 1} has "${name}" of dims [${dims}], the first one [${inputShapes[name]}]; give batches of one size`,
          { value: name },
        );
      }
      const results = await session.run({
        ...feeds,
        "state/statistics": { dtype: "float32", dims: [size], data: initial },
      });
      const found = results["statistics"]?.data as Float32Array;
      found.forEach((value, index) => {
        sums[index] = (sums[index] as number) + value;
        squares[index] = (squares[index] as number) + value * value;
      });
      batches++;
    },
    apply(original) {
      const result = cloneModel(original);
      for (let index = 0; index + 1 < layout.length; index += 2) {
        const [mean, variance] = layout.slice(index, index + 2);
        if (!mean || !variance) continue;
        const means = new Float32Array(mean.size);
        const variances = new Float32Array(mean.size);
        for (let channel = 0; channel < mean.size; channel++) {
          const average = (sums[mean.offset + channel] as number) / batches;
          // Of all batches together: what varies within them, and what varies between their means.
          const within = (sums[variance.offset + channel] as number) / batches;
          const between = (squares[mean.offset + channel] as number) / batches - average ** 2;
          means[channel] = average;
          variances[channel] = within + Math.max(between, 0);
        }
        put(result, mean.name, Tensor.float32(mean.dims, means));
        put(result, variance.name, Tensor.float32(variance.dims, variances));
      }
      return result;
    },
    dispose: () => session.dispose(),
  };
}

function put(model: Model, name: string, tensor: Tensor): void {
  const value = model.graph.value(name);
  if (value) setConstantTensor(value, tensor);
}
