import { convolutionCases, convTransposeCases } from "./convolution.ts";
import { activationCases, arithmeticCases, logicCases } from "./elementwise.ts";
import { indexingCases, matrixCases } from "./indexing.ts";
import { normalizationCases, reductionCases } from "./reductions.ts";
import { poolingCases, resizeCases } from "./resolution.ts";
import { reshapingCases, slicingCases } from "./shaping.ts";
import type { TfjsCase } from "./tfjs-case.ts";

/** Every lowering at least once. */
export const tfjsCases: Readonly<Record<string, readonly TfjsCase[]>> = {
  arithmetic: arithmeticCases,
  activations: activationCases,
  logic: logicCases,
  reductions: reductionCases,
  reshaping: reshapingCases,
  slicing: slicingCases,
  indexing: indexingCases,
  matrix: matrixCases,
  convolution: convolutionCases,
  convTranspose: convTransposeCases,
  pooling: poolingCases,
  normalization: normalizationCases,
  resize: resizeCases,
};
