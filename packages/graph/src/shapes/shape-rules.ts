import { constantRules } from "./rules/constants.ts";
import { convolutionRules } from "./rules/convolution.ts";
import { elementwiseRules } from "./rules/elementwise.ts";
import { indexingRules } from "./rules/indexing.ts";
import { matrixRules } from "./rules/matrix.ts";
import { normalizationRules } from "./rules/normalization.ts";
import { poolingRules } from "./rules/pooling.ts";
import { recurrentRules } from "./rules/recurrent.ts";
import { reductionRules } from "./rules/reduction.ts";
import { reshapeRules } from "./rules/reshape.ts";
import { resizeRules } from "./rules/resize.ts";
import { sliceRules } from "./rules/slices.ts";
import type { ShapeRule } from "./shape-rule.ts";

/** The rule of each standard operator, opset 7 and up, by `opType`. */
export const shapeRules: ReadonlyMap<string, ShapeRule> = new Map([
  ...constantRules,
  ...convolutionRules,
  ...elementwiseRules,
  ...indexingRules,
  ...matrixRules,
  ...normalizationRules,
  ...poolingRules,
  ...recurrentRules,
  ...reductionRules,
  ...reshapeRules,
  ...resizeRules,
  ...sliceRules,
]);

/** The name that rule tables know an operator by: `opType`, or `domain:opType` for other domains. */
export function operatorName(node: { readonly domain: string; readonly opType: string }): string {
  return node.domain === "" ? node.opType : `${node.domain}:${node.opType}`;
}
