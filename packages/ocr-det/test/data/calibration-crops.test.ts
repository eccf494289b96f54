import { join } from "node:path";
import { createRandom } from "@ocrslim/graph";
import type { RuntimeTensor } from "@ocrslim/runtime";
import { describe, expect, test } from "vitest";
import { type CalibrationCropOptions, calibrationCrops } from "../../src/data/calibration-crops.ts";
import type { BgrImage } from "../../src/images/bgr-image.ts";
import { decodeImage } from "../../src/images/decode.ts";
import { writeImage } from "../../src/images/encode.ts";
import { preprocess } from "../../src/preprocess/preprocess.ts";
import { createTemporaryFolder } from "../temporary-folder.ts";

const resize = { kind: "limit-side", limitSideLength: 320, limitType: "max" } as const;

/** White with black stripes in the lower right quarter, which begins at half the height and width. */
function createPage(height: number, width: number): BgrImage {
  const data = new Uint8Array(height * width * 3).fill(255);
  for (let row = height / 2; row < height; row += 1) {
    for (let column = width / 2; column < width; column += 1) {
      if (column % 13 < 6) data.fill(0, (row * width + column) * 3, (row * width + column + 1) * 3);
    }
  }
  return { height, width, data };
}

async function writePages(
  ...sizes: (readonly [number, number])[]
): Promise<{ imagePath: string }[]> {
  const folder = createTemporaryFolder();
  return Promise.all(
    sizes.map(async ([height, width], index) => {
      const imagePath = join(folder, `${index}.png`);
      await writeImage(imagePath, createPage(height, width));
      return { imagePath };
    }),
  );
}

async function collect(
  samples: { imagePath: string }[],
  options: Partial<CalibrationCropOptions> = {},
): Promise<RuntimeTensor[]> {
  const crops: RuntimeTensor[] = [];
  const all = { resize, size: 96, random: createRandom(1), ...options };
  for await (const crop of calibrationCrops(samples, all)) crops.push(crop);
  return crops;
}

const toBytes = ({ data }: RuntimeTensor): Buffer => Buffer.from((data as Float32Array).buffer);

/** Whether a crop is a part of an input. */
function isPart(crop: RuntimeTensor, input: RuntimeTensor): boolean {
  const [, , height, width] = crop.dims as [1, 3, number, number];
  const [, , inputHeight, inputWidth] = input.dims as [1, 3, number, number];
  const part = crop.data as Float32Array;
  const whole = input.data as Float32Array;
  for (let top = 0; top + height <= inputHeight; top += 1) {
    for (let left = 0; left + width <= inputWidth; left += 1) {
      const equal = part.every((value, at) => {
        const channel = Math.floor(at / (height * width));
        const row = top + (Math.floor(at / width) % height);
        return value === whole[(channel * inputHeight + row) * inputWidth + left + (at % width)];
      });
      if (equal) return true;
    }
  }
  return false;
}

test("the crops of each image, in order, are parts of what the detector would see", async () => {
  const samples = await writePages([320, 256], [192, 320]);
  for (const { imagePath } of samples) {
    const { height, width } = await decodeImage(imagePath);
    const length = height * width * 3;
    const data = Uint8Array.from({ length }, (_, at) => Math.imul(at, 2_654_435_761) >>> 24);
    await writeImage(imagePath, { height, width, data });
  }
  const crops = await collect(samples, { perImage: 2 });
  expect(crops.map(({ dims }) => dims)).toEqual(Array(4).fill([1, 3, 96, 96]));
  for (const [index, crop] of crops.entries()) {
    const { imagePath } = samples[Math.floor(index / 2)]!;
    expect(isPart(crop, preprocess(await decodeImage(imagePath), resize).input)).toBe(true);
  }
});

test("the same random numbers give the same crops, others give others", async () => {
  const samples = await writePages([320, 320]);
  const cut = async (seed: number): Promise<Buffer> =>
    Buffer.concat((await collect(samples, { random: createRandom(seed) })).map(toBytes));
  const first = await cut(1);
  expect(first.length).toBe(3 * 3 * 96 * 96 * 4);
  expect(first.equals(await cut(1))).toBe(true);
  expect(first.equals(await cut(2))).toBe(false);
});

test("crops hold text: where a quarter of a page is printed, most of each crop is", async () => {
  const crops = await collect(await writePages([320, 320]), { size: 64, perImage: 12 });
  const shares = crops.map(
    ({ data }) => (data as Float32Array).filter((value) => value < 0).length / data.length,
  );
  // By chance alone the mean share of black is that of the page: 6 / 13 of a quarter.
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  expect(mean).toBeGreaterThan(1.7 * (6 / 13 / 4));
  expect(shares.filter((share) => share === 0).length).toBeLessThanOrEqual(1);
});

describe("sizes", () => {
  test("are rounded down to multiples of 32; a shorter side is taken whole", async () => {
    const samples = await writePages([96, 320]);
    expect((await collect(samples, { size: 159, perImage: 1 }))[0]!.dims).toEqual([1, 3, 96, 128]);
  });

  test("an image no larger than the crops is yielded once, as it is", async () => {
    const samples = await writePages([32, 96]);
    const crops = await collect(samples);
    const { input } = preprocess(await decodeImage(samples[0]!.imagePath), resize);
    expect(crops.map(({ dims }) => dims)).toEqual([input.dims]);
    expect(toBytes(crops[0]!).equals(toBytes(input))).toBe(true);
  });
});

test("normalize is passed on", async () => {
  const samples = await writePages([64, 64]);
  const normalize = { mean: [0, 0, 0], std: [1, 1, 1], scale: 1 } as const;
  const [crop] = await collect(samples, { normalize });
  expect(new Set(crop!.data as Float32Array)).toEqual(new Set([0, 255]));
});

test("an aborted run throws the reason before the next crop", async () => {
  const samples = await writePages([320, 320]);
  const controller = new AbortController();
  const reason = new Error("enough");
  const seen: RuntimeTensor[] = [];
  const run = async (): Promise<void> => {
    const options = { resize, size: 96, random: createRandom(1), signal: controller.signal };
    for await (const crop of calibrationCrops(samples, options)) {
      seen.push(crop);
      controller.abort(reason);
    }
  };
  await expect(run()).rejects.toBe(reason);
  expect(seen.length).toBe(1);
});

describe("what cannot be done is refused", () => {
  const random = createRandom(1);
  test.each([
    { size: 31 },
    { size: 64.5 },
    { perImage: 0 },
    { perImage: Number.NaN },
    { resize: { kind: "resize-long", length: 0 } as const },
  ])("options %j, at once", (options) => {
    expect(() => calibrationCrops([], { resize, random, ...options })).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
  });

  test("a file that is no image, when its turn comes", async () => {
    const samples = [...(await writePages([64, 64])), { imagePath: "/nowhere.png" }];
    await expect(collect(samples)).rejects.toMatchObject({ code: "file-not-found" });
  });
});
