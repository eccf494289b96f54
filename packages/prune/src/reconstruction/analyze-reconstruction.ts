import {
  type ChannelGroup,
  type Criterion,
  createRunContext,
  inferShapes,
  type LossCurve,
  type Model,
  type RunOptions,
} from "@ocrslim/graph";
import { captureValues, type Runtime, type RuntimeTensor } from "@ocrslim/runtime/core";
import { PruneError } from "../errors.ts";
import { findDataMember } from "../statistics/activation-statistics.ts";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { type EliminationConsumer, eliminateChannels } from "./eliminate.ts";
import { measureLayerImportance } from "./layer-importance.ts";
import { findLayerNode, readLayer } from "./layer-weights.ts";
import { invertSymmetric, meanDiagonal, withDiagonal } from "./linear-algebra.ts";
import { type LinearLayer, listLinearLayers } from "./linear-layer.ts";
import { covarianceOf, createMomentSummer, createMoments, type Moments } from "./moments.ts";
import { drawPoints, gatherInputs, gatherOutputs, gridOf, positionsAt } from "./sample-rows.ts";

/** Options of {@link analyzeReconstruction}. */
export interface AnalyzeReconstructionOptions extends RunOptions {
  readonly groups: readonly ChannelGroup[];
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Unlabelled calibration inputs, one image each; a few dozen crops are enough. */
  readonly feeds: readonly Feeds[];
  readonly runtime: Runtime;
  /** Positions that are sampled of each layer and image. Default: 1000. */
  readonly positions?: number;
  /** How much more often positions at text are sampled: 1 + this. Default: 3. */
  readonly textWeight?: number;
  /** Added to covariances, as a share of their mean diagonal. Default: 1e-3. */
  readonly damping?: number;
  /** Images on which the importance of layers is measured. Default: 4. */
  readonly importanceImages?: number;
}

/** What {@link analyzeReconstruction} uses where options are left out. */
export const ANALYZE_RECONSTRUCTION_DEFAULTS = {
  positions: 1000,
  textWeight: 3,
  damping: 1e-3,
  importanceImages: 4,
} as const;

/** What removing channels costs if the rest is refitted, group by group. */
export interface ReconstructionAnalysis {
  /** One curve per group that was analysed: estimated loss by the ratio removed. */
  readonly curves: readonly LossCurve[];
  /** Channels in the order in which they should go, by group id. */
  readonly orders: ReadonlyMap<string, readonly number[]>;
  /** Groups that were left out, and why. */
  readonly skipped: readonly { readonly group: string; readonly reason: string }[];
}

/**
 * Finds, for each group, in which order channels should go so that the consumers' outputs can best be
 * restored by a refit of their weights, and what it costs: the refitted relative squared error of
 * each consumer, times what an error of that layer does to the model's output (measured by adding
 * noise to its weights). Forward passes of the unpruned model only; no labels.
 */
export async function analyzeReconstruction(
  model: Model,
  options: AnalyzeReconstructionOptions,
): Promise<ReconstructionAnalysis> {
  const { groups, feeds, runtime } = options;
  if (feeds.length === 0)
    throw new PruneError(
      "invalid-option",
      "analyzeReconstruction: there are no calibration inputs; give a few dozen",
    );
  const context = createRunContext(options);
  const shapes = inferShapes(model, { inputShapes: options.inputShapes });
  const layers = new Map(listLinearLayers(model, shapes).map((layer) => [layer.key, layer]));
  const plans = groups.map((group) => planGroup(group, layers));
  const skipped = plans.flatMap((plan) =>
    plan.reason === undefined ? [] : [{ group: plan.group.id, reason: plan.reason }],
  );
  const active = plans.filter((plan) => plan.reason === undefined);
  const used = new Map(
    active.flatMap((plan) => plan.consumers.map(({ layer }) => [layer.key, layer] as const)),
  );
  const { moments, references } = await sumMoments(
    model,
    [...used.values()],
    options,
    context.random,
  );
  const prepared = new Map<string, { moments: Moments; inverse: Float64Array; price: number }>();
  const task = "measure layers";
  context.onProgress({ kind: "start", task, total: used.size, unit: "layers" });
  const few = Math.min(
    options.importanceImages ?? ANALYZE_RECONSTRUCTION_DEFAULTS.importanceImages,
    feeds.length,
  );
  for (const [key, layer] of used) {
    context.signal?.throwIfAborted();
    const sums = moments.get(key);
    const covariance = sums && covarianceOf(sums);
    if (sums && covariance && covariance.varianceY > 0) {
      const importance = await measureLayerImportance(model, layer, sums, {
        runtime,
        feeds: feeds.slice(0, few),
        references: references.slice(0, few),
        random: context.random,
      });
      const damping =
        (options.damping ?? ANALYZE_RECONSTRUCTION_DEFAULTS.damping) *
        meanDiagonal(covariance.xx, sums.features);
      const inverse = invertSymmetric(
        withDiagonal(covariance.xx, sums.features, damping),
        sums.features,
      );
      if (inverse)
        prepared.set(key, { moments: sums, inverse, price: importance / covariance.varianceY });
    }
    context.onProgress({
      kind: "advance",
      task,
      done: prepared.size,
      total: used.size,
      unit: "layers",
    });
  }
  context.onProgress({ kind: "end", task });
  const curves: LossCurve[] = [];
  const orders = new Map<string, readonly number[]>();
  for (const plan of active) {
    context.signal?.throwIfAborted();
    const consumers = plan.consumers.flatMap(({ layer, featuresOf }): EliminationConsumer[] => {
      const ready = prepared.get(layer.key);
      const node = findLayerNode(model, layer);
      const weights = node && readLayer(node, layer);
      if (!ready || !weights) return [];
      const { features, targets } = ready.moments;
      return [
        {
          features,
          targets,
          inverse: ready.inverse,
          weight: weights.weight,
          price: ready.price,
          featuresOf,
        },
      ];
    });
    if (consumers.length === 0) {
      skipped.push({
        group: plan.group.id,
        reason: "its consumers' inputs do not vary on the calibration images",
      });
      continue;
    }
    const { order, losses } = eliminateChannels(plan.group.width, consumers);
    orders.set(plan.group.id, order);
    const points = Array.from(losses.slice(1), (loss, index) => ({
      ratio: (index + 1) / plan.group.width,
      loss,
    }));
    curves.push({ group: plan.group.id, width: plan.group.width, points });
  }
  return { curves, orders, skipped };
}

