import type { Node } from "@ocrslim/graph";

const MIXERS: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** @internal Whether a node is a convolution or a matrix product. */
export const isMixer = (node: Node): boolean => node.domain === "" && MIXERS.has(node.opType);

/** @internal How a convolution's channels are grouped; `dense` for matrix products. */
export type Grouping = "dense" | "grouped" | `depthwise ${number}`;

/** @internal `depthwise 2` has two output channels for each input channel. */
export function groupingOf(node: Node, inputChannels: number, outputChannels: number): Grouping {
  const group = node.attribute("group") ? node.int("group", 1) : 1;
  if (group === 1) return "dense";
  return group === inputChannels && outputChannels % group === 0
    ? `depthwise ${outputChannels / group}`
    : "grouped";
}
