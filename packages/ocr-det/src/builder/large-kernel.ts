import { kaimingUniform } from "./initial-weights.ts";
import type { Feature, Layers } from "./layers.ts";

/** A 9×9 convolution. */
export function largeKernel(layers: Layers, name: string, input: Feature, out: number): Feature {
  return layers.conv(name, input, { out, kernel: 9, weight: kaimingUniform });
}

/** PaddleOCR's `DSConv`: depthwise 9×9, four times wider 1×1, back again, and a shortcut. */
export function separableKernel(
  layers: Layers,
  name: string,
  input: Feature,
  out: number,
): Feature {
  const { channels } = input;
  const wide = channels * 4;
  let x = layers.conv(`${name}.conv1`, input, { out: channels, kernel: 9, convGroups: channels });
  x = layers.batchNorm(`${name}.bn1`, x);
  x = layers.conv(`${name}.conv2`, x, { out: wide, kernel: 1 });
  x = layers.batchNorm(`${name}.bn2`, x);
  x = layers.unary(`${name}.relu`, "Relu", x);
  x = layers.conv(`${name}.conv3`, x, { out, kernel: 1 });
  // Only where the width changes is there a shortcut: so it is in PaddleOCR.
  if (channels === out) return x;
  const short = layers.conv(`${name}.conv_end`, input, { out, kernel: 1 });
  return layers.binary(`${name}.add`, "Add", x, short);
}
