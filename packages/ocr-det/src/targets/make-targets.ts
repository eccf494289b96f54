import type { TextRegion } from "../data/region.ts";
import { loadOpenCv, type OpenCv } from "../opencv.ts";
import type { ImageSize } from "../preprocess/compute-resize.ts";
import { type BorderMap, drawBorderMap } from "./make-border-map.ts";
import { drawShrinkMap, type ShrinkMap } from "./make-shrink-map.ts";
import { resolveTargetOptions, type TargetOptions } from "./target-options.ts";
import { assertTargetSize } from "./usable-regions.ts";

/** The four maps that a DB detector is trained towards, each [height, width]. */
export interface DetectionTargets extends Omit<ShrinkMap, "regions">, BorderMap {}

/**
 * Draws all maps of an image as `makeShrinkMap` and `makeBorderMap` do, in the order that `options`
 * says. Whatever the regions are, all values are finite.
 *
 * @throws OcrDetError `invalid-option`.
 */
export async function makeTargets(
  regions: readonly TextRegion[],
  size: ImageSize,
  options: TargetOptions = {},
): Promise<DetectionTargets> {
  const resolved = resolveTargetOptions(options);
  assertTargetSize(size);
  const { cv } = await loadOpenCv();
  const create = (): Float32Array => new Float32Array(size.height * size.width);
  const planes = {
    shrinkMap: create(),
    shrinkMask: create(),
    thresholdMap: create(),
    thresholdMask: create(),
  };
  fillTargets(cv, regions, size, resolved, planes);
  return planes;
}

/** Overwrites all planes. @internal */
export function fillTargets(
  cv: OpenCv,
  regions: readonly TextRegion[],
  size: ImageSize,
  options: Required<TargetOptions>,
  planes: DetectionTargets,
): void {
  const seen = drawShrinkMap(cv, regions, size, options, planes);
  const inOrder = options.order === "shrink-first" ? seen : regions;
  drawBorderMap(cv, inOrder, size, options, planes);
}
