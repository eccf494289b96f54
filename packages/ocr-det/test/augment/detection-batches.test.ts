import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "@ocrslim/graph";
import sharp from "sharp";
import { beforeEach, describe, expect, test } from "vitest";
import {
  type AugmentationSpec,
  augment,
  type BgrImage,
  createAugmentation,
  createDetectionData,
  type DetectionBatch,
  type DetectionDataOptions,
  detectionBatches,
  drawTargets,
  makeTargets,
  NORMALIZE_DEFAULTS,
  normalizeImage,
  type Sample,
} from "../../src/index.ts";
import { createTemporaryFolder } from "../temporary-folder.ts";
import { box, noise, pixelOf } from "./pictures.ts";

const WIDTH = 80;
const HEIGHT = 60;
const SIZE = 64;

const everything: readonly AugmentationSpec[] = [
  { kind: "copy-paste", objectsPasteRatio: 1 },
  { kind: "color-jitter", brightness: 0.2 },
  { kind: "flip" },
  { kind: "rotate" },
  { kind: "scale" },
  { kind: "east-random-crop", size: [48, 64] },
  { kind: "pad" },
];

let images: BgrImage[] = [];
let labels = "";

beforeEach(async () => {
  const folder = createTemporaryFolder();
  images = [0, 1, 2].map((seed) => noise(WIDTH, HEIGHT, createRandom(seed)));
  const lines = await Promise.all(
    images.map(async ({ data }, index) => {
      const rgb = Uint8Array.from(data, (_, at) => data[at - (at % 3) + 2 - (at % 3)] ?? 0);
      const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
      await sharp(rgb, { raw })
        .png()
        .toFile(join(folder, `${index}.png`));
      const entries = [
        { transcription: "one", points: box(10, 10, 40, 24) },
        { transcription: "###", points: box(45, 30, 75, 45) },
      ];
      return `${index}.png\t${JSON.stringify(index === 2 ? [] : entries)}\n`;
    }),
  );
  labels = join(folder, "labels.txt");
  writeFileSync(labels, lines.join(""));
});

const create = (options: Partial<DetectionDataOptions> = {}) =>
  createDetectionData({ sources: [labels], size: SIZE, ...options });

describe("createDetectionData", () => {
  test("gives batches with the names and dims that training takes", async () => {
    const data = await create();
    expect(data.size).toBe(3);
    const batch = await data.loadBatch({ index: 0, seed: 1, samples: [2, 0] });
    expect(Object.entries(batch).map(([name, { dtype, dims }]) => [name, dtype, dims])).toEqual([
      ["x", "float32", [2, 3, SIZE, SIZE]],
      ["shrink_map", "float32", [2, 1, SIZE, SIZE]],
      ["shrink_mask", "float32", [2, 1, SIZE, SIZE]],
      ["threshold_map", "float32", [2, 1, SIZE, SIZE]],
      ["threshold_mask", "float32", [2, 1, SIZE, SIZE]],
    ]);
    for (const { data: values } of Object.values(batch)) {
      expect((values as Float32Array).every(Number.isFinite)).toBe(true);
    }
  });

  test("puts in the image and the maps of what the augmentations give", async () => {
    const size = [SIZE, SIZE] as const;
    const data = await create({
      augmentations: [
        { kind: "flip", probability: 1 },
        { kind: "east-random-crop", maxTries: 1, minCropSideRatio: 1 },
      ],
    });
    const batch = await data.loadBatch({ index: 0, seed: 1, samples: [1] });
    const steps = [
      createAugmentation({ kind: "flip", probability: 1 }, size),
      createAugmentation({ kind: "east-random-crop", maxTries: 1, minCropSideRatio: 1 }, size),
    ];
    const regions = [
      { points: box(10, 10, 40, 24), text: "one", ignored: false },
      { points: box(45, 30, 75, 45), text: "###", ignored: true },
    ];
    const image = images[1] as BgrImage;
    const wanted = augment(steps).apply({ image, regions }, { random: createRandom(5) });
    const targets = await makeTargets(wanted.regions, wanted.image);
    expect(batch.x.data).toEqual(normalizeImage(wanted.image));
    expect(batch.shrink_map.data).toEqual(targets.shrinkMap);
    expect(batch.shrink_mask.data).toEqual(targets.shrinkMask);
    expect(batch.threshold_map.data).toEqual(targets.thresholdMap);
    expect(batch.threshold_mask.data).toEqual(targets.thresholdMask);
    expect((batch.shrink_map.data as Float32Array).some((value) => value === 1)).toBe(true);
    expect((batch.shrink_mask.data as Float32Array).some((value) => value === 0)).toBe(true);
  });

  test("gives the same batch for the same request, whatever was asked before, by whomever", async () => {
    const options: DetectionDataOptions = {
      sources: [labels],
      size: SIZE,
      augmentations: everything,
      growShrinkRatioOver: 4,
    };
    const request = { index: 2, seed: 77, samples: [1, 1, 0, 2] };
    const one = await createDetectionData(options);
    const first = await one.loadBatch(request);
    await one.loadBatch({ index: 3, seed: 5, samples: [0, 2] });
    const other = await createDetectionData(
      JSON.parse(JSON.stringify({ ...options, cacheBytes: 0 })) as DetectionDataOptions,
    );
    const [again, elsewhere] = await Promise.all([
      one.loadBatch(request),
      other.loadBatch(request),
    ]);
    expect(again).toEqual(first);
    expect(elsewhere).toEqual(first);
    expect(other.fingerprint).toBe(one.fingerprint);
    expect(await one.loadBatch({ ...request, seed: 78 })).not.toEqual(first);
    // The same sample twice is changed in two ways.
    const { data } = first.x;
    const image = (position: number): Float32Array =>
      (data as Float32Array).slice(position * 3 * SIZE ** 2, (position + 1) * 3 * SIZE ** 2);
    expect(image(0)).not.toEqual(image(1));
  });

  test("scales what is of another size to fit", async () => {
    const data = await create({ augmentations: [] });
    const { x, shrink_map } = await data.loadBatch({ seed: 1, samples: [0] });
    expect(x.dims).toEqual([1, 3, SIZE, SIZE]);
    const rows = Math.trunc((HEIGHT * SIZE) / WIDTH);
    const black = normalizeImage({ width: 1, height: 1, data: new Uint8Array(3) })[0];
    expect((x.data as Float32Array)[rows * SIZE + 3]).toBe(black);
    expect((x.data as Float32Array)[(rows - 1) * SIZE + 3]).not.toBe(black);
    const at = Math.round((17 * SIZE) / WIDTH) * SIZE + Math.round((25 * SIZE) / WIDTH);
    expect((shrink_map.data as Float32Array)[at]).toBe(1);
  });

  test("lets the shrink ratio grow with the epochs", async () => {
    const data = await create({ size: 320, augmentations: [], growShrinkRatioOver: 10 });
    const sum = async (index: number): Promise<number> => {
      const { shrink_map } = await data.loadBatch({ index, seed: 1, samples: [0] });
      return (shrink_map.data as Float32Array).reduce((total, value) => total + value, 0);
    };
    const sums = [await sum(0), await sum(2), await sum(29), await sum(300)] as const;
    expect(sums[1]).toBe(sums[0]);
    expect(sums[2]).toBeGreaterThan(sums[1]);
    expect(sums[3]).toBeGreaterThanOrEqual(sums[2]);
  });

  test("has a fingerprint of all that counts", async () => {
    const prints = await Promise.all(
      [
        {},
        { size: 96 },
        { limit: 2 },
        { targets: { shrinkRatio: 0.5 } },
        { augmentations: everything },
        { growShrinkRatioOver: 3 },
      ].map(async (options) => (await create(options)).fingerprint),
    );
    expect(new Set(prints).size).toBe(prints.length);
  });

  test("refuses what it cannot use", async () => {
    const refused = async (options: Partial<DetectionDataOptions>): Promise<void> => {
      await expect(create(options)).rejects.toMatchObject({ code: "invalid-option" });
    };
    await refused({ size: 50 });
    await refused({ sources: [] });
    await refused({ growShrinkRatioOver: 0 });
    await refused({ cacheBytes: -1 });
    await refused({ targets: { shrinkRatio: 2 } });
    await refused({ augmentations: [{ kind: "blur" as "flip" }] });
    await refused({ augmentations: [{ kind: "flip", probability: 2 }] });
    const data = await create();
    for (const samples of [[], [3], [-1], [0.5]]) {
      await expect(data.loadBatch({ seed: 1, samples })).rejects.toMatchObject({
        code: "invalid-option",
      });
    }
  });
});

