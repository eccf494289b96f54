import {
  type ChannelGroup,
  createRunContext,
  extractSubmodel,
  findChannelGroups,
  inferShapes,
  keptIndices,
  type Model,
  type PruningPlan,
  type RunOptions,
  type Transform,
  type Value,
} from "@ocrslim/graph";
import type { Runtime, RuntimeTensor } from "@ocrslim/runtime/core";
import { PruneError } from "../errors.ts";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { textMap } from "./analyze-reconstruction.ts";
import { findCuts, lastUses } from "./cuts.ts";
import { findLayerNode, readLayer, writeLayer } from "./layer-weights.ts";
import { type LinearLayer, listLinearLayers } from "./linear-layer.ts";
import { createMomentSummer, createMoments, type MomentSummer } from "./moments.ts";
import { fitPerChannel } from "./per-channel.ts";
import {
  drawPoints,
  gatherInputs,
  gatherOutputs,
  gridOf,
  positionsAt,
  type Rows,
  type SamplePoints,
} from "./sample-rows.ts";
import { fitLinear, fitSharedBias } from "./solve-layer.ts";

/** Options of {@link reconstruct}. */
export interface ReconstructOptions extends RunOptions {
  /** The unpruned model, whose layers' outputs are the targets. */
  readonly teacher: Model;
  /** The plan that the model was pruned by. */
  readonly plan: PruningPlan;
  /** Unlabelled calibration inputs, one image each, all of them read several times. */
  readonly feeds: readonly Feeds[];
  readonly runtime: Runtime;
  /** Groups of the teacher. Default: found at the plan's input shapes. */
  readonly groups?: readonly ChannelGroup[];
  /** Positions that are sampled of each layer and image. Default: 1000. */
  readonly positions?: number;
  /** How much more often positions at text are sampled: 1 + this. Default: 3. */
  readonly textWeight?: number;
  /** Pull towards the old weights, as a share of the mean variance of a layer's inputs. Default: 1e-3. */
  readonly damping?: number;
  /** The same for layers that see one position an image (gates). Default: 0.1. */
  readonly gateDamping?: number;
}

/** What {@link reconstruct} uses where options are left out. */
export const RECONSTRUCT_DEFAULTS = {
  positions: 1000,
  textWeight: 3,
  damping: 1e-3,
  gateDamping: 0.1,
} as const;

/** What became of one layer. */
export interface ReconstructedLayer {
  /** First output name of the node. */
  readonly layer: string;
  readonly method: "least-squares" | "per-channel" | "declined";
  /** Mean squared error over the variance of the targets, before and after. */
  readonly errorBefore?: number;
  readonly errorAfter?: number;
  readonly rows?: number;
  readonly damping?: number;
  readonly reason?: string;
}

/**
 * Refits every layer of a pruned model by least squares, in the order in which they run: inputs are
 * those of the pruned and already refitted model, targets the unpruned model's outputs of the
 * channels that stay. So each layer also makes up for what the layers before it could not (He et al.
 * 2017, §3.2). Depthwise and grouped convolutions get a gain and a bias per channel. Biases are made
 * where there were none.
 *
 * @example
 * ```
 * await transform(model, [pruneChannels({ plan }), reconstruct({ teacher, plan, feeds, runtime })]);
 * ```
 */
export function reconstruct(options: ReconstructOptions): Transform {
  return {
    name: "reconstruct",
    async run(model, context) {
      const layers = await reconstructLayers(model, { ...context, ...options });
      const refitted = layers.filter(({ method }) => method !== "declined").length;
      return { modified: refitted > 0, counts: { refitted, declined: layers.length - refitted } };
    },
  };
}

