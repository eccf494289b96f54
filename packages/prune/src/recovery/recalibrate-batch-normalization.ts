import {
  cloneModel,
  constantTensor,
  createRunContext,
  type Model,
  type Node,
  type RunOptions,
  setConstantTensor,
  Tensor,
  type Transform,
  type Value,
} from "@ocrslim/graph";
import type { Runtime } from "@ocrslim/runtime";
import { PruneError } from "../errors.ts";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { createStatisticsAccumulator } from "../statistics/merge-statistics.ts";
import { addReductionOutputs } from "../statistics/reduction-outputs.ts";

/** Options of {@link recalibrateBatchNormalization}. */
export interface RecalibrateBatchNormalizationOptions extends RunOptions {
  /** Unlabelled calibration inputs, one image each. */
  readonly feeds: readonly Feeds[];
  readonly runtime: Runtime;
  /** As how many images the old statistics count, so that few images do no harm. Default: 2. */
  readonly priorImages?: number;
}

const PRIOR_IMAGES = 2;

/**
 * Measures the running mean and variance of every BatchNormalization anew, from what reaches it, layer
 * after layer: those that come later see the new statistics of those before. Old statistics count as a
 * few images. For pruned models that still have them; a forward pass for each layer of
 * normalizations, no labels. Statistics that are computed are left alone.
 * @throws PruneError (when run) `invalid-option` without calibration inputs, or if what reaches a
 *   layer is not finite.
 * @category Transforms
 */
export function recalibrateBatchNormalization(
  options: RecalibrateBatchNormalizationOptions,
): Transform {
  return {
    name: "recalibrateBatchNormalization",
    async run(model, context) {
      const { signal } = createRunContext({ ...context, ...options });
      if (options.feeds.length === 0) {
        throw new PruneError(
          "invalid-option",
          "recalibrateBatchNormalization: there are no calibration inputs; give a few dozen",
        );
      }
      let changed = 0;
      for (const level of listLevels(model)) {
        signal?.throwIfAborted();
        await recalibrate(model, level, options);
        changed += level.length;
      }
      return { modified: changed > 0, counts: { changed } };
    },
  };
}

/** Normalizations with constant statistics, by how many others are before them at most. */
function listLevels(model: Model): readonly (readonly Node[])[] {
  const depths = new Map<Value, number>();
  const levels: Node[][] = [];
  const nodes = [...model.graph.nodes];
  for (const node of nodes) {
    const before = Math.max(0, ...node.inputs.map((input) => (input && depths.get(input)) ?? 0));
    const isOwn =
      node.domain === "" &&
      node.opType === "BatchNormalization" &&
      [3, 4].every((index) => statisticsOf(node, index) !== undefined);
    if (isOwn) {
      const level = levels[before] ?? [];
      levels[before] = level;
      level.push(node);
    }
    for (const output of node.outputs) if (output) depths.set(output, before + (isOwn ? 1 : 0));
  }
  return levels;
}

function statisticsOf(node: Node, index: number): Tensor | undefined {
  const value = node.input(index);
  const tensor = value && constantTensor(value);
  return tensor?.dtype === "float32" ? tensor : undefined;
}

async function recalibrate(
  model: Model,
  level: readonly Node[],
  { feeds, runtime, priorImages = PRIOR_IMAGES }: RecalibrateBatchNormalizationOptions,
): Promise<void> {
  const probed = cloneModel(model);
  probed.graph.setOutputs([]);
  const probes = level.flatMap((node) => {
    const width = statisticsOf(node, 3)?.size ?? 0;
    const value = node.input(0) && probed.graph.value(node.input(0)?.name ?? "");
    if (!value) return [];
    const { moments, size } = addReductionOutputs(probed, value, 1, width);
    probed.graph.setOutputs([...probed.graph.outputs, moments, size]);
    const accumulator = createStatisticsAccumulator(width);
    return [{ node, width, moments: moments.name, size: size.name, accumulator }];
  });
  await using session = await runtime.load(probed);
  for (const feed of feeds) {
    const outputs = await session.run(feed);
    for (const { node, width, moments, size, accumulator } of probes) {
      const numbers = outputs[moments]?.data as Float32Array;
      if (!numbers.every(Number.isFinite)) {
        throw new PruneError(
          "invalid-option",
          `recalibrateBatchNormalization: what reaches "${node.key}" is not finite; look for NaN or infinite weights and inputs`,
          { node: node.key },
        );
      }
      const part = (index: number): Float32Array =>
        numbers.subarray(index * width, (index + 1) * width);
      accumulator.add({
        count: Number((outputs[size]?.data as BigInt64Array | undefined)?.[0] ?? 0n) / width,
        mean: part(0),
        variance: part(1),
        meanAbsolute: part(2),
        nonzeroFraction: part(3),
        minimum: part(4),
        maximum: part(5),
      });
    }
  }
  const share = feeds.length / (feeds.length + priorImages);
  for (const { node, accumulator } of probes) {
    const { mean, variance } = accumulator.finish(node.key, 1);
    [mean, variance].forEach((measured, index) => {
      const old = statisticsOf(node, 3 + index)?.toNumbers() ?? [];
      const mixed = measured.map((value, at) => share * value + (1 - share) * (old[at] ?? 0));
      const tensor = Tensor.float32([mixed.length], Float32Array.from(mixed));
      const value = node.input(3 + index);
      if (value?.tensor && value.uses.length === 1 && !value.isGraphInput)
        setConstantTensor(value, tensor);
      else node.setInput(3 + index, node.graph.addInitializer(`${node.key}_statistics`, tensor));
    });
  }
}