describe("detectionBatches", () => {
  test("refuses samples without labels", () => {
    const bare: Sample = { id: "a.png", imagePath: "/nowhere/a.png" };
    expect(() => detectionBatches([bare])).toThrow(
      expect.objectContaining({ code: "unlabelled", file: bare.imagePath }),
    );
    expect(() => detectionBatches([])).toThrow("no samples");
  });

  test("says which image cannot be read", async () => {
    const gone: Sample = { id: "a.png", imagePath: "/nowhere/a.png", regions: [] };
    await expect(
      detectionBatches([gone]).loadBatch({ seed: 1, samples: [0] }),
    ).rejects.toMatchObject({ code: "file-not-found", file: gone.imagePath });
  });
});

describe("drawTargets", () => {
  /** An even grey with the maps given, of two pixels in a row. */
  const batchOf = (maps: Partial<Record<keyof DetectionBatch, number[]>>): DetectionBatch => {
    const grey = normalizeImage({ width: 2, height: 1, data: new Uint8Array(6).fill(100) });
    const map = (name: keyof DetectionBatch, value: number) => ({
      dtype: "float32" as const,
      dims: [1, 1, 1, 2],
      data: Float32Array.from(maps[name] ?? [value, value]),
    });
    return {
      x: { dtype: "float32", dims: [1, 3, 1, 2], data: grey },
      shrink_map: map("shrink_map", 0),
      shrink_mask: map("shrink_mask", 1),
      threshold_map: map("threshold_map", 0.3),
      threshold_mask: map("threshold_mask", 0),
    };
  };

  test("shows the image as it was where there is nothing to show", () => {
    const drawn = drawTargets(batchOf({}), 0, NORMALIZE_DEFAULTS);
    expect([drawn.width, drawn.height, ...drawn.data]).toEqual([2, 1, ...Array(6).fill(100)]);
  });

  test("paints text green, outlines red and what is ignored blue", () => {
    const strongest = (maps: Parameters<typeof batchOf>[0]): number => {
      const drawn = drawTargets(batchOf(maps), 0);
      expect(pixelOf(drawn, 1, 0)).toEqual([100, 100, 100]);
      const pixel = pixelOf(drawn, 0, 0);
      return pixel.indexOf(Math.max(...pixel));
    };
    expect(strongest({ shrink_mask: [0, 1] })).toBe(0);
    expect(strongest({ shrink_map: [1, 0] })).toBe(1);
    expect(strongest({ threshold_map: [0.7, 0.3], threshold_mask: [1, 1] })).toBe(2);
  });

  test("refuses an image that the batch does not have", () => {
    expect(() => drawTargets(batchOf({}), 1)).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
  });
});
