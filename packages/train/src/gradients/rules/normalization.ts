import { float, int, type Value } from "@ocrslim/graph";
import { type GradientRule, notCovered, outputGradient, requireInput } from "../gradient-rule.ts";
import { batchNormalization } from "./batch-normalization.ts";
import { groupNormalization, instanceNormalization } from "./group-normalization.ts";

/**
 * y = scale·h + bias with h = (x − mean)·r and r = 1 / √(variance + ε), over the axes from `axis` on.
 * With g = dy·scale: dx = r·(g − mean(g) − h·mean(g·h)) (Ba, Kiros and Hinton, "Layer
 * Normalization"). h and r come from one more LayerNormalization, which is a single pass.
 */
const layerNormalization: GradientRule = (context) => {
  const { node, ops, needs } = context;
  if (context.gradient(1) || context.gradient(2)) {
    throw notCovered(node, "the loss depends on its mean or its inverse deviation");
  }
  const gradient = outputGradient(context);
  const x = requireInput(context, 0);
  const scale = requireInput(context, 1);
  const dims = ops.dims(x);
  const given = node.int("axis", -1);
  const axis = given < 0 ? given + dims.length : given;
  const axes = [...dims.keys()].slice(axis);
  const bias = node.input(2);
  const biasGradient = needs(2) && bias ? ops.sumTo(gradient, ops.dims(bias)) : undefined;
  if (!needs(0) && !needs(1)) return [undefined, undefined, biasGradient];

  const ones = ops.expand(ops.scalar(1, ops.dtype(x)), dims.slice(axis));
  const [normal, , inverse] = ops.nodes("LayerNormalization", [x, ones], 3, {
    axis: int(axis),
    epsilon: float(node.float("epsilon", 1e-5)),
    stash_type: int(node.int("stash_type", 1)),
  }) as readonly [Value, Value, Value];
  const inputGradient = (): Value => {
    const scaled = ops.mul(gradient, scale);
    const offset = ops.mean(scaled, axes, true);
    const slope = ops.mean(ops.mul(scaled, normal), axes, true);
    return ops.mul(ops.sub(ops.sub(scaled, offset), ops.mul(normal, slope)), inverse);
  };
  return [
    needs(0) ? inputGradient() : undefined,
    needs(1) ? ops.sumTo(ops.mul(gradient, normal), ops.dims(scale)) : undefined,
    biasGradient,
  ];
};

/**
 * y = x / m with m = ‖x‖ along one axis: dx = (dy − m'·Σ dy·y) / m, where m' is y for the Euclidean
 * norm and the sign of x for p = 1. Where x is all 0, ONNX gives 0, and so is the gradient.
 */
const lpNormalization: GradientRule = (context) => {
  const { node, ops, needs } = context;
  if (!needs(0)) return [];
  const gradient = outputGradient(context);
  const x = requireInput(context, 0);
  const y = node.output;
  const axis = node.int("axis", -1);
  const isEuclidean = node.int("p", 2) === 2;
  const norm = ops.node(isEuclidean ? "ReduceL2" : "ReduceL1", [x, ops.ints([axis])], {
    keepdims: int(1),
  });
  const inverse = ops.where(ops.greater(norm, 0), ops.reciprocal(norm), 0);
  const along = ops.sum(ops.mul(gradient, y), [axis], true);
  const direction = isEuclidean ? y : ops.sign(x);
  return [ops.mul(ops.sub(gradient, ops.mul(direction, along)), inverse)];
};

/** Normalizations. */
export const normalizationRules: ReadonlyMap<string, GradientRule> = new Map([
  ["BatchNormalization", batchNormalization],
  ["GroupNormalization", groupNormalization],
  ["InstanceNormalization", instanceNormalization],
  ["LayerNormalization", layerNormalization],
  ["LpNormalization", lpNormalization],
]);