/**
 * A criterion by {@link analyzeReconstruction}: the channel that goes last scores highest.
 * @throws PruneError `not-applicable` for a group that was not analysed.
 */
export function reconstruction(analysis: ReconstructionAnalysis): Criterion {
  const criterion: Criterion = (group) => {
    const order = analysis.orders.get(group.id);
    if (!order) {
      const why =
        analysis.skipped.find((entry) => entry.group === group.id)?.reason ?? "it was not analysed";
      throw new PruneError("not-applicable", `reconstruction: ${why}`, { group: group.id });
    }
    const scores = new Float64Array(group.width);
    order.forEach((channel, rank) => {
      scores[channel] = rank;
    });
    return scores;
  };
  return Object.defineProperty(criterion, "name", { value: "reconstruction" });
}

interface GroupPlan {
  readonly group: ChannelGroup;
  readonly consumers: readonly {
    readonly layer: LinearLayer;
    readonly featuresOf: readonly (readonly number[])[];
  }[];
  readonly reason?: string;
}

/** Which layers consume the channels, and through which of their features. */
function planGroup(group: ChannelGroup, layers: ReadonlyMap<string, LinearLayer>): GroupPlan {
  if (group.blocked !== undefined) return { group, consumers: [], reason: group.blocked };
  const consumers: { layer: LinearLayer; featuresOf: readonly (readonly number[])[] }[] = [];
  for (const member of group.members) {
    if (member.role !== "consumer") continue;
    const layer = layers.get(member.node ?? "");
    if (!layer || layer.convGroups > 1 || member.input !== 0) {
      return {
        group,
        consumers: [],
        reason: `${member.opType} "${member.node}" consumes it, which can't be refitted`,
      };
    }
    // Gates see one position an image: too few rows to tell which channels they need.
    if (layer.isGlobal) continue;
    const data = findDataMember(group, layer.data) ?? member;
    const taps = layer.kind === "convolution" ? layer.kernel[0] * layer.kernel[1] : 1;
    const featuresOf: number[][] = Array.from({ length: group.width }, () => []);
    data.channelOf.forEach((channel, index) => {
      for (let tap = 0; channel >= 0 && tap < taps; tap++)
        featuresOf[channel]?.push(index * taps + tap);
    });
    consumers.push({ layer, featuresOf });
  }
  return consumers.length > 0
    ? { group, consumers }
    : { group, consumers, reason: "only gates consume it" };
}

/** One pass of the unpruned model: sums of all layers' inputs and outputs, and the model's outputs. */
async function sumMoments(
  model: Model,
  layers: readonly LinearLayer[],
  options: AnalyzeReconstructionOptions,
  random: () => number,
): Promise<{
  moments: ReadonlyMap<string, Moments>;
  references: readonly Readonly<Record<string, RuntimeTensor>>[];
}> {
  const positions = options.positions ?? ANALYZE_RECONSTRUCTION_DEFAULTS.positions;
  const textWeight = options.textWeight ?? ANALYZE_RECONSTRUCTION_DEFAULTS.textWeight;
  const outputs = model.graph.outputs.map(({ name }) => name);
  const moments = new Map<string, Moments>();
  const references: Readonly<Record<string, RuntimeTensor>>[] = [];
  const summer = await createMomentSummer(options.runtime);
  try {
    await captureValues(options.runtime, model, {
      values: [...new Set([...outputs, ...layers.flatMap(({ data, output }) => [data, output])])],
      feeds: options.feeds,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      async onValues(values) {
        references.push(
          Object.fromEntries(
            outputs.flatMap((name) => (values[name] ? [[name, values[name]]] : [])),
          ),
        );
        const points = drawPoints(positions, random, textWeight, textMap(values, outputs));
        for (const layer of layers) {
          const data = values[layer.data];
          const output = values[layer.output];
          if (!data || !output) continue;
          const grid = gridOf(layer, data, output);
          const at = positionsAt(points, grid.height, grid.width);
          const x = gatherInputs(layer, data, at, grid.width);
          const y = gatherOutputs(layer, output, at, grid.width);
          const sums = moments.get(layer.key) ?? createMoments(x.width, y.width);
          moments.set(layer.key, sums);
          await summer.add(sums, x, y);
        }
      },
    });
  } finally {
    await summer.dispose();
  }
  return { moments, references };
}

/** The probability map, if that is what the model gives: one output [1, 1, height, width]. */
export function textMap(
  values: Readonly<Record<string, RuntimeTensor>>,
  outputs: readonly string[],
): { data: Float32Array; height: number; width: number } | undefined {
  const map = outputs.length === 1 ? values[outputs[0] ?? ""] : undefined;
  const [batch, channels, height = 0, width = 0] = map?.dims ?? [];
  if (!map || batch !== 1 || channels !== 1 || map.dims.length !== 4 || height * width === 0)
    return undefined;
  return { data: map.data as Float32Array, height, width };
}
