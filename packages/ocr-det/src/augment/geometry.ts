import { turnAbout } from "./affine.ts";
import type { Augmentation } from "./augment.ts";
import { assertOption, assertRange, assertSize } from "./check-option.ts";
import { moveScene, padScene } from "./scene.ts";

/**
 * Mirrors left and right with the given probability, 0 to 1 (imgaug's `Fliplr`). The corners keep
 * their order. Default: 0.5.
 *
 * @throws OcrDetError `invalid-option`.
 */
export function flip(probability = 0.5): Augmentation {
  assertOption(
    probability >= 0 && probability <= 1,
    `flip: probability is ${probability}; give a number from 0 to 1`,
  );
  return {
    name: "flip",
    apply: (scene, { random }) =>
      random() < probability ? moveScene(scene, [-1, 0, scene.width, 0, 1, 0], scene) : scene,
  };
}

/**
 * Turns about the middle by an angle between two, in degrees, clockwise; the size stays, what comes
 * in from outside is black (imgaug's `Affine` with `rotate`). Default: -10 to 10.
 *
 * @throws OcrDetError `invalid-option`.
 */
export function rotate(degrees: readonly [number, number] = [-10, 10]): Augmentation {
  assertRange("rotate", degrees, Number.MIN_SAFE_INTEGER);
  return {
    name: "rotate",
    apply(scene, { random }) {
      const angle = pickBetween(degrees, random);
      return moveScene(scene, turnAbout(angle, [scene.width / 2, scene.height / 2]), scene);
    },
  };
}

/**
 * Scales both sides by one factor between two, above 0 (imgaug's `Resize`). Default: 0.5 to 3.
 *
 * @throws OcrDetError `invalid-option`.
 */
export function scale(factors: readonly [number, number] = [0.5, 3]): Augmentation {
  assertRange("scale", factors, 1e-3);
  return {
    name: "scale",
    apply(scene, { random }) {
      const factor = pickBetween(factors, random);
      const width = Math.max(Math.round(scene.width * factor), 1);
      const height = Math.max(Math.round(scene.height * factor), 1);
      const motion = [width / scene.width, 0, 0, 0, height / scene.height, 0] as const;
      return moveScene(scene, motion, { width, height });
    },
  };
}

/**
 * Adds black on the right and below, so that the image is `size`, [width, height] in pixels, or
 * larger.
 *
 * @throws OcrDetError `invalid-option`.
 */
export function pad(size: readonly [number, number]): Augmentation {
  assertSize("pad", size);
  const [width, height] = size;
  return { name: "pad", apply: (scene) => padScene(scene, { width, height }) };
}

const pickBetween = ([low, high]: readonly [number, number], random: () => number): number =>
  low + (high - low) * random();
