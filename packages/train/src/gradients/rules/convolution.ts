import { type Convolution, convolutionInputGradient } from "../convolution-input.ts";
import { convolutionWeightGradient } from "../convolution-weight.ts";
import { type GradientRule, outputGradient, requireInput } from "../gradient-rule.ts";
import { resolveWindow } from "../window.ts";

/** y = conv(x, w) + b of any stride, padding, dilation and group, over one or more spatial axes. */
const conv: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const x = requireInput(context, 0);
  const w = requireInput(context, 1);
  const gradient = outputGradient(context);
  const input = ops.dims(x);
  const weight = ops.dims(w);
  const convolution: Convolution = {
    window: resolveWindow(node, weight.slice(2), input.slice(2), ops.dims(gradient).slice(2)),
    convGroups: node.int("group", 1),
    input,
    weight,
  };
  const positions = input.map((_, axis) => axis).filter((axis) => axis !== 1);
  return [
    needs(0) ? convolutionInputGradient(ops, gradient, w, convolution) : undefined,
    needs(1) ? convolutionWeightGradient(ops, gradient, x, convolution) : undefined,
    needs(2) ? ops.sum(gradient, positions) : undefined,
  ];
};

export const convolutionRules: ReadonlyMap<string, GradientRule> = new Map([["Conv", conv]]);
