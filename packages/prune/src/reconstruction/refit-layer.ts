import type { Node } from "@ocrslim/graph";
import { readLayer, writeBias, writeLayer } from "./layer-weights.ts";
import type { LinearLayer } from "./linear-layer.ts";
import { createMoments, type MomentSummer, type Moments } from "./moments.ts";
import type { ReconstructedLayer } from "./reconstructed-layer.ts";
import { outputTapsOf } from "./row-sampler.ts";
import { type Rows, sliceRows } from "./rows.ts";
import { errorOfFunction, fitLinear, type LinearFunction, meanBias } from "./solve-layer.ts";

/** The sums of one layer in the making: one for each of its convolution groups. */
export interface LayerMoments {
  readonly groups: readonly Moments[];
  add(inputs: Rows, targets: Rows): Promise<void>;
}

/** Prepares a refit: features [of one group, …] and targets by group. */
export function createLayerMoments(
  summer: MomentSummer,
  { weight, bias }: LinearFunction,
  convGroups: number,
): LayerMoments {
  const features = weight.length / bias.length;
  const targets = bias.length / convGroups;
  const groups = Array.from({ length: convGroups }, () => createMoments(features, targets));
  return {
    groups,
    async add(inputs, rows) {
      for (const [index, moments] of groups.entries()) {
        const x = sliceRows(inputs, index * features, (index + 1) * features);
        const y = sliceRows(rows, index * targets, (index + 1) * targets);
        await summer.add(moments, x, y);
      }
    },
  };
}

/**
 * Refits a layer, in place, by least squares on the sums of its actual inputs and of the targets,
 * each convolution group for itself. Where a group can't be refitted, its mean is made right.
 */
export function refitLayer(
  node: Node,
  layer: LinearLayer,
  sums: LayerMoments,
  options: { readonly damping: number; readonly independent: number },
): ReconstructedLayer {
  const old = readLayer(node, layer);
  if (!old)
    return { layer: layer.key, method: "declined", reason: "its weight or bias is not a constant" };
  const taps = outputTapsOf(layer);
  const { hasBias } = layer;
  const weight = old.weight.slice();
  const bias = old.bias.slice(0, old.bias.length / taps);
  let [before, after, variance, damping, refitted] = [0, 0, 0, 0, 0];
  const reasons = new Set<string>();
  for (const [index, moments] of sums.groups.entries()) {
    const own = columnsOf(old, moments, index);
    const fit = fitLinear(moments, own, { ...options, taps, hasBias });
    if (typeof fit === "string") {
      reasons.add(fit);
      const start = errorOfFunction(moments, own, hasBias);
      before += start.error;
      variance += start.variance;
      if (hasBias) {
        const mean = meanBias(moments, own, taps);
        bias.set(mean, index * mean.length);
        after += errorOfFunction(moments, { ...own, bias: mean }, true).error;
      } else after += start.error;
      continue;
    }
    refitted++;
    putColumns(weight, fit.weight, moments, index, old.bias.length);
    bias.set(fit.bias, index * fit.bias.length);
    before += fit.errorBefore;
    after += fit.errorAfter;
    variance += fit.variance;
    damping = Math.max(damping, fit.damping);
  }
  const rows = sums.groups[0]?.count ?? 0;
  if (![...weight, ...bias].every(Number.isFinite)) {
    return { layer: layer.key, method: "declined", reason: "the refit is not finite", rows };
  }
  const [reason] = reasons;
  const method = refitted > 0 ? "least-squares" : hasBias ? "bias" : "declined";
  if (refitted > 0) writeLayer(node, layer, { weight, bias });
  else if (hasBias) writeBias(node, bias);
  return {
    layer: layer.key,
    method,
    errorBefore: variance > 0 ? before / variance : 0,
    errorAfter: variance > 0 ? after / variance : 0,
    rows,
    ...(refitted > 0 ? { damping } : {}),
    ...(reason ? { reason } : {}),
  };
}

/** The part of a function that one convolution group computes. */
function columnsOf(
  { weight, bias }: LinearFunction,
  { features, targets }: Moments,
  group: number,
): LinearFunction {
  const all = bias.length;
  if (all === targets) return { weight, bias };
  const own = new Float64Array(features * targets);
  for (let row = 0; row < features; row++) {
    const from = row * all + group * targets;
    own.set(weight.subarray(from, from + targets), row * targets);
  }
  return { weight: own, bias: bias.slice(group * targets, (group + 1) * targets) };
}

function putColumns(
  weight: Float64Array,
  own: Float64Array,
  { features, targets }: Moments,
  group: number,
  all: number,
): void {
  for (let row = 0; row < features; row++)
    weight.set(own.subarray(row * targets, (row + 1) * targets), row * all + group * targets);
}
