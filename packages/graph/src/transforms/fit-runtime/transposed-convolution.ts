import { readTiling } from "./convolution.ts";
import { replaceTiling } from "./phases.ts";
import type { Rewrite } from "./rewrite.ts";

/**
 * ConvTranspose whose stride is its kernel's size: a 1×1 convolution and DepthToSpace, with the
 * activations, 1×1 convolutions and further ones of its kind that follow done before DepthToSpace.
 */
export const transposedConvolution: Rewrite = {
  kind: "transposed-convolution",
  opTypes: ["ConvTranspose"],
  matches: (node) => readTiling(node) !== undefined,
  variants: [
    {
      name: "phases",
      apply(node) {
        const tiling = readTiling(node);
        return tiling !== undefined && replaceTiling(tiling);
      },
    },
  ],
};
