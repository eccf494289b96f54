import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "@ocrslim/graph";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPageSource, type Teacher, trainingCrop } from "../../src/index.ts";

const HEIGHT = 96;
const WIDTH = 160;
const resize = { kind: "image-shape", height: HEIGHT, width: WIDTH } as const;
const normalize = { mean: [0, 0, 0], std: [1, 1, 1], scale: 1 / 255 } as const;

let folder = "";
const imageOf = (index: number): string => join(folder, `${index}.png`);

/** Takes the blue plane for the probability, so that map and image can be compared. */
const blueTeacher = (calls: number[] = []): Teacher => {
  return async ({ dims, data }) => {
    calls.push(dims[2] ?? 0);
    const plane = (data as Float32Array).slice(0, data.length / 3);
    return { dtype: "float32", dims: [1, 1, ...dims.slice(2)], data: plane };
  };
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ocrslim-training-"));
  for (const index of [0, 1]) {
    const random = createRandom(index + 1);
    const data = Buffer.from(Uint8Array.from({ length: HEIGHT * WIDTH * 3 }, () => random() * 256));
    await sharp(data, { raw: { height: HEIGHT, width: WIDTH, channels: 3 } }).toFile(
      imageOf(index),
    );
  }
});
afterAll(() => rm(folder, { recursive: true }));

const source = (teacher: Teacher, cacheBytes?: number) =>
  createPageSource([{ imagePath: imageOf(0) }, { imagePath: imageOf(1) }], {
    resize,
    normalize,
    teacher,
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
  });

describe("trainingCrop", () => {
  it("cuts image and map at the same place", async () => {
    const page = await source(blueTeacher()).page(0);
    for (const seed of [1, 2, 3]) {
      const random = createRandom(seed);
      const { image, map } = trainingCrop(page, { size: 64, random, normalize, jitter: 0 });
      const blue = image.subarray(0, 64 * 64);
      expect(map?.length).toBe(blue.length);
      blue.forEach((value, at) => {
        expect(Math.abs(value - (map?.[at] ?? -1))).toBeLessThan(1 / 255);
      });
    }
  });

  it("gives the same crop for the same random numbers, and another one for others", async () => {
    const page = await source(blueTeacher()).page(0);
    const crop = (seed: number): Float32Array =>
      trainingCrop(page, { size: 32, random: createRandom(seed), normalize }).image;
    expect(crop(5)).toEqual(crop(5));
    expect(crop(5)).not.toEqual(crop(6));
  });

  it("fills with zeros beyond the page's edge", async () => {
    const page = await source(blueTeacher()).page(0);
    const { image, map } = trainingCrop(page, { size: 128, random: createRandom(1), normalize });
    expect(image.subarray(HEIGHT * 128, 128 * 128).every((value) => value === 0)).toBe(true);
    expect(map?.subarray(HEIGHT * 128).every((value) => value === 0)).toBe(true);
    expect(map?.subarray(0, 128).some((value) => value > 0)).toBe(true);
  });

  it("prefers places with text", async () => {
    const map = new Uint8Array(HEIGHT * WIDTH);
    for (let row = 0; row < 32; row++) map.fill(255, row * WIDTH, row * WIDTH + 32);
    const page = { ...(await source(blueTeacher()).page(0)), map };
    const textIn = (candidates: number): number => {
      let sum = 0;
      for (let seed = 0; seed < 40; seed++) {
        const options = { size: 64, random: createRandom(seed), normalize, candidates };
        sum += trainingCrop(page, options).map?.reduce((total, value) => total + value, 0) ?? 0;
      }
      return sum;
    };
    expect(textIn(6)).toBeGreaterThan(1.5 * textIn(1));
  });

  it("refuses a size that no detector takes", async () => {
    const page = await source(blueTeacher()).page(0);
    expect(() => trainingCrop(page, { size: 50, random: createRandom(1) })).toThrow(
      "size is 50; give a multiple of 32",
    );
  });
});

describe("createPageSource", () => {
  it("asks the teacher once for each page while memory lasts", async () => {
    const calls: number[] = [];
    const pages = source(blueTeacher(calls));
    await Promise.all([pages.page(0), pages.page(0), pages.page(1)]);
    await pages.page(1);
    expect(calls.length).toBe(2);
  });

  it("forgets the page used longest ago when memory is short", async () => {
    const calls: number[] = [];
    const pages = source(blueTeacher(calls), HEIGHT * WIDTH * 4);
    await pages.page(0);
    await pages.page(1);
    await pages.page(1);
    expect(calls.length).toBe(2);
    await pages.page(0);
    expect(calls.length).toBe(3);
  });

  it("refuses a teacher whose map is of another size", async () => {
    const small: Teacher = async () => ({
      dtype: "float32",
      dims: [1, 1, 2, 2],
      data: new Float32Array(4),
    });
    await expect(source(small).page(0)).rejects.toMatchObject({ code: "invalid-map" });
  });
});
