import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { OcrDetError } from "../errors.ts";
import { isImagePath, listFiles } from "./list-files.ts";
import { readLines, type TextLine } from "./read-text.ts";
import type { Point, Sample, TextRegion } from "./region.ts";

const TRUTH_FILE = /^gt_.+\.txt$/;

/** Whether a path is named like ICDAR ground truth: `gt_NAME.txt`. */
export function isIcdarTruth(path: string): boolean {
  return TRUTH_FILE.test(basename(path));
}

/**
 * Reads a folder of ICDAR ground truth: for each image `NAME.jpg` (or another image type) a file
 * `gt_NAME.txt`, beside it or in any folder below `folder`, with a line
 * `x1,y1,x2,y2,x3,y3,x4,y4,text` for each region; the text may hold commas, `###` is ignored.
 *
 * @throws OcrDetError `file-not-found`, `empty-folder`, `invalid-label`, `invalid-polygon`,
 * `missing-image` (truth without an image), `missing-ground-truth` (an image without truth).
 */
export async function readIcdarLabels(
  folder: string,
  options: { readonly limit?: number } = {},
): Promise<Sample[]> {
  const files = await listFolder(folder);
  const images = files.filter(isImagePath);
  const truths = files.filter(isIcdarTruth);
  if (truths.length === 0) {
    throw new OcrDetError(
      "empty-folder",
      `readIcdarLabels: ${folder} holds no gt_*.txt; give a folder of ICDAR ground truth`,
      { file: folder },
    );
  }
  const pairs = pairFiles(folder, images, truths);
  const samples: Sample[] = [];
  for (const { image, truth } of pairs.slice(0, options.limit)) {
    const file = join(folder, truth);
    const lines = await readLines(file, "readIcdarLabels");
    const regions = lines.map((line) => parseRegion(file, line));
    samples.push({ id: image, imagePath: join(folder, image), regions });
  }
  return samples;
}

async function listFolder(folder: string): Promise<string[]> {
  const status = await stat(folder).catch(() => undefined);
  if (!status?.isDirectory()) {
    throw new OcrDetError(
      "file-not-found",
      `readIcdarLabels: there is no folder ${folder}; check the path`,
      { file: folder },
    );
  }
  return listFiles(folder);
}

function pairFiles(
  folder: string,
  images: readonly string[],
  truths: readonly string[],
): { image: string; truth: string }[] {
  const paired = new Map<string, string>();
  for (const truth of truths) {
    const stem = basename(truth, ".txt").slice("gt_".length);
    const candidates = images.filter((path) => basename(path, extname(path)) === stem);
    const image = candidates.find((path) => dirname(path) === dirname(truth)) ?? candidates[0];
    if (image === undefined) {
      const file = join(folder, truth);
      throw new OcrDetError(
        "missing-image",
        `readIcdarLabels: ${file} has no image "${stem}" below ${folder}; add the image or remove the file`,
        { file },
      );
    }
    paired.set(image, truth);
  }
  return images.map((image) => {
    const truth = paired.get(image);
    if (truth === undefined) {
      const file = join(folder, image);
      throw new OcrDetError(
        "missing-ground-truth",
        `readIcdarLabels: ${file} has no ground truth gt_${basename(image, extname(image))}.txt; add it or remove the image`,
        { file },
      );
    }
    return { image, truth };
  });
}

function parseRegion(file: string, { line, text }: TextLine): TextRegion {
  const parts = text.split(",");
  if (parts.length < 9) {
    throw new OcrDetError(
      "invalid-label",
      `readIcdarLabels: ${file}, line ${line} has ${parts.length} fields; give 8 coordinates and the text`,
      { file, line },
    );
  }
  const numbers = parts.slice(0, 8).map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!numbers.every(Number.isFinite)) {
    throw new OcrDetError(
      "invalid-polygon",
      `readIcdarLabels: ${file}, line ${line} has the coordinates ${parts.slice(0, 8).join(",")}; give 8 numbers`,
      { file, line },
    );
  }
  const points = [0, 2, 4, 6].map((at): Point => [numbers[at] ?? 0, numbers[at + 1] ?? 0]);
  const transcription = parts.slice(8).join(",");
  return { points, text: transcription, ignored: transcription === "###" || transcription === "*" };
}
