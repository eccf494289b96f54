import { createRandom } from "@ocrslim/graph";
import { float32Feed, type RuntimeTensor } from "@ocrslim/runtime";

/**
 * Something like a page: dark strokes in lines on a light ground, [N, 3, H, W], normalised as
 * detectors are fed. A detector answers to it, while it calls noise empty: its probabilities are
 * then so close to 0 that any comparison of them passes.
 */
export function pageFeed(dims: readonly [number, number, number, number], seed = 1): RuntimeTensor {
  const [batch, channels, height, width] = dims;
  const data = new Float32Array(batch * channels * height * width).fill(2);
  const random = createRandom(seed);
  for (let image = 0; image < batch; image++) {
    for (let top = 8; top + 14 <= height; top += 26) {
      const end = width * (0.5 + 0.45 * random());
      for (let left = 8; left + 8 <= end; left += 8) {
        const strokes = Array.from({ length: 3 }, () => Math.floor(random() * 6));
        for (let channel = 0; channel < channels; channel++) {
          const plane = (image * channels + channel) * height * width;
          strokes.forEach((offset, stroke) => {
            for (let step = 0; step < 12; step++) {
              // One upright stroke and two level ones, two pixels thick.
              const [x, y] =
                stroke === 0 ? [left + offset, top + step] : [left + (step >> 1), top + 2 * offset];
              const at = plane + y * width + x;
              data[at] = -2;
              data[at + 1] = -2;
            }
          });
        }
      }
    }
  }
  return float32Feed(dims, data);
}
