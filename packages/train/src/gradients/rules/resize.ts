import type { Node } from "@ocrslim/graph";
import { type AxisMap, transposeAxisMaps } from "../axis-map.ts";
import {
  type GradientContext,
  type GradientRule,
  notCovered,
  outputGradient,
  requireInput,
} from "../gradient-rule.ts";
import {
  type AxisResize,
  COORDINATES,
  type CoordinateMode,
  listResizeTaps,
  type ResizeModes,
  ROUNDINGS,
  type RoundingMode,
} from "../resize-taps.ts";

/**
 * Resize is linear and separable: y = A_h · x · A_wᵀ with the matrices of its weights, hence
 * dX = A_hᵀ · dY · A_w (see {@link transposeAxisMaps}).
 */
const resize: GradientRule = (context) => {
  const { node, ops, needs } = context;
  if (!needs(0)) return [];
  const modes = readModes(node);
  const maps = readAxes(context).map(({ axis, ...own }): AxisMap => {
    return { axis, size: own.size, taps: listResizeTaps(own, modes) };
  });
  return [transposeAxisMaps(ops, outputGradient(context), maps)];
};

function readModes(node: Node): ResizeModes {
  const mode = node.string("mode", "nearest");
  const coordinates = node.string("coordinate_transformation_mode", "half_pixel");
  const rounding = node.string("nearest_mode", "round_prefer_floor");
  if (mode !== "nearest" && mode !== "linear" && mode !== "cubic") {
    throw notCovered(node, `mode "${mode}"`);
  }
  if (!Object.hasOwn(COORDINATES, coordinates)) {
    throw notCovered(node, `coordinate_transformation_mode "${coordinates}"`);
  }
  if (!Object.hasOwn(ROUNDINGS, rounding)) throw notCovered(node, `nearest_mode "${rounding}"`);
  if (mode !== "nearest" && node.int("antialias", 0) !== 0) throw notCovered(node, "antialias");
  return {
    mode,
    coordinates: coordinates as CoordinateMode,
    rounding: rounding as RoundingMode,
    cubicCoefficient: node.float("cubic_coeff_a", -0.75),
    excludesOutside: node.int("exclude_outside", 0) !== 0,
  };
}

/** Every axis that the node resizes, with the scale that ONNX Runtime computes places from. */
function readAxes(context: GradientContext): readonly (AxisResize & { readonly axis: number })[] {
  const { node, ops } = context;
  const input = ops.dims(requireInput(context, 0));
  const output = ops.dims(outputGradient(context));
  const axes = (node.ints("axes") ?? [...input.keys()]).map((axis) =>
    axis < 0 ? axis + input.length : axis,
  );
  const scalesOf = (): readonly number[] => {
    const sizes = readNumbers(context, 3);
    if (sizes.length === 0) return readNumbers(context, 2);
    const ratios = axes.map((axis, index) => (sizes[index] ?? 1) / (input[axis] ?? 1));
    const policy = node.string("keep_aspect_ratio_policy", "stretch");
    if (policy === "stretch") return ratios;
    const common = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
    return ratios.map(() => common);
  };
  const scales = scalesOf();
  return axes.map((axis, index) => ({
    axis,
    size: input[axis] ?? 1,
    outputSize: output[axis] ?? 1,
    scale: scales[index] ?? 1,
  }));
}

/** Elements of an optional input; none if it is absent. */
function readNumbers({ node, ops }: GradientContext, index: number): readonly number[] {
  const value = node.input(index);
  if (!value) return [];
  const numbers = ops.numbers(value);
  if (!numbers) throw notCovered(node, `input ${index} is not constant`);
  return numbers;
}

export const resizeRules: ReadonlyMap<string, GradientRule> = new Map([["Resize", resize]]);
