import { createRandom } from "@ocrslim/graph";
import { describe, expect, test } from "vitest";
import { augment, type BgrImage, colorJitter, pad, scale } from "../../src/index.ts";
import { type Color, noise, pixelOf, plain } from "./pictures.ts";

const jitter = (
  image: BgrImage,
  options: Parameters<typeof colorJitter>[0],
  seed: number,
): BgrImage =>
  augment([colorJitter(options)]).apply({ image, regions: [] }, { random: createRandom(seed) })
    .image;

const none = { brightness: 0, contrast: 0, saturation: 0 };

describe("colorJitter", () => {
  test("changes brightness by one factor within its range", () => {
    const levels = [10, 80, 200] as const;
    const factors = Array.from({ length: 40 }, (_, seed) => {
      const pixel = pixelOf(jitter(plain(2, 2, levels), { ...none, brightness: 0.5 }, seed), 1, 1);
      const factor = (pixel[1] ?? 0) / 80;
      expect(Math.abs((pixel[0] ?? 0) - 10 * factor)).toBeLessThanOrEqual(1);
      expect(Math.abs((pixel[2] ?? 0) - Math.min(200 * factor, 255))).toBeLessThanOrEqual(4);
      return factor;
    });
    expect(Math.min(...factors)).toBeGreaterThan(0.48);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.5);
    expect(Math.max(...factors) - Math.min(...factors)).toBeGreaterThan(0.7);
  });

  test("keeps level 74 when it changes contrast", () => {
    for (let seed = 0; seed < 10; seed += 1) {
      const changed = jitter(plain(1, 1, [74, 74, 200]), { ...none, contrast: 0.9 }, seed);
      expect(pixelOf(changed, 0, 0).slice(0, 2)).toEqual([74, 74]);
      expect(pixelOf(changed, 0, 0)[2]).not.toBe(200);
    }
  });

  test("leaves grey grey, and the luminance about as it was, when it changes saturation", () => {
    const luminance = ([blue = 0, green = 0, red = 0]: readonly number[]): number =>
      0.114 * blue + 0.587 * green + 0.299 * red;
    const color: Color = [90, 130, 110];
    for (let seed = 0; seed < 10; seed += 1) {
      const grey = pixelOf(
        jitter(plain(1, 1, [99, 99, 99]), { ...none, saturation: 1 }, seed),
        0,
        0,
      );
      expect(Math.max(...grey.map((level) => Math.abs(level - 99)))).toBeLessThanOrEqual(1);
      const changed = pixelOf(jitter(plain(1, 1, color), { ...none, saturation: 1 }, seed), 0, 0);
      expect(Math.abs(luminance(changed) - luminance(color))).toBeLessThan(1.6);
    }
  });

  test("leaves the black around an image black, and the image it was given as it is", () => {
    const image = noise(8, 8, createRandom(1));
    const before = Uint8Array.from(image.data);
    const steps = [colorJitter({ contrast: 0.9 }), scale([1, 1]), pad([12, 8])];
    const result = augment(steps).apply({ image, regions: [] }, { random: createRandom(3) });
    expect(pixelOf(result.image, 10, 3)).toEqual([0, 0, 0]);
    expect(image.data).toEqual(before);
    expect(result.image.data.subarray(0, 24)).not.toEqual(image.data.subarray(0, 24));
  });

  test("comes out the same whether it is before the geometry or after it", () => {
    const sample = { image: noise(16, 16, createRandom(1)), regions: [] };
    const color = colorJitter({ contrast: 0.3 });
    const first = augment([color, scale([2, 2])]).apply(sample, { random: createRandom(4) });
    const second = augment([scale([2, 2]), color]).apply(sample, { random: afterOne(4) });
    expect(second.image.data).toEqual(first.image.data);
  });
});

/** The generator of a seed, with one number before it: the one that `scale` takes. */
function afterOne(seed: number): () => number {
  const random = createRandom(seed);
  let started = false;
  return () => {
    if (started) return random();
    started = true;
    return 0.5;
  };
}

test("strengths below 0 are refused", () => {
  for (const name of ["brightness", "contrast", "saturation"]) {
    expect(() => colorJitter({ [name]: -0.1 })).toThrow(name);
    expect(() => colorJitter({ [name]: Number.NaN })).toThrow(name);
  }
});
