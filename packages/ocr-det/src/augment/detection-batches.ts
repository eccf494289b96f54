import { createHash } from "node:crypto";
import { createRandom } from "@ocrslim/graph";
import type { Sample } from "../data/region.ts";
import { OcrDetError } from "../errors.ts";
import { loadOpenCv } from "../opencv.ts";
import { NORMALIZE_DEFAULTS, type NormalizeOptions } from "../preprocess/normalize.ts";
import { fillTargets } from "../targets/make-targets.ts";
import { shrinkRatioAt } from "../targets/shrink-ratio.ts";
import { resolveTargetOptions, type TargetOptions } from "../targets/target-options.ts";
import { type Augmenter, augment } from "./augment.ts";
import {
  AUGMENTATION_DEFAULTS,
  type AugmentationSpec,
  createAugmentation,
} from "./augmentation-spec.ts";
import { assertOption } from "./check-option.ts";
import { fitPart } from "./fit-part.ts";
import { createImageCache } from "./image-cache.ts";
import { createScene, type LabelledImage, renderScene } from "./scene.ts";
import { createBatchWriter, type DetectionBatch } from "./write-batch.ts";

/** How {@link detectionBatches} makes batches; plain data, all optional. */
export interface DetectionBatchOptions {
  /** Side of the square inputs, pixels, a multiple of 32. Default: 640. */
  readonly size?: number;
  /**
   * What happens to images, in this order; one that is of another size afterwards is scaled to fit,
   * with black on the right or below. Default: {@link AUGMENTATION_DEFAULTS}.
   */
  readonly augmentations?: readonly AugmentationSpec[];
  readonly targets?: TargetOptions;
  /** Epochs over which the shrink ratio grows by 0.2 ({@link shrinkRatioAt}). Default: it stays. */
  readonly growShrinkRatioOver?: number;
  /** Default: {@link NORMALIZE_DEFAULTS}. */
  readonly normalize?: NormalizeOptions;
  /** Memory for decoded images, bytes. Default: 512 MiB. */
  readonly cacheBytes?: number;
}

/** Which batch is asked for. */
export interface DetectionBatchRequest {
  /** Number of the batch since the start of training, from 0; counts for the shrink ratio. */
  readonly index?: number;
  /** 32 bits that everything random comes from. */
  readonly seed: number;
  /** Sample numbers, at least one. */
  readonly samples: readonly number[];
}

/** Batches of labelled images; it fits where training asks for its data. */
export interface DetectionBatches {
  /** Number of samples. */
  readonly size: number;
  /** Hash of the samples, their labels and all options that count. */
  readonly fingerprint: string;
  /**
   * Returns a batch that depends on the request alone.
   *
   * @throws OcrDetError `invalid-option` for samples that are not there; what `decodeImage` throws.
   */
  loadBatch(request: DetectionBatchRequest): Promise<DetectionBatch>;
}

const DEFAULT_CACHE_BYTES = 512 * 2 ** 20;

/**
 * Returns batches of augmented images with their targets. Samples without text are used as they are:
 * their maps are empty. Where all text is ignored, the masks say so.
 *
 * @throws OcrDetError `unlabelled` if a sample has no labels, `invalid-option`.
 */
