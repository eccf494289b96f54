import { OcrDetError } from "../errors.ts";
import type { Augmentation } from "./augment.ts";
import { type ColorJitterOptions, colorJitter } from "./color-jitter.ts";
import { type CopyPasteOptions, copyPaste } from "./copy-paste.ts";
import { type EastRandomCropOptions, eastRandomCrop } from "./east-random-crop.ts";
import { flip, pad, rotate, scale } from "./geometry.ts";

/** What each kind of augmentation takes; all are plain data. */
interface AugmentationOptions {
  readonly flip: { readonly probability?: number };
  readonly rotate: { readonly degrees?: readonly [number, number] };
  readonly scale: { readonly factors?: readonly [number, number] };
  readonly "east-random-crop": EastRandomCropOptions;
  readonly "color-jitter": ColorJitterOptions;
  readonly "copy-paste": CopyPasteOptions;
  readonly pad: { readonly size?: readonly [number, number] };
}

/** An augmentation as plain data, such as `{ kind: "flip", probability: 0.5 }`. */
export type AugmentationSpec = {
  readonly [Kind in keyof AugmentationOptions]: { readonly kind: Kind } & AugmentationOptions[Kind];
}[keyof AugmentationOptions];

/** PaddleOCR's augmentations for DB, in its order. */
export const AUGMENTATION_DEFAULTS: readonly AugmentationSpec[] = [
  { kind: "flip", probability: 0.5 },
  { kind: "rotate", degrees: [-10, 10] },
  { kind: "scale", factors: [0.5, 3] },
  { kind: "east-random-crop", maxTries: 50, keepRatio: true },
];

type Size = readonly [number, number];

const FACTORIES: {
  readonly [Kind in keyof AugmentationOptions]: (
    options: AugmentationOptions[Kind],
    size: Size,
  ) => Augmentation;
} = {
  flip: ({ probability }) => flip(probability),
  rotate: ({ degrees }) => rotate(degrees),
  scale: ({ factors }) => scale(factors),
  "east-random-crop": (options, size) => eastRandomCrop({ size, ...options }),
  "color-jitter": colorJitter,
  "copy-paste": copyPaste,
  pad: (options, size) => pad(options.size ?? size),
};

/**
 * Returns the augmentation that a spec describes; `size`, [width, height], is that of those which
 * state none.
 *
 * @throws OcrDetError `invalid-option` if the kind is unknown or an option is out of range.
 */
export function createAugmentation(spec: AugmentationSpec, size: Size): Augmentation {
  if (!Object.hasOwn(FACTORIES, spec.kind)) {
    throw new OcrDetError(
      "invalid-option",
      `createAugmentation: there is no augmentation ${String(spec.kind)}; give one of ${Object.keys(FACTORIES).join(", ")}`,
    );
  }
  const create = FACTORIES[spec.kind] as (options: AugmentationSpec, size: Size) => Augmentation;
  return create(spec, size);
}
