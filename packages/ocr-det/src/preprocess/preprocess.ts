import type { RuntimeTensor } from "@ocrslim/runtime";
import type { BgrImage } from "../images/bgr-image.ts";
import { computeResize, DEFAULT_RESIZE, type ResizeOptions } from "./compute-resize.ts";
import { NORMALIZE_DEFAULTS, type NormalizeOptions, normalizeImage } from "./normalize.ts";
import { resizeBilinear } from "./resize-bilinear.ts";

/** An image as a detector takes it, and what leads back from it to the source. */
export interface PreprocessedImage {
  /** float32 `[1, 3, H, W]`. */
  readonly input: RuntimeTensor;
  readonly height: number;
  readonly width: number;
  /** `height` and `width` over those of the extent. */
  readonly ratioHeight: number;
  readonly ratioWidth: number;
  readonly sourceHeight: number;
  readonly sourceWidth: number;
  /**
   * The part of the plane that the input covers, in source pixels: the source's own size, except
   * for images whose sides sum to less than 64, which are padded with black to 32 first.
   */
  readonly extentHeight: number;
  readonly extentWidth: number;
}

/** Resizes and normalizes an image. */
export function preprocess(
  image: BgrImage,
  resize: ResizeOptions = DEFAULT_RESIZE,
  normalize: NormalizeOptions = NORMALIZE_DEFAULTS,
): PreprocessedImage {
  const padded = padTiny(image);
  const { height, width } = computeResize(padded.height, padded.width, resize);
  const resized = resizeBilinear(padded, height, width);
  return {
    input: {
      dtype: "float32",
      dims: [1, 3, height, width],
      data: normalizeImage(resized, normalize),
    },
    height,
    width,
    ratioHeight: height / padded.height,
    ratioWidth: width / padded.width,
    sourceHeight: image.height,
    sourceWidth: image.width,
    extentHeight: padded.height,
    extentWidth: padded.width,
  };
}

function padTiny(image: BgrImage): BgrImage {
  if (image.height + image.width >= 64) return image;
  const height = Math.max(32, image.height);
  const width = Math.max(32, image.width);
  const data = new Uint8Array(height * width * 3);
  const stride = image.width * 3;
  for (let row = 0; row < image.height; row += 1) {
    data.set(image.data.subarray(row * stride, (row + 1) * stride), row * width * 3);
  }
  return { height, width, data };
}
