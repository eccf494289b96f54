import { extractSubmodel, type Model, type RunContext } from "@ocrslim/graph";
import type { Runtime, RuntimeTensor } from "@ocrslim/runtime";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { type DimsOf, type Grid, gridOf, inferImageDims } from "./image-geometry.ts";
import { assertFiniteMoments } from "./input-moments.ts";
import { findLayerNode, readLayer } from "./layer-weights.ts";
import type { LinearLayer } from "./linear-layer.ts";
import { createMomentSummer, type MomentSummer } from "./moments.ts";
import { changeOutputs, fitPerChannel } from "./per-channel.ts";
import type { ReconstructedLayer } from "./reconstructed-layer.ts";
import { createLayerMoments, refitLayer } from "./refit-layer.ts";
import { addInputSampler, addOutputSampler, outputIndices, windowIndices } from "./row-sampler.ts";
import { gatherRows, type Rows, rowsOf, targetRows } from "./rows.ts";
import { positionsAt, type SamplePoints } from "./sample-points.ts";
import { createValueStore, runImages, type ValueStore } from "./value-store.ts";
import type { WalkPlan, WalkStep } from "./walk-plan.ts";

/** What {@link walkLayers} works with. */
export interface WalkOptions extends RunContext {
  readonly teacher: Model;
  readonly student: Model;
  readonly walk: WalkPlan;
  readonly feeds: readonly Feeds[];
  /** Points of each image. */
  readonly points: readonly SamplePoints[];
  readonly runtime: Runtime;
  readonly damping: number;
  readonly gateDamping: number;
  /** Part (0–1) of the images that count as independent. */
  readonly independent: number;
}

/** The state of a walk. */
interface Walk extends WalkOptions {
  readonly teacherValues: ValueStore;
  /** Values that differ from the teacher's. */
  readonly studentValues: ValueStore;
  readonly dims: readonly DimsOf[];
  readonly summer: MomentSummer;
}

/** Steps for which the unpruned model runs in one go; their targets are held meanwhile. */
const STRETCH = 8;

/**
 * Walks through both models at once, image by image within each layer. The unpruned one runs in
 * stretches of several layers and gives targets at the sampled points; the pruned one runs layer by
 * layer, since each refit changes what comes after it.
 */
export async function walkLayers(options: WalkOptions): Promise<readonly ReconstructedLayer[]> {
  const { walk, feeds, onProgress } = options;
  const { steps } = walk;
  const task = "refit layers";
  const state: Walk = {
    ...options,
    teacherValues: createValueStore(feeds),
    studentValues: createValueStore([]),
    dims: inferImageDims(options.teacher, feeds),
    summer: await createMomentSummer(options.runtime),
  };
  const report: ReconstructedLayer[] = [];
  onProgress({ kind: "start", task, total: steps.length, unit: "layers" });
  try {
    for (let start = 0; start < steps.length; start += STRETCH) {
      const stretch = steps.slice(start, start + STRETCH);
      const targets = await runTeacher(state, stretch, start);
      for (const [index, step] of stretch.entries()) {
        const at = start + index;
        const result = await takeStep(state, step, targets.get(step.layer.key), at < step.lastUse);
        if (result) report.push(result);
        targets.delete(step.layer.key);
        forget(state, at);
        onProgress({ kind: "advance", task, done: at + 1, total: steps.length, unit: "layers" });
      }
    }
  } finally {
    await state.summer.dispose();
    onProgress({ kind: "end", task });
  }
  return report;
}

/** Drops values that nothing reads any more. */
function forget({ walk, teacherValues, studentValues }: Walk, done: number): void {
  for (const store of [teacherValues, studentValues]) {
    for (const name of store.keys()) {
      if ((walk.lastUse.get(name) ?? -1) <= done) store.delete(name);
    }
  }
}

/** Targets of the layers of a stretch that are refitted; its values that are read later are kept. */
async function runTeacher(
  state: Walk,
  stretch: readonly WalkStep[],
  start: number,
): Promise<Map<string, readonly Rows[]>> {
  const { teacher, teacherValues, feeds, runtime } = state;
  const own = new Set(stretch.map(({ layer }) => layer.output));
  const from = [...new Set(stretch.flatMap((step) => step.from))].filter((name) => !own.has(name));
  const end = start + stretch.length - 1;
  const whole = stretch.filter(
    (step, index) => step.lastUse > end || (!step.isChanged && step.lastUse > start + index),
  );
  const model = extractSubmodel(teacher, {
    inputs: from,
    outputs: stretch.map(({ layer }) => layer.output),
  });
  const wanted = new Set(whole.map(({ layer }) => layer.output));
  model.graph.setOutputs(model.graph.outputs.filter(({ name }) => wanted.has(name)));
  const sampled = stretch.flatMap(({ layer, isRefitted, kept }) => {
    const channels = channelsOf(state, layer);
    if (!isRefitted || channels === undefined) return [];
    return [{ layer, kept, sampler: addOutputSampler(model, layer, channels) }];
  });
  const targets = new Map(sampled.map(({ layer }) => [layer.key, [] as Rows[]]));
  const values = new Map(whole.map(({ layer }) => [layer.output, [] as RuntimeTensor[]]));
  if (model.graph.outputs.length > 0) {
    await runImages(runtime, model, {
      ...state,
      images: feeds.length,
      lookup: (name) => teacherValues.get(name),
      extra: (image) =>
        Object.fromEntries(
          sampled.flatMap(({ layer, sampler }) => {
            const at = positionsOf(state, layer, image);
            return at ? [[sampler.indices, outputIndices(layer, at.grid, at.positions)]] : [];
          }),
        ),
      onImage(outputs) {
        for (const { layer, kept, sampler } of sampled) {
          const rows = outputs[sampler.rows];
          if (rows) targets.get(layer.key)?.push(targetRows(layer, rowsOf(rows), kept));
        }
        for (const [name, list] of values) if (outputs[name]) list.push(outputs[name]);
      },
    });
  }
  for (const [name, list] of values) teacherValues.set(name, list);
  return targets;
}

