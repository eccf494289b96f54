import type { Node } from "@ocrslim/graph";

/** Whether a convolution's or pooling's windows may reach beyond the input's edge. */
export function touchesPadding(node: Node, kernel: readonly number[]): boolean {
  if (kernel.every((size) => size === 1) && !node.ints("pads")?.some((pad) => pad !== 0)) {
    return false;
  }
  const auto = node.string("auto_pad", "NOTSET");
  if (auto === "NOTSET" || auto === "") {
    return node.ints("pads")?.some((pad) => pad !== 0) ?? false;
  }
  return auto !== "VALID";
}
