import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { OcrDetError } from "../errors.ts";
import { isIcdarTruth, readIcdarLabels } from "./icdar-labels.ts";
import { isImagePath, listFiles } from "./list-files.ts";
import { type ReadLabelsOptions, readPaddleLabels } from "./paddle-labels.ts";
import type { Dataset, Sample } from "./region.ts";

export type ReadDatasetOptions = ReadLabelsOptions;

/**
 * Reads a data set: a PaddleOCR label file; a folder with ICDAR ground truth (`gt_*.txt`); a folder
 * of images, in any depth, sorted by path, without labels; or one image, without labels.
 *
 * @throws OcrDetError as {@link readPaddleLabels} and {@link readIcdarLabels} do, `empty-folder` if
 * a folder holds no images, `invalid-option` for a limit below 1.
 */
export async function readDataset(
  source: string,
  options: ReadDatasetOptions = {},
): Promise<Dataset> {
  const { limit } = options;
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw new OcrDetError(
      "invalid-option",
      `readDataset: limit is ${limit}; give an integer of 1 or more`,
    );
  }
  const samples = await readSamples(source, options);
  return { source, samples, labelled: samples.every(({ regions }) => regions !== undefined) };
}

async function readSamples(source: string, options: ReadDatasetOptions): Promise<Sample[]> {
  const status = await stat(source).catch(() => undefined);
  if (status === undefined) {
    throw new OcrDetError(
      "file-not-found",
      `readDataset: there is no file or folder ${source}; check the path`,
      { file: source },
    );
  }
  if (!status.isDirectory()) {
    if (isImagePath(source)) return [{ id: basename(source), imagePath: resolve(source) }];
    return readPaddleLabels(source, options);
  }
  const files = await listFiles(source);
  if (files.some(isIcdarTruth)) return readIcdarLabels(source, options);
  const images = files.filter(isImagePath);
  if (images.length === 0) {
    throw new OcrDetError(
      "empty-folder",
      `readDataset: ${source} holds no images; give a folder with JPEG, PNG, WebP, TIFF, GIF or AVIF files`,
      { file: source },
    );
  }
  return images.slice(0, options.limit).map((id) => ({ id, imagePath: resolve(join(source, id)) }));
}
