import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "@ocrslim/graph";
import { type Sample, type TextRegion, writeImage, writePaddleLabels } from "@ocrslim/ocr-det";

const SIDE = 128;

/** A light page with one to four dark, striped lines where text would be. */
async function drawPage(path: string, id: string, seed: number): Promise<Sample> {
  const random = createRandom(seed);
  const between = (low: number, high: number): number =>
    low + Math.floor(random() * (high - low + 1));
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, () => between(190, 240));
  const regions: TextRegion[] = [];
  for (const row of [4, 35, 66, 97].slice(0, between(1, 4))) {
    const [width, height] = [between(45, 100), between(14, 22)];
    const [left, top] = [between(4, SIDE - width - 4), row + between(0, 5)];
    const [dark, grey] = [between(0, 40), between(90, 130)];
    for (let y = top; y < top + height; y++) {
      for (let x = left; x < left + width; x++) {
        const at = (y * SIDE + x) * 3;
        data.fill(x % 5 < 3 ? dark : grey, at, at + 3);
      }
    }
    const [right, bottom] = [left + width, top + height];
    const points = [
      [left, top],
      [right, top],
      [right, bottom],
      [left, bottom],
    ] as const;
    regions.push({ points, text: "stripes", ignored: false });
  }
  await writeImage(path, { width: SIDE, height: SIDE, data });
  return { id, imagePath: path, regions };
}

/** Writes `train_data` as PaddleOCR's data sets are laid out: 48 pages to train on, 12 to measure on. */
export async function drawPages(folder: string): Promise<void> {
  await mkdir(join(folder, "imgs"), { recursive: true });
  const pages: Sample[] = [];
  for (let index = 0; index < 60; index++) {
    const id = `imgs/img_${index + 1}.png`;
    pages.push(await drawPage(join(folder, id), id, index + 1));
  }
  await writePaddleLabels(join(folder, "train_label.txt"), pages.slice(0, 48));
  await writePaddleLabels(join(folder, "test_label.txt"), pages.slice(48));
}
