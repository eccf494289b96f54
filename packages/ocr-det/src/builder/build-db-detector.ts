import { createRandom, type Dimension, Graph, Model } from "@ocrslim/graph";
import { assertDbDetectorConfig } from "./check-config.ts";
import type { BackboneConfig, DbDetectorConfig } from "./config.ts";
import { binaryMap, mapBranch } from "./db-head.ts";
import { createLayers, type Feature, type Layers } from "./layers.ts";
import { mobileNetV3 } from "./mobilenet-v3.ts";
import { neck } from "./necks.ts";
import { asPyramid } from "./pyramid.ts";
import { resNetVd } from "./resnet-vd.ts";

/** Version of the standard operators that detectors are built with. */
const OPSET = 18;
/** Version of the file format that came with it. */
const IR_VERSION = 8;

/**
 * Builds a DB text detector with new weights, initialised as PaddleOCR does and the same for the
 * same seed. Its input is `x`, `[N, 3, H, W]`, with H and W multiples of 32; its outputs are maps
 * `[N, 1, H, W]` from 0 to 1: `shrink_maps`, the probability of text, and in a training graph also
 * `threshold_maps` and `binary_maps`.
 *
 * Parameters have the names of PaddleOCR's state dict (`backbone.conv.conv.weight`, …), so that
 * `loadPaddleWeights` finds them; batch normalisations stay nodes of their own (`simplify` folds
 * them).
 *
 * @throws OcrDetError `invalid-option`: an unknown architecture or setting, a value out of range.
 * @example
 * const model = buildDbDetector({
 *   backbone: { name: "MobileNetV3", modelName: "large", scale: 0.5, disableSe: true },
 *   neck: { name: "DBFPN", outChannels: 96 },
 * });
 */
export function buildDbDetector(config: DbDetectorConfig): Model {
  assertDbDetectorConfig(config);
  const { head, graph: kind = "inference", inputShape = ["N", 3, "H", "W"] } = config;
  const { gateSlope = 0.2, seed = 0 } = config;
  const { firstKernel = 3, k = 50 } = head ?? {};
  const graph = new Graph();
  graph.name = "db-detector";
  const x = graph.addInput("x", { kind: "tensor", dtype: "float32", shape: inputShape });
  const layers = createLayers({ graph, random: createRandom(seed), gateSlope });
  const levels = asPyramid(backbone(layers, { value: x, channels: 3 }, config.backbone));
  const fused = neck(layers, levels, config.neck);
  const branch = (name: string, output: string): Feature =>
    mapBranch(layers, `head.${name}`, fused, { output, firstKernel });
  const maps = [branch("binarize", "shrink_maps")];
  if (kind === "training") {
    const [shrink] = maps;
    const threshold = branch("thresh", "threshold_maps");
    maps.push(threshold);
    if (shrink) maps.push(binaryMap(layers, "binary_maps", shrink, threshold, k));
  }
  const [batch, , height, width] = inputShape;
  const shape: readonly Dimension[] = [batch, 1, height, width];
  for (const { value } of maps) value.type = { kind: "tensor", dtype: "float32", shape };
  graph.setOutputs(maps.map(({ value }) => value));
  const model = new Model(graph);
  model.irVersion = IR_VERSION;
  model.setOpset("", OPSET);
  return model;
}

function backbone(layers: Layers, image: Feature, config: BackboneConfig): readonly Feature[] {
  return config.name === "MobileNetV3"
    ? mobileNetV3(layers, image, config)
    : resNetVd(layers, image, config);
}