export function detectionBatches(
  samples: readonly Sample[],
  options: DetectionBatchOptions = {},
): DetectionBatches {
  const { size = 640, augmentations = AUGMENTATION_DEFAULTS, growShrinkRatioOver } = options;
  const { normalize = NORMALIZE_DEFAULTS, cacheBytes = DEFAULT_CACHE_BYTES } = options;
  assertSamples(samples);
  assertOptions(size, growShrinkRatioOver, cacheBytes);
  const targets = resolveTargetOptions(options.targets ?? {});
  if (growShrinkRatioOver !== undefined) {
    shrinkRatioAt(0, growShrinkRatioOver, targets.shrinkRatio);
  }
  const augmenter = augment(augmentations.map((spec) => createAugmentation(spec, [size, size])));
  const cache = createImageCache(cacheBytes);
  const read = async (index: number): Promise<LabelledImage> => {
    const { imagePath, regions = [] } = samples[index] as Sample;
    return { image: await cache.read(imagePath), regions };
  };

  /** The epoch that the batch lies in, from 0. */
  const ratioOf = ({ index = 0, samples: { length } }: DetectionBatchRequest): number => {
    if (growShrinkRatioOver === undefined) return targets.shrinkRatio;
    const epoch = Math.min(Math.floor((index * length) / samples.length), growShrinkRatioOver);
    return shrinkRatioAt(epoch, growShrinkRatioOver, targets.shrinkRatio);
  };
  const hash = createHash("sha256").update(
    JSON.stringify({ size, augmentations, growShrinkRatioOver, targets, normalize }),
  );
  for (const { id, regions } of samples) hash.update(JSON.stringify([id, regions]));

  return {
    size: samples.length,
    fingerprint: hash.digest("hex"),
    async loadBatch(request) {
      assertRequest(request, samples.length);
      const options = { ...targets, shrinkRatio: ratioOf(request) };
      const { cv } = await loadOpenCv();
      const writer = createBatchWriter(request.samples.length, size, normalize);
      // One after the other: the memory of one large image is enough.
      for (const [position, index] of request.samples.entries()) {
        const random = createRandom(mixSeed(request.seed, position));
        const donor = augmenter.needsDonor ? Math.floor(random() * samples.length) : undefined;
        const sample = augmentToSize(
          augmenter,
          await read(index),
          { random, ...(donor === undefined ? {} : { donor: await read(donor) }) },
          size,
        );
        writer.putImage(position, sample.image);
        fillTargets(cv, sample.regions, sample.image, options, writer.targets(position));
      }
      return writer.batch;
    },
  };
}

function augmentToSize(
  augmenter: Augmenter,
  sample: LabelledImage,
  context: { readonly random: () => number; readonly donor?: LabelledImage },
  size: number,
): LabelledImage {
  const augmented = augmenter.apply(sample, context);
  const { width, height } = augmented.image;
  if (width === size && height === size) return augmented;
  const whole = { left: 0, top: 0, width, height };
  const scene = fitPart(createScene(augmented), whole, { width: size, height: size }, true);
  return { image: renderScene(scene), regions: scene.regions };
}

/** Seeds of neighbouring positions, and of neighbouring batches, far apart. */
function mixSeed(seed: number, position: number): number {
  let mixed = (seed ^ Math.imul(position + 1, 0x9e3779b1)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function assertSamples(samples: readonly Sample[]): void {
  assertOption(samples.length > 0, "detectionBatches: there are no samples; give at least one");
  const bare = samples.find(({ regions }) => regions === undefined);
  if (bare) {
    throw new OcrDetError(
      "unlabelled",
      `detectionBatches: ${bare.id} has no labels; give a label file or a folder with ground truth`,
      { file: bare.imagePath },
    );
  }
}

function assertOptions(size: number, growOver: number | undefined, cacheBytes: number): void {
  assertOption(
    Number.isInteger(size) && size >= 32 && size % 32 === 0,
    `detectionBatches: size is ${size}; give a multiple of 32`,
  );
  assertOption(
    growOver === undefined || (Number.isInteger(growOver) && growOver > 0),
    `detectionBatches: growShrinkRatioOver is ${growOver}; give a number of epochs, 1 or more`,
  );
  assertOption(
    cacheBytes >= 0,
    `detectionBatches: cacheBytes is ${cacheBytes}; give a number of bytes, 0 or more`,
  );
}

function assertRequest({ index = 0, samples }: DetectionBatchRequest, count: number): void {
  const wrong = samples.find(
    (sample) => !(Number.isInteger(sample) && sample >= 0 && sample < count),
  );
  assertOption(
    wrong === undefined && samples.length > 0 && Number.isInteger(index) && index >= 0,
    `detectionBatches: batch ${index} of the samples [${samples.join(", ")}]; give a number from 0, and samples from 0 to ${count - 1}`,
  );
}
