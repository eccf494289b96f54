import { activationLowerings } from "./lower/activations.ts";
import { arithmeticLowerings } from "./lower/arithmetic.ts";
import { convTransposeLowerings } from "./lower/conv-transpose.ts";
import { convolutionLowerings } from "./lower/convolution.ts";
import { creationLowerings } from "./lower/creation.ts";
import { indexingLowerings } from "./lower/indexing.ts";
import { logicLowerings } from "./lower/logic.ts";
import { matrixLowerings } from "./lower/matrix.ts";
import { normalizationLowerings } from "./lower/normalization.ts";
import { poolingLowerings } from "./lower/pooling.ts";
import { reductionLowerings } from "./lower/reductions.ts";
import { reshapingLowerings } from "./lower/reshaping.ts";
import { resizeLowerings } from "./lower/resize.ts";
import { slicingLowerings } from "./lower/slicing.ts";
import type { Lowering } from "./lowering.ts";

/** How each standard operator is computed with TensorFlow.js, by `opType`, opset 18 and up. */
export const lowerings: ReadonlyMap<string, Lowering> = new Map([
  ...activationLowerings,
  ...arithmeticLowerings,
  ...convolutionLowerings,
  ...convTransposeLowerings,
  ...creationLowerings,
  ...indexingLowerings,
  ...logicLowerings,
  ...matrixLowerings,
  ...normalizationLowerings,
  ...poolingLowerings,
  ...reductionLowerings,
  ...reshapingLowerings,
  ...resizeLowerings,
  ...slicingLowerings,
]);
