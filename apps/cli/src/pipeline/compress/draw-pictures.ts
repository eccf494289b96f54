import { mkdir } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import {
  decodeImage,
  drawDetections,
  type Sample,
  type SampleDetections,
  writeImage,
} from "@ocrslim/ocr-det";
import type { PicturePair } from "../../report/types.ts";

/** Pictures that a run folder shows. */
const pictureCount = 3;

/** Blue, green, red. */
const colors = { original: [180, 110, 0], slim: [30, 60, 220] } as const;

/** Draws what both models find into the first evaluation images. */
export async function drawPictures(
  folder: string,
  samples: readonly Sample[],
  before: readonly SampleDetections[],
  after: readonly SampleDetections[],
): Promise<PicturePair[]> {
  await mkdir(join(folder, "pictures"), { recursive: true });
  const pairs: PicturePair[] = [];
  for (const [index, sample] of samples.slice(0, pictureCount).entries()) {
    const image = await decodeImage(sample.imagePath);
    const stem = `${index + 1}-${basename(sample.imagePath, extname(sample.imagePath))}`;
    const draw = async (
      side: keyof typeof colors,
      found: SampleDetections | undefined,
    ): Promise<string> => {
      const file = `pictures/${stem}-${side}.jpg`;
      const drawn = drawDetections(image, found?.detections ?? [], { color: colors[side] });
      await writeImage(join(folder, file), drawn);
      return file;
    };
    pairs.push({
      image: basename(sample.imagePath),
      before: await draw("original", before[index]),
      after: await draw("slim", after[index]),
      detectionsBefore: before[index]?.detections.length ?? 0,
      detectionsAfter: after[index]?.detections.length ?? 0,
    });
  }
  return pairs;
}