/** What {@link reconstruct} does, as a function: edits the model, and reports on each layer. */
export async function reconstructLayers(
  student: Model,
  options: ReconstructOptions,
): Promise<readonly ReconstructedLayer[]> {
  const { teacher, plan, feeds, runtime } = options;
  if (feeds.length === 0)
    throw new PruneError(
      "invalid-option",
      "reconstruct: there are no calibration inputs; give a few dozen",
    );
  const context = createRunContext(options);
  const shapes = inferShapes(teacher, { inputShapes: plan.inputShapes });
  const groups = options.groups ?? findChannelGroups(teacher, { shapes });
  const kept = keptIndices(groups, new Map(plan.groups.map(({ id, keep }) => [id, keep])));
  const layers = listLinearLayers(teacher, shapes);
  const cuts = findCuts(teacher, layers);
  const last = lastUses(layers, cuts);
  const points = await samplePoints(teacher, options, context.random);
  const teacherValues = createValueStore(feeds);
  const studentValues = createValueStore(feeds);
  const changed = new Set<string>();
  const summer = await createMomentSummer(runtime);
  const report: ReconstructedLayer[] = [];
  const task = "refit layers";
  context.onProgress({ kind: "start", task, total: layers.length, unit: "layers" });
  try {
    for (const [index, layer] of layers.entries()) {
      context.signal?.throwIfAborted();
      const from = cuts.get(layer.key) ?? [];
      const rank = shapes.shapeOf(teacher.graph.value(layer.output) as Value)?.length ?? 4;
      const channelAxis = layer.kind === "matrix" ? rank - 1 : 1;
      const isChanged = from.some((name) => changed.has(name));
      const keptOutputs = kept.get(layer.output)?.get(channelAxis);
      if (isChanged || keptOutputs) changed.add(layer.output);
      const targets = await runSegment(
        runtime,
        teacher,
        teacherValues,
        from,
        layer.output,
        feeds.length,
      );
      const inputs = await runSegment(
        runtime,
        student,
        studentValues,
        from,
        layer.data,
        feeds.length,
      );
      if (isChanged)
        report.push(
          await refitLayer(student, layer, inputs, targets, keptOutputs, {
            options,
            summer,
            points,
            runtime,
          }),
        );
      teacherValues.set(layer.output, targets);
      const own = new Map([[layer.data, inputs]]);
      studentValues.set(
        layer.output,
        await runSegment(runtime, student, own, [layer.data], layer.output, feeds.length),
      );
      for (const name of last.get(index) ?? []) {
        teacherValues.delete(name);
        studentValues.delete(name);
      }
      context.onProgress({
        kind: "advance",
        task,
        done: index + 1,
        total: layers.length,
        unit: "layers",
      });
    }
  } finally {
    await summer.dispose();
    context.onProgress({ kind: "end", task });
  }
  return report;
}

type ValueStore = Map<string, readonly RuntimeTensor[]>;

function createValueStore(feeds: readonly Feeds[]): ValueStore {
  const store: ValueStore = new Map();
  for (const name of Object.keys(feeds[0] ?? {})) {
    store.set(
      name,
      feeds.flatMap((feed) => (feed[name] ? [feed[name]] : [])),
    );
  }
  return store;
}

/** Computes a value for all images from values that are known. */
async function runSegment(
  runtime: Runtime,
  model: Model,
  store: ReadonlyMap<string, readonly RuntimeTensor[]>,
  from: readonly string[],
  output: string,
  count: number,
): Promise<readonly RuntimeTensor[]> {
  const known = store.get(output);
  if (known) return known;
  await using session = await runtime.load(
    extractSubmodel(model, { inputs: from, outputs: [output] }),
  );
  const results: RuntimeTensor[] = [];
  for (let image = 0; image < count; image++) {
    const feed: Record<string, RuntimeTensor> = {};
    for (const { name } of session.inputs) {
      const tensor = store.get(name)?.[image];
      if (tensor) feed[name] = tensor;
    }
    const result = (await session.run(feed))[output];
    if (result) results.push(result);
  }
  return results;
}

/** Points of each image, drawn by the teacher's map. */
async function samplePoints(
  teacher: Model,
  options: ReconstructOptions,
  random: () => number,
): Promise<readonly SamplePoints[]> {
  const positions = options.positions ?? RECONSTRUCT_DEFAULTS.positions;
  const textWeight = options.textWeight ?? RECONSTRUCT_DEFAULTS.textWeight;
  const outputs = teacher.graph.outputs.map(({ name }) => name);
  await using session = await options.runtime.load(teacher);
  const points: SamplePoints[] = [];
  for (const feed of options.feeds) {
    points.push(
      drawPoints(positions, random, textWeight, textMap(await session.run(feed), outputs)),
    );
  }
  return points;
}

