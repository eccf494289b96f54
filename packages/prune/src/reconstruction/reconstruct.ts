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
import { listLinearLayers } from "./linear-layer.ts";
import { createMomentSummer } from "./moments.ts";
import type { ReconstructedLayer } from "./reconstructed-layer.ts";
import { refitLayer } from "./refit-layer.ts";
import { drawPoints, type SamplePoints } from "./sample-rows.ts";

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
  const settings = { ...RECONSTRUCT_DEFAULTS, ...options };
  if (feeds.length === 0) {
    throw new PruneError(
      "invalid-option",
      "reconstruct: there are no calibration inputs; give a few dozen",
    );
  }
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
      const targets = await runSegment(runtime, teacher, teacherValues, from, layer.output);
      teacherValues.set(layer.output, targets);
      if (changed.has(layer.output)) {
        const inputs = await runSegment(runtime, student, studentValues, from, layer.data);
        const own = new Map([[layer.data, inputs]]);
        const currentOutputs = (): Promise<readonly RuntimeTensor[]> =>
          runSegment(runtime, student, own, [layer.data], layer.output);
        if (isChanged) {
          const damping = layer.isGlobal ? settings.gateDamping : settings.damping;
          const refit = { summer, points, damping, currentOutputs };
          report.push(await refitLayer(student, layer, inputs, targets, keptOutputs, refit));
        }
        studentValues.set(layer.output, await currentOutputs());
      } else studentValues.set(layer.output, targets);
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
): Promise<readonly RuntimeTensor[]> {
  const known = store.get(output);
  if (known) return known;
  await using session = await runtime.load(
    extractSubmodel(model, { inputs: from, outputs: [output] }),
  );
  const count = Math.max(0, ...Array.from(store.values(), (tensors) => tensors.length));
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
  const { positions, textWeight } = { ...RECONSTRUCT_DEFAULTS, ...options };
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
