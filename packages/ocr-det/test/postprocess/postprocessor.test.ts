import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { sharedPath } from "@ocrslim/test-utils";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Point } from "../../src/data/region.ts";
import { loadOpenCv } from "../../src/opencv.ts";
import type { PostprocessOptions } from "../../src/postprocess/options.ts";
import { createPostprocessor, type Detection } from "../../src/postprocess/postprocessor.ts";
import { fixtureUrl, readFixture, readNpy } from "../read-fixture.ts";

interface PaddleOptions {
  thresh: number;
  box_thresh: number;
  unclip_ratio: number;
  score_mode?: "fast" | "slow";
  use_dilation?: boolean;
  box_type?: "quad" | "poly";
}

interface Case {
  map?: string;
  width: number;
  height: number;
  options: PaddleOptions;
  boxes: Point[][];
  scores: number[];
}

const fromPaddle = (options: PaddleOptions): Partial<PostprocessOptions> => ({
  threshold: options.thresh,
  boxThreshold: options.box_thresh,
  unclipRatio: options.unclip_ratio,
  scoreMode: options.score_mode ?? "fast",
  dilation: options.use_dilation ?? false,
  boxType: options.box_type ?? "quad",
});

async function expectReference(
  { data, height, width }: { data: Float32Array; height: number; width: number },
  expected: Case,
): Promise<void> {
  using postprocessor = await createPostprocessor(fromPaddle(expected.options));
  const found = postprocessor.run(data, height, width, expected.height, expected.width);
  expect(found.length).toBe(expected.boxes.length);
  found.forEach(({ points, score }, index) => {
    const box = expected.boxes[index]!;
    expect(Math.abs(score - expected.scores[index]!)).toBeLessThan(1e-9);
    expect(points).toEqual(box);
  });
}

describe("PaddleOCR's boxes and scores are reproduced", () => {
  const fixture = readFixture<{
    mapHeight: number;
    mapWidth: number;
    height: number;
    width: number;
    cases: Omit<Case, "height" | "width">[];
  }>("postprocess.json");
  const bytes = gunzipSync(readFileSync(fixtureUrl("map-debmake.u16.gz")));
  const data = Float32Array.from(
    new Uint16Array(Uint8Array.from(bytes).buffer),
    (value) => value / 4096,
  );
  test.each(fixture.cases)("for a page with $options", async (expected) => {
    const { mapHeight, mapWidth, height, width } = fixture;
    await expectReference(
      { data, height: mapHeight, width: mapWidth },
      { ...expected, height, width },
    );
  });

  const folder = sharedPath("fixtures/db");
  test.skipIf(!folder)("for all maps of the shared reference material", async () => {
    const { cases } = JSON.parse(readFileSync(`${folder}/postprocess.json`, "utf8")) as {
      cases: Case[];
    };
    expect(cases.length).toBeGreaterThan(8);
    for (const expected of cases)
      await expectReference(readNpy(`${folder}/${expected.map}`), expected);
  });
});

