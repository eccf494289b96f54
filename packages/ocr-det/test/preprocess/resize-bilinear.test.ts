import fc from "fast-check";
import { expect, test } from "vitest";
import type { BgrImage } from "../../src/images/bgr-image.ts";
import { loadOpenCv, type OpenCv } from "../../src/opencv.ts";
import { resizeBilinear } from "../../src/preprocess/resize-bilinear.ts";

function resizeWithOpenCv(cv: OpenCv, image: BgrImage, height: number, width: number): Uint8Array {
  const source = new cv.Mat(image.height, image.width, cv.CV_8UC3);
  source.data.set(image.data);
  const target = new cv.Mat();
  cv.resize(source, target, { width, height }, 0, 0, cv.INTER_LINEAR);
  const result = Uint8Array.from(target.data);
  source.delete();
  target.delete();
  return result;
}

function createNoise(height: number, width: number, seed: number): BgrImage {
  const data = new Uint8Array(height * width * 3);
  let state = seed;
  for (let at = 0; at < data.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    data[at] = state >>> 24;
  }
  return { height, width, data };
}

test("every byte is that of OpenCV's INTER_LINEAR", async () => {
  const { cv } = await loadOpenCv();
  const side = fc.integer({ min: 1, max: 100 });
  fc.assert(
    fc.property(side, side, side, side, fc.integer(), (height, width, toHeight, toWidth, seed) => {
      const image = createNoise(height, width, seed);
      const resized = resizeBilinear(image, toHeight, toWidth);
      expect([resized.height, resized.width]).toEqual([toHeight, toWidth]);
      expect(Buffer.compare(resized.data, resizeWithOpenCv(cv, image, toHeight, toWidth))).toBe(0);
    }),
    { numRuns: 60, seed: 3 },
  );
});

test("an exact halving, one side halved, and the same size are OpenCV's too", async () => {
  const { cv } = await loadOpenCv();
  for (const [height, width] of [
    [50, 70],
    [50, 140],
    [100, 70],
    [100, 140],
  ] as const) {
    const image = createNoise(100, 140, height + width);
    const { data } = resizeBilinear(image, height, width);
    expect(Buffer.compare(data, resizeWithOpenCv(cv, image, height, width))).toBe(0);
  }
});