interface RefitContext {
  readonly options: ReconstructOptions;
  readonly summer: MomentSummer;
  readonly points: readonly SamplePoints[];
  readonly runtime: Runtime;
}

async function refitLayer(
  student: Model,
  layer: LinearLayer,
  inputs: readonly RuntimeTensor[],
  targets: readonly RuntimeTensor[],
  keptOutputs: Int32Array | undefined,
  context: RefitContext,
): Promise<ReconstructedLayer> {
  const node = findLayerNode(student, layer);
  const old = node && readLayer(node, layer);
  if (!node || !old)
    return { layer: layer.key, method: "declined", reason: "its weight is not a constant" };
  const { options, summer, points } = context;
  const damping = layer.isGlobal
    ? (options.gateDamping ?? RECONSTRUCT_DEFAULTS.gateDamping)
    : (options.damping ?? RECONSTRUCT_DEFAULTS.damping);
  if (layer.convGroups > 1) {
    const outputs = await runSegment(
      context.runtime,
      student,
      new Map([[layer.data, inputs]]),
      [layer.data],
      layer.output,
      inputs.length,
    );
    return fitPerChannel(
      node,
      layer,
      old,
      rowPairs(layer, outputs, targets, keptOutputs, points),
      damping,
    );
  }
  const moments = createMoments(old.weight.length / old.bias.length, old.bias.length);
  for (const [image, data] of inputs.entries()) {
    const target = targets[image];
    const imagePoints = points[image];
    if (!target || !imagePoints) continue;
    const grid = gridOf(layer, data, target);
    const at = positionsAt(imagePoints, grid.height, grid.width);
    const wanted = takeColumns(
      gatherOutputs(layer, target, at, grid.width),
      keptOutputs,
      old.bias.length,
    );
    await summer.add(moments, gatherInputs(layer, data, at, grid.width), wanted);
  }
  const fit = fitLinear(moments, old, damping);
  if (typeof fit === "string")
    return { layer: layer.key, method: "declined", reason: fit, rows: moments.count };
  const taps = layer.kind === "transposed" ? layer.kernel[0] * layer.kernel[1] : 1;
  writeLayer(node, layer, taps > 1 ? fitSharedBias(moments, fit, taps) : fit);
  const { errorBefore, errorAfter } = fit;
  return {
    layer: layer.key,
    method: "least-squares",
    errorBefore,
    errorAfter,
    rows: moments.count,
    damping: fit.damping,
  };
}

/** Outputs and targets of a layer at the sampled positions, image by image. */
function rowPairs(
  layer: LinearLayer,
  outputs: readonly RuntimeTensor[],
  targets: readonly RuntimeTensor[],
  keptOutputs: Int32Array | undefined,
  points: readonly SamplePoints[],
): readonly { readonly output: Rows; readonly target: Rows }[] {
  return outputs.flatMap((output, image) => {
    const target = targets[image];
    const imagePoints = points[image];
    if (!target || !imagePoints) return [];
    const [, channels = 1, height = 1, width = 1] = output.dims;
    const at = positionsAt(imagePoints, height, width);
    const plain: LinearLayer = { ...layer, kind: "convolution" };
    const rows = gatherOutputs(plain, output, at, width);
    return [
      {
        output: rows,
        target: takeColumns(gatherOutputs(plain, target, at, width), keptOutputs, channels),
      },
    ];
  });
}

/** The columns of the channels that stay; with taps, of every tap. */
function takeColumns(rows: Rows, keptChannels: Int32Array | undefined, width: number): Rows {
  if (!keptChannels || rows.width === width) return rows;
  const taps = width / keptChannels.length;
  const channels = rows.width / taps;
  const data = new Float32Array(rows.count * width);
  for (let row = 0; row < rows.count; row++) {
    for (let tap = 0; tap < taps; tap++) {
      const from = row * rows.width + tap * channels;
      const to = row * width + tap * keptChannels.length;
      for (let column = 0; column < keptChannels.length; column++) {
        data[to + column] = rows.data[from + (keptChannels[column] as number)] as number;
      }
    }
  }
  return { count: rows.count, width, data };
}
