import type { RuntimeTensor } from "@ocrslim/runtime";
import type { BgrImage } from "../images/bgr-image.ts";
import { type NormalizeOptions, normalizeImage } from "../preprocess/normalize.ts";
import type { DetectionTargets } from "../targets/make-targets.ts";

/**
 * A batch of N labelled images of side S: `x` [N, 3, S, S], normalized; `shrink_map`, `shrink_mask`,
 * `threshold_map` and `threshold_mask` [N, 1, S, S]. All are float32.
 */
export type DetectionBatch = Readonly<
  Record<"x" | "shrink_map" | "shrink_mask" | "threshold_map" | "threshold_mask", RuntimeTensor>
>;

/** A batch that is being filled; positions are 0 to N − 1. */
export interface BatchWriter {
  readonly batch: DetectionBatch;
  /** Puts in an image of side S, normalized. */
  putImage(position: number, image: BgrImage): void;
  /** The maps of an image, to be written into. */
  targets(position: number): DetectionTargets;
}

/**
 * Returns a batch of `count` images of side `size`, all zero so far, and what fills it.
 *
 * @throws OcrDetError `invalid-option` as `normalizeImage` does. @internal
 */
export function createBatchWriter(
  count: number,
  size: number,
  normalize: NormalizeOptions,
): BatchWriter {
  const plane = size * size;
  const table = createTable(normalize);
  const images = new Float32Array(count * 3 * plane);
  const create = (): Float32Array => new Float32Array(count * plane);
  const [shrinkMap, shrinkMask, thresholdMap, thresholdMask] = [
    create(),
    create(),
    create(),
    create(),
  ] as const;
  const toTensor = (data: Float32Array, channels: number): RuntimeTensor => ({
    dtype: "float32",
    dims: [count, channels, size, size],
    data,
  });
  return {
    batch: {
      x: toTensor(images, 3),
      shrink_map: toTensor(shrinkMap, 1),
      shrink_mask: toTensor(shrinkMask, 1),
      threshold_map: toTensor(thresholdMap, 1),
      threshold_mask: toTensor(thresholdMask, 1),
    },
    putImage(position, { data }) {
      const [blues, greens, reds] = [0, 1, 2].map((channel) =>
        images.subarray((3 * position + channel) * plane, (3 * position + channel + 1) * plane),
      ) as [Float32Array, Float32Array, Float32Array];
      for (let pixel = 0, from = 0; pixel < plane; pixel += 1, from += 3) {
        blues[pixel] = table[data[from] as number] as number;
        greens[pixel] = table[256 + (data[from + 1] as number)] as number;
        reds[pixel] = table[512 + (data[from + 2] as number)] as number;
      }
    },
    targets(position) {
      const part = (map: Float32Array): Float32Array =>
        map.subarray(position * plane, (position + 1) * plane);
      return {
        shrinkMap: part(shrinkMap),
        shrinkMask: part(shrinkMask),
        thresholdMap: part(thresholdMap),
        thresholdMask: part(thresholdMask),
      };
    },
  };
}

/** What each of the 256 levels becomes: of blue, then green, then red. */
function createTable(normalize: NormalizeOptions): Float32Array {
  const data = Uint8Array.from({ length: 256 * 3 }, (_, at) => Math.floor(at / 3));
  return normalizeImage({ width: 256, height: 1, data }, normalize);
}
