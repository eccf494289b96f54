import type { Model } from "@ocrslim/graph";
import type { RuntimeTensor } from "@ocrslim/runtime/core";
import { findLayerNode, readLayer, writeLayer } from "./layer-weights.ts";
import type { LinearLayer } from "./linear-layer.ts";
import { createMoments, type MomentSummer } from "./moments.ts";
import { fitPerChannel } from "./per-channel.ts";
import type { ReconstructedLayer } from "./reconstructed-layer.ts";
import {
  gatherInputs,
  gatherOutputs,
  gridOf,
  positionsAt,
  type Rows,
  type SamplePoints,
} from "./sample-rows.ts";
import { fitLinear, fitSharedBias } from "./solve-layer.ts";

/** What a refit of one layer works with. */
export interface RefitContext {
  readonly summer: MomentSummer;
  /** Points of each image. */
  readonly points: readonly SamplePoints[];
  readonly damping: number;
  /** The layer's outputs with the weights it has now, image by image. */
  readonly currentOutputs: () => Promise<readonly RuntimeTensor[]>;
}

/**
 * Refits one layer of a model, in place: from the inputs that it gets, image by image, to the
 * targets' channels that stay.
 */
export async function refitLayer(
  student: Model,
  layer: LinearLayer,
  inputs: readonly RuntimeTensor[],
  targets: readonly RuntimeTensor[],
  keptOutputs: Int32Array | undefined,
  context: RefitContext,
): Promise<ReconstructedLayer> {
  const node = findLayerNode(student, layer);
  const old = node && readLayer(node, layer);
  if (!node || !old) {
    return { layer: layer.key, method: "declined", reason: "its weight is not a constant" };
  }
  const { summer, points, damping } = context;
  if (layer.convGroups > 1) {
    const outputs = await context.currentOutputs();
    const pairs = rowPairs(layer, outputs, targets, keptOutputs, points);
    return fitPerChannel(node, layer, old, pairs, damping);
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
