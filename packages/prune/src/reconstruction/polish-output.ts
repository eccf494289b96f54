import { cloneModel, createRunContext, type Model, type RunOptions } from "@ocrslim/graph";
import type { Runtime } from "@ocrslim/runtime";
import { PruneError } from "../errors.ts";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { checkImages } from "./check-images.ts";
import { type Disagreement, measureDisagreement } from "./disagreement.ts";
import { type DimsOf, gridOf, inferImageDims } from "./image-geometry.ts";
import { findLayerNode, readLayer, writeLayer } from "./layer-weights.ts";
import { createMomentSummer } from "./moments.ts";
import { type ImageRows, takeNewtonStep } from "./newton-step.ts";
import { listOutputLayers, type OutputLayer } from "./output-layer.ts";
import {
  addInputSampler,
  addOutputSampler,
  outputIndices,
  outputTapsOf,
  windowIndices,
} from "./row-sampler.ts";
import { rowsOf, targetRows } from "./rows.ts";
import { defaultPositions, positionsAt, type SamplePoints, sampleImages } from "./sample-points.ts";

/** Options of {@link polishOutput}. */
export interface PolishOutputOptions extends RunOptions {
  /** The unpruned model, whose probability maps are the targets. */
  readonly teacher: Model;
  /** Unlabelled calibration inputs, one image each. */
  readonly feeds: readonly Feeds[];
  /** Images that decide whether the result is kept; none of `feeds`. */
  readonly heldOut: readonly Feeds[];
  readonly runtime: Runtime;
  /** Newton steps. Default: 2. */
  readonly rounds?: number;
  /** Pull towards the old weights, as a share of the mean of the Hessian's diagonal. Default: 1e-3. */
  readonly damping?: number;
  /** Positions that are sampled of each image. Default: 24,000 / images, 250 to 1000. */
  readonly positions?: number;
  /** How much more often positions at text are sampled: 1 + this. Default: 3. */
  readonly textWeight?: number;
}

/** What {@link polishOutput} uses where options are left out. */
export const POLISH_OUTPUT_DEFAULTS = { rounds: 2, damping: 1e-3, textWeight: 3 } as const;

/** What a polish did. */
export interface PolishReport {
  /** Layers that were fitted, by the first output name of their nodes. */
  readonly layers: readonly string[];
  /** Whether the model was changed: only if the soft distance on held-out images fell. */
  readonly isKept: boolean;
  readonly before: Disagreement;
  readonly after: Disagreement;
  /** Why nothing was tried, if so. */
  readonly reason?: string;
}

/**
 * Fits the layers before the output's Sigmoid to the unpruned model's probabilities: logistic
 * regression with soft targets by Newton steps (iteratively reweighted least squares, weights
 * q(1 − q)), from the pruned model's own inputs. Edits the model only if it comes closer to the
 * unpruned one on held-out images. Needs no labels and forward passes only.
 *
 * After `reconstruct` do not expect much: on PP-OCRv4 det at 0.45 and 0.30 of its MACs it was
 * turned down, since the best fit in divergence hedges where the features are in doubt, and the maps
 * differ more for it. It is for models whose last layer was not refitted.
 * @throws PruneError `invalid-option` without held-out images, or for bad calibration inputs.
 * @category Transforms
 */
export async function polishOutput(
  model: Model,
  options: PolishOutputOptions,
): Promise<PolishReport> {
  const { teacher, feeds, heldOut, runtime } = options;
  const settings = {
    ...POLISH_OUTPUT_DEFAULTS,
    positions: defaultPositions(feeds.length),
    ...options,
    ...createRunContext(options),
  };
  checkImages("polishOutput", feeds, settings.logger);
  if (heldOut.length === 0) {
    throw new PruneError(
      "invalid-option",
      "polishOutput: there are no held-out images; give some that are not among the feeds",
    );
  }
  const points = await sampleImages(teacher, { ...settings, caller: "polishOutput" });
  const before = await measureDisagreement(model, teacher, { feeds: heldOut, runtime });
  const inputShapes = Object.fromEntries(
    Object.entries(feeds[0] ?? {}).map(([name, { dims }]) => [name, dims]),
  );
  const layers = listOutputLayers(model, inputShapes).filter(({ output }) =>
    teacher.graph.outputs.some(({ name }) => name === output),
  );
  const keys = layers.map(({ layer }) => layer.key);
  if (layers.length === 0) {
    const reason = "no output is a Sigmoid of a layer that can be refitted";
    return { layers: keys, isKept: false, before, after: before, reason };
  }
  const trial = cloneModel(model);
  const summer = await createMomentSummer(runtime);
  try {
    const dims = inferImageDims(trial, feeds);
    for (const output of layers) {
      const images = await sampleOutput(trial, teacher, output, { feeds, points, dims, runtime });
      for (let round = 0; round < settings.rounds; round++) {
        settings.signal?.throwIfAborted();
        await takeNewtonStep(trial, output.layer, images, summer, settings.damping);
      }
    }
  } finally {
    await summer.dispose();
  }
  const after = await measureDisagreement(trial, teacher, { feeds: heldOut, runtime });
  const isKept = after.soft < before.soft;
  if (isKept) {
    for (const { layer } of layers) {
      const to = findLayerNode(model, layer);
      const from = findLayerNode(trial, layer);
      const fitted = from && readLayer(from, layer);
      if (to && fitted) {
        const channels = fitted.bias.length / outputTapsOf(layer);
        writeLayer(to, layer, { weight: fitted.weight, bias: fitted.bias.slice(0, channels) });
      }
    }
  }
  return { layers: keys, isKept, before, after };
}

async function sampleOutput(
  student: Model,
  teacher: Model,
  { layer, output }: OutputLayer,
  options: {
    readonly feeds: readonly Feeds[];
    readonly points: readonly SamplePoints[];
    readonly dims: readonly DimsOf[];
    readonly runtime: Runtime;
  },
): Promise<readonly ImageRows[]> {
  const { feeds, points, dims, runtime } = options;
  const node = findLayerNode(student, layer);
  const current = node && readLayer(node, layer);
  if (!current) return [];
  const features = current.weight.length / current.bias.length;
  const inputModel = cloneModel(student);
  inputModel.graph.setOutputs([]);
  const inputSampler = addInputSampler(inputModel, layer, features);
  const targetModel = cloneModel(teacher);
  targetModel.graph.setOutputs([]);
  const channels = current.bias.length / outputTapsOf(layer);
  const targetSampler = addOutputSampler(targetModel, { ...layer, output }, channels);
  await using inputSession = await runtime.load(inputModel);
  await using targetSession = await runtime.load(targetModel);
  const images: ImageRows[] = [];
  for (const [image, feed] of feeds.entries()) {
    const dimsOf = dims[image];
    const imagePoints = points[image];
    const grid = dimsOf && gridOf(layer, dimsOf);
    if (!grid || !imagePoints) continue;
    const at = positionsAt(imagePoints, grid.height, grid.width);
    const inputs = await inputSession.run({
      ...feed,
      [inputSampler.indices]: windowIndices(layer, grid, at),
    });
    const targets = await targetSession.run({
      ...feed,
      [targetSampler.indices]: outputIndices(layer, grid, at),
    });
    const x = inputs[inputSampler.rows];
    const y = targets[targetSampler.rows];
    if (x && y)
      images.push({ inputs: rowsOf(x), targets: targetRows(layer, rowsOf(y), undefined) });
  }
  return images;
}
