import { realpath } from "node:fs/promises";
import { createRandom } from "@ocrslim/graph";
import { readDataset, type Sample } from "@ocrslim/ocr-det";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command.ts";

/** Images of one or several sources. */
export interface Images {
  readonly sources: readonly string[];
  readonly samples: readonly Sample[];
  /** The samples by the source that named them, each source being one kind of image. */
  readonly kinds: readonly (readonly Sample[])[];
  /** Whether every image has labels. */
  readonly labelled: boolean;
}

/** Reads the sources of `--data`; an image that several of them name counts once. */
export async function readImages(
  context: CommandContext,
  sources: readonly string[],
  imageRoot: string | undefined,
): Promise<Images> {
  const kinds: Sample[][] = [];
  const seen = new Set<string>();
  let labelled = true;
  for (const source of sources) {
    const dataset = await readDataset(
      context.path(source),
      imageRoot === undefined ? {} : { imageRoot: context.path(imageRoot) },
    );
    if (!dataset.labelled) labelled = false;
    const kind: Sample[] = [];
    for (const sample of dataset.samples) {
      const identity = await realpath(sample.imagePath).catch(() => sample.imagePath);
      if (!seen.has(identity)) kind.push(sample);
      seen.add(identity);
    }
    if (kind.length > 0) kinds.push(kind);
  }
  return { sources, samples: kinds.flat(), kinds, labelled };
}

/** The items in an order that depends on the seed alone. */
export function shuffle<T>(items: readonly T[], seed: number): T[] {
  const random = createRandom(seed);
  const shuffled = [...items];
  for (let index = shuffled.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    const held = shuffled[index] as T;
    shuffled[index] = shuffled[other] as T;
    shuffled[other] = held;
  }
  return shuffled;
}

/** Two parts of a data set without a common image. */
export interface Split {
  readonly calibration: readonly Sample[];
  readonly evaluation: readonly Sample[];
  /** All that do not evaluate, the calibration images among them. */
  readonly training: readonly Sample[];
}

/** At most this many images evaluate a compression; more take long and tell little more. */
const maximumEvaluation = 40;

/** Takes from each list in turn, so that the first items hold as many of each as there are. */
export function interleave<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, index) =>
    lists.flatMap((list) => list.slice(index, index + 1)),
  ).flat();
}

/**
 * Splits images by the seed: `calibrationCount` of them, at most two thirds, to calibrate on, and of
 * the others at most forty to evaluate on. Kinds of images take equal shares of both, however many
 * there are of each.
 * @throws CliError `unsuitable-data` for fewer than 2 images.
 */
export function splitImages(
  kinds: readonly (readonly Sample[])[],
  calibrationCount: number,
  seed: number,
): Split {
  const samples = kinds.flat();
  if (samples.length < 2) {
    throw new CliError(
      "unsuitable-data",
      `--data holds ${samples.length} image; give at least 2, some to calibrate on and others to evaluate on`,
    );
  }
  const shuffled = interleave(kinds.map((kind) => shuffle(kind, seed)));
  const most = Math.max(1, Math.floor((samples.length * 2) / 3));
  const count = Math.min(calibrationCount, most);
  return {
    calibration: shuffled.slice(0, count),
    evaluation: shuffled.slice(count, count + maximumEvaluation),
    training: [...shuffled.slice(0, count), ...shuffled.slice(count + maximumEvaluation)],
  };
}

/** Of images to train on, one in ten is kept back, 4 to 20, to choose the best weights by. */
const VALIDATION_SHARE = 10;

/** Keeps images back that the best weights are chosen by. @throws CliError `unsuitable-data` for fewer than 2. */
export function keepValidation(
  samples: readonly Sample[],
  seed: number,
): { readonly training: readonly Sample[]; readonly validation: readonly Sample[] } {
  if (samples.length < 2) {
    throw new CliError(
      "unsuitable-data",
      `there is ${samples.length} image to train on; give at least 2: some choose the best weights, and are not trained on`,
    );
  }
  const shuffled = shuffle(samples, seed);
  const share = Math.min(Math.max(Math.round(samples.length / VALIDATION_SHARE), 4), 20);
  const count = Math.min(share, Math.floor(samples.length / 2));
  return { training: shuffled.slice(count), validation: shuffled.slice(0, count) };
}
