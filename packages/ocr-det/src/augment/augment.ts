import { createScene, type LabelledImage, renderScene, type Scene } from "./scene.ts";

/** What an augmentation has besides the scene. */
export interface AugmentContext {
  /** Numbers from 0 up to 1: everything random comes from here. */
  readonly random: () => number;
  /** Another labelled image, for those that mix two. */
  readonly donor?: LabelledImage;
}

/** One random change of an image and the outlines of its text. It changes no input. */
export interface Augmentation {
  readonly name: string;
  /** Whether it does nothing without a donor. */
  readonly needsDonor?: boolean;
  apply(scene: Scene, context: AugmentContext): Scene;
}

/** Augmentations, one after the other. */
export interface Augmenter {
  /** Whether one of the steps asks for a donor. */
  readonly needsDonor: boolean;
  /** The same `random` and donor give the same result. */
  apply(sample: LabelledImage, context: AugmentContext): LabelledImage;
}

/**
 * Returns the augmentations as one.
 *
 * @example
 * const augmenter = augment([flip(0.5), rotate([-10, 10]), scale([0.5, 3]), eastRandomCrop()]);
 * const { image, regions } = augmenter.apply(sample, { random: createRandom(1) });
 */
export function augment(steps: readonly Augmentation[]): Augmenter {
  return {
    needsDonor: steps.some(({ needsDonor }) => needsDonor === true),
    apply(sample, context) {
      let scene = createScene(sample);
      for (const step of steps) scene = step.apply(scene, context);
      return { image: renderScene(scene), regions: scene.regions };
    },
  };
}
