import type { GradientRule } from "./gradient-rule.ts";
import { activationRules } from "./rules/activations.ts";
import { arithmeticRules } from "./rules/arithmetic.ts";
import { convTransposeRules } from "./rules/conv-transpose.ts";
import { convolutionRules } from "./rules/convolution.ts";
import { indexingRules } from "./rules/indexing.ts";
import { matrixRules } from "./rules/matrix.ts";
import { normalizationRules } from "./rules/normalization.ts";
import { poolingRules } from "./rules/pooling.ts";
import { reductionRules } from "./rules/reductions.ts";
import { reshapingRules } from "./rules/reshaping.ts";
import { resizeRules } from "./rules/resize.ts";
import { selectionRules } from "./rules/selection.ts";

/** The rule of each standard operator that can be differentiated, by `opType`, opset 18 and up. */
export const gradientRules: ReadonlyMap<string, GradientRule> = new Map([
  ...activationRules,
  ...arithmeticRules,
  ...convolutionRules,
  ...convTransposeRules,
  ...indexingRules,
  ...matrixRules,
  ...normalizationRules,
  ...poolingRules,
  ...reductionRules,
  ...reshapingRules,
  ...resizeRules,
  ...selectionRules,
]);
