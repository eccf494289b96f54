import type { Point, TextRegion } from "../data/region.ts";
import type { BgrImage } from "../images/bgr-image.ts";
import type { ImageSize } from "../preprocess/compute-resize.ts";
import { type Affine, chain, IDENTITY, invert, move } from "./affine.ts";
import { warpInto } from "./warp.ts";

/** An image and the text on it. */
export interface LabelledImage {
  readonly image: BgrImage;
  readonly regions: readonly TextRegion[];
}

/** Changes the colours of pixels, `[…, 3]` blue, green, red, in place. */
export type Recolor = (pixels: Uint8Array) => void;

/**
 * A labelled image on its way through augmentations. Its pixels are made late: flips, turns, scales
 * and crops only change where they will be taken from, so that each is interpolated once.
 */
export interface Scene {
  readonly source: BgrImage;
  /** From places in `source` to places in the scene. */
  readonly toScene: Affine;
  readonly width: number;
  readonly height: number;
  /** In pixels of the scene. */
  readonly regions: readonly TextRegion[];
  /** What happens to the colours once the pixels are there, in this order. */
  readonly recolors: readonly Recolor[];
}

/** Returns the scene that shows an image as it is. */
export function createScene({ image, regions }: LabelledImage): Scene {
  const { width, height } = image;
  return { source: image, toScene: IDENTITY, width, height, regions, recolors: [] };
}

/** Returns the scene moved by `motion`, seen through a window of `size` at the origin. */
export function moveScene(scene: Scene, motion: Affine, { width, height }: ImageSize): Scene {
  const regions = scene.regions.map((region) => ({
    ...region,
    points: region.points.map((point): Point => move(motion, point)),
  }));
  return { ...scene, toScene: chain(scene.toScene, motion), width, height, regions };
}

/** Returns the scene's pixels. */
export function renderScene(scene: Scene): BgrImage {
  const { source, toScene, width, height, recolors } = scene;
  const same = toScene.every((value, index) => value === IDENTITY[index]);
  const whole = width === source.width && height === source.height;
  if (same && whole && recolors.length === 0) return source;
  const image = { width, height, data: new Uint8Array(width * height * 3) };
  warpInto(image, source, invert(toScene));
  for (const recolor of recolors) recolor(image.data);
  return image;
}

/** Returns the scene with black on the right and below, so that it is of `size` or larger. */
export function padScene(scene: Scene, size: ImageSize): Scene {
  const width = Math.max(size.width, scene.width);
  const height = Math.max(size.height, scene.height);
  if (width === scene.width && height === scene.height) return scene;
  const rendered = renderScene(scene);
  const image = { width, height, data: new Uint8Array(width * height * 3) };
  const stride = rendered.width * 3;
  for (let row = 0; row < rendered.height; row += 1) {
    image.data.set(rendered.data.subarray(row * stride, (row + 1) * stride), row * width * 3);
  }
  return createScene({ image, regions: scene.regions });
}