describe("any map gives detections within the image", () => {
  const created: { dispose(): void }[] = [];
  afterAll(() => {
    for (const postprocessor of created) postprocessor.dispose();
  });

  test.each(["quad", "poly"] as const)("%s", async (boxType) => {
    const postprocessor = await createPostprocessor({ boxType, boxThreshold: 0.3 });
    created.push(postprocessor);
    const blob = fc.record({
      x: fc.integer({ min: -5, max: 70 }),
      y: fc.integer({ min: -5, max: 50 }),
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 30 }),
      slant: fc.integer({ min: -10, max: 10 }).map((tenths) => tenths / 10),
      level: fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
    });
    let total = 0;
    fc.assert(
      fc.property(
        fc.array(blob, { maxLength: 8 }),
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: 2000 }),
        (blobs, sourceHeight, sourceWidth) => {
          const [height, width] = [48, 64];
          const map = new Float32Array(height * width);
          for (const { x, y, width: w, height: h, slant, level } of blobs) {
            for (let row = Math.max(y, 0); row < Math.min(y + h, height); row += 1) {
              const shift = Math.round((row - y) * slant);
              const start = Math.max(x + shift, 0);
              map.fill(
                level,
                row * width + Math.min(start, width),
                row * width + Math.min(Math.max(x + shift + w, 0), width),
              );
            }
          }
          const found: Detection[] = postprocessor.run(
            map,
            height,
            width,
            sourceHeight,
            sourceWidth,
          );
          total += found.length;
          for (const { points, score } of found) {
            expect(points.length).toBeGreaterThanOrEqual(boxType === "quad" ? 4 : 3);
            expect(score).toBeGreaterThanOrEqual(0.3);
            expect(score).toBeLessThanOrEqual(1);
            for (const [px, py] of points) {
              expect(Number.isInteger(px) && px >= 0 && px <= sourceWidth).toBe(true);
              expect(Number.isInteger(py) && py >= 0 && py <= sourceHeight).toBe(true);
            }
          }
        },
      ),
      { numRuns: 100, seed: 11 },
    );
    expect(total).toBeGreaterThan(60);
  });

  test("an empty map, one full of NaN and one full of ones", async () => {
    using postprocessor = await createPostprocessor();
    expect(postprocessor.run(new Float32Array(32 * 32), 32, 32, 32, 32)).toEqual([]);
    expect(postprocessor.run(new Float32Array(32 * 32).fill(Number.NaN), 32, 32, 32, 32)).toEqual(
      [],
    );
    const full = postprocessor.run(new Float32Array(32 * 32).fill(1), 32, 32, 64, 64);
    expect(full).toEqual([
      {
        points: [
          [0, 0],
          [64, 0],
          [64, 64],
          [0, 64],
        ],
        score: 1,
      },
    ]);
  });
});

test("dilation closes gaps of one pixel", async () => {
  const map = new Float32Array(32 * 64);
  for (let row = 10; row < 20; row += 1) {
    map.fill(0.9, row * 64 + 10, row * 64 + 30);
    map.fill(0.9, row * 64 + 31, row * 64 + 50);
  }
  using plain = await createPostprocessor();
  using dilating = await createPostprocessor({ dilation: true });
  expect(plain.run(map, 32, 64, 32, 64).length).toBe(2);
  expect(dilating.run(map, 32, 64, 32, 64).length).toBe(1);
});

test("maxCandidates limits the outlines that are looked at", async () => {
  const map = new Float32Array(32 * 64);
  for (const left of [2, 22, 42]) {
    for (let row = 5; row < 15; row += 1) map.fill(0.9, row * 64 + left, row * 64 + left + 12);
  }
  using postprocessor = await createPostprocessor({ maxCandidates: 2 });
  expect(postprocessor.run(map, 32, 64, 32, 64).length).toBe(2);
});

test("repeated runs, also of changing sizes, do not grow OpenCV's heap", async () => {
  const { cv } = await loadOpenCv();
  using postprocessor = await createPostprocessor({ boxType: "poly" });
  const run = (size: number): number => {
    const map = new Float32Array(size * size);
    for (let row = 4; row < size - 4; row += 1) {
      if (row % 12 < 8) map.fill(0.9, row * size + 4, row * size + size - 4);
    }
    return postprocessor.run(map, size, size, size, size).length;
  };
  for (let round = 0; round < 20; round += 1) run(256 + 64 * (round % 2));
  const before = cv.HEAP32.length;
  let found = 0;
  for (let round = 0; round < 120; round += 1) found += run(256 + 64 * (round % 2));
  expect(found).toBeGreaterThan(1200);
  expect(cv.HEAP32.length).toBe(before);
});

describe("what cannot be done is refused", () => {
  test.each([
    { threshold: -0.1 },
    { threshold: Number.NaN },
    { boxThreshold: 1.5 },
    { unclipRatio: -1 },
    { maxCandidates: 0 },
    { scoreMode: "median" as "fast" },
    { boxType: "circle" as "quad" },
  ])("options %j", async (options) => {
    await expect(createPostprocessor(options)).rejects.toMatchObject({ code: "invalid-option" });
  });

  test("sizes that do not fit the map, and a disposed post-processor", async () => {
    const postprocessor = await createPostprocessor();
    const map = new Float32Array(100);
    const expectRefused = (height: number, width: number, source: number): void => {
      expect(() => postprocessor.run(map, height, width, source, source)).toThrow(
        expect.objectContaining({ code: "invalid-map" }),
      );
    };
    expectRefused(10, 11, 10);
    expectRefused(10, 10, 0);
    expectRefused(-10, -10, 10);
    postprocessor.dispose();
    postprocessor.dispose();
    expectRefused(10, 10, 10);
  });
});
