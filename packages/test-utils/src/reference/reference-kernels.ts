import { activationKernels } from "./activations.ts";
import { arithmeticKernels } from "./arithmetic.ts";
import { convolutionKernels } from "./convolution.ts";
import { indexingKernels } from "./indexing.ts";
import { matrixKernels } from "./matrix.ts";
import { movementKernels } from "./movement.ts";
import { normalizationKernels } from "./normalization.ts";
import { poolingKernels } from "./pooling.ts";
import { reductionKernels } from "./reduction.ts";
import type { ReferenceKernel } from "./reference-kernel.ts";
import { resizeKernels } from "./resize.ts";
import { scatterKernels } from "./scatter.ts";

/**
 * What computes the operators that `evaluateNode` of `@ocrslim/graph` does not, or slowly, by
 * `opType`: the standard operators, opset 7 and up.
 */
export const referenceKernels: ReadonlyMap<string, ReferenceKernel> = new Map([
  ...activationKernels,
  ...arithmeticKernels,
  ...convolutionKernels,
  ...indexingKernels,
  ...matrixKernels,
  ...movementKernels,
  ...normalizationKernels,
  ...poolingKernels,
  ...reductionKernels,
  ...resizeKernels,
  ...scatterKernels,
]);
