import { type Node, operatorName, type Value } from "@ocrslim/graph";

/** Where a likelihood is taken: before the sigmoid, or at probabilities that come from elsewhere. */
export interface LikelihoodPoint {
  readonly value: Value;
  readonly isLogit: boolean;
}

/** Operators that move elements about and leave each as it is; data is input 0. */
const MOVING: ReadonlySet<string> = new Set([
  "Identity",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
]);

/** Operators whose results are probabilities without a logit that one could take instead. */
const PROBABILITY: ReadonlySet<string> = new Set(["HardSigmoid", "Softmax"]);

/**
 * What an output says about its likelihood: the input of the Sigmoid that it comes from; itself if it
 * is a HardSigmoid or Softmax; else it is a logit already.
 */
export function findLikelihoodPoint(output: Value): LikelihoodPoint {
  let node: Node | undefined = output.producer;
  while (node && MOVING.has(operatorName(node))) node = node.input(0)?.producer;
  const name = node ? operatorName(node) : "";
  if (name === "Sigmoid") return { value: node?.input(0) ?? output, isLogit: true };
  return { value: output, isLogit: !PROBABILITY.has(name) };
}
