import type { Value } from "@ocrslim/graph";
import type { UpdateContext } from "./optimizer.ts";

/** Whether a weight decay is known to be none, so that it can be left out of the graph. @internal */
export function isDecayFree({ ops, weightDecay }: UpdateContext): boolean {
  return ops.numbers(weightDecay)?.every((number) => number === 0) ?? false;
}

/** g + λ·p: L2 regularization, as a part of the gradient. @internal */
export function withL2(context: UpdateContext): Value {
  const { ops, parameters, gradient, weightDecay } = context;
  if (isDecayFree(context)) return gradient;
  return ops.add(gradient, ops.mul(parameters, weightDecay));
}