/** Refits a layer and computes its outputs, if they are read later. */
async function takeStep(
  state: Walk,
  step: WalkStep,
  targets: readonly Rows[] | undefined,
  isRead: boolean,
): Promise<ReconstructedLayer | undefined> {
  const { student, studentValues } = state;
  const { layer } = step;
  if (!step.isChanged) return undefined;
  const node = findLayerNode(student, layer);
  const old = node && readLayer(node, layer);
  // Pruning a depthwise layer changes its number of groups.
  const convGroups = node?.opType === "Conv" ? node.int("group", 1) : 1;
  const isDepthwise = convGroups > 1 && convGroups === old?.bias.length;
  let report: ReconstructedLayer | undefined;
  if (step.isRefitted) {
    if (!node || !targets) {
      const reason = targets ? "the pruned model has no such node" : "its shape is not known";
      report = { layer: layer.key, method: "declined", reason };
    } else if (!old || isDepthwise) {
      const outputs = await runStudent(state, step);
      const pairs = outputs.flatMap((output, image) => {
        const target = targets[image];
        const at = positionsOf(state, layer, image);
        return target && at ? [{ output: gatherRows(output, at.positions), target }] : [];
      });
      const fit = fitPerChannel(node, layer, pairs, state.damping);
      const { change } = fit;
      if (isRead) {
        studentValues.set(
          layer.output,
          change ? outputs.map((output) => changeOutputs(output, change)) : outputs,
        );
      }
      return fit.report;
    } else {
      const damping = layer.isGlobal ? state.gateDamping : state.damping;
      const sums = createLayerMoments(state.summer, old, convGroups);
      const features = (old.weight.length / old.bias.length) * convGroups;
      await sumStudentRows(state, step, features, async (inputs, image) => {
        const target = targets[image];
        if (!target) return;
        await sums.add(inputs, target);
        for (const moments of sums.groups)
          assertFiniteMoments("reconstruct", layer, moments, image);
      });
      report = refitLayer(node, layer, sums, { damping, independent: state.independent });
    }
  }
  if (isRead) studentValues.set(layer.output, await runStudent(state, step));
  return report;
}

/** The rows of a layer's actual inputs, image by image. */
async function sumStudentRows(
  state: Walk,
  { layer, from }: WalkStep,
  features: number,
  onRows: (inputs: Rows, image: number) => Promise<void>,
): Promise<void> {
  const model = extractSubmodel(state.student, { inputs: from, outputs: [layer.data] });
  model.graph.setOutputs([]);
  const sampler = addInputSampler(model, layer, features);
  await runImages(state.runtime, model, {
    ...state,
    images: state.feeds.length,
    lookup: (name) => state.studentValues.get(name) ?? state.teacherValues.get(name),
    extra: (image) => {
      const at = positionsOf(state, layer, image);
      return at ? { [sampler.indices]: windowIndices(layer, at.grid, at.positions) } : {};
    },
    async onImage(outputs, image) {
      const rows = outputs[sampler.rows];
      if (rows) await onRows(rowsOf(rows), image);
    },
  });
}

/** A layer's outputs with the weights it has now. */
async function runStudent(
  state: Walk,
  { layer, from }: WalkStep,
): Promise<readonly RuntimeTensor[]> {
  const model = extractSubmodel(state.student, { inputs: from, outputs: [layer.output] });
  const results: RuntimeTensor[] = [];
  await runImages(state.runtime, model, {
    ...state,
    images: state.feeds.length,
    lookup: (name) => state.studentValues.get(name) ?? state.teacherValues.get(name),
    onImage(outputs) {
      const tensor = outputs[layer.output];
      if (tensor) results.push(tensor);
    },
  });
  return results;
}

/** The positions of an image at which a layer is sampled. */
function positionsOf(
  { dims, points }: Walk,
  layer: LinearLayer,
  image: number,
): { readonly grid: Grid; readonly positions: Int32Array } | undefined {
  const dimsOf = dims[image];
  const imagePoints = points[image];
  const grid = dimsOf && gridOf(layer, dimsOf);
  if (!grid || !imagePoints) return undefined;
  return { grid, positions: positionsAt(imagePoints, grid.height, grid.width) };
}

/** Output channels of the unpruned model's layer, if the shapes of all images are known. */
function channelsOf({ dims }: Walk, layer: LinearLayer): number | undefined {
  if (!dims.every((dimsOf) => gridOf(layer, dimsOf))) return undefined;
  const output = dims[0]?.(layer.output);
  return layer.kind === "matrix" ? output?.[output.length - 1] : output?.[1];
}
