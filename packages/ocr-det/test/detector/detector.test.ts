import { join } from "node:path";
import type { RuntimeTensor, Session, SessionPort } from "@ocrslim/runtime";
import { describe, expect, test } from "vitest";
import type { Sample, TextRegion } from "../../src/data/region.ts";
import { createDetector } from "../../src/detector/detector.ts";
import { detectSamples, evaluateDetector } from "../../src/detector/evaluate-detector.ts";
import type { BgrImage } from "../../src/images/bgr-image.ts";
import { writeImage } from "../../src/images/encode.ts";
import { computeAgreement } from "../../src/metric/match-detections.ts";
import { createTemporaryFolder } from "../temporary-folder.ts";

const port = (name: string, shape: (number | string)[], dtype = "float32"): SessionPort => ({
  name,
  dtype: dtype as "float32",
  shape,
});

interface Stub {
  readonly inputs?: SessionPort[];
  readonly outputs?: SessionPort[];
  readonly respond?: (input: RuntimeTensor) => RuntimeTensor;
}

/** Text is what is bright: the map is 1 where the blue plane is positive, at half the size. */
function toMap({ dims, data }: RuntimeTensor): RuntimeTensor {
  const [height, width] = [dims[2]! / 2, dims[3]! / 2];
  const map = Float32Array.from({ length: height * width }, (_, index) => {
    const at = Math.floor(index / width) * 2 * dims[3]! + (index % width) * 2;
    return (data as Float32Array)[at]! > 0 ? 1 : 0;
  });
  return { dtype: "float32", dims: [1, 1, height, width], data: map };
}

function createSession({ inputs, outputs, respond = toMap }: Stub = {}): Session {
  const used = {
    inputs: inputs ?? [port("x", ["n", 3, "h", "w"])],
    outputs: outputs ?? [port("map", ["n", 1, "h", "w"])],
  };
  return {
    ...used,
    run: async (feeds, fetches = []) => {
      const tensor = respond(feeds[used.inputs[0]!.name]!);
      return Object.fromEntries(fetches.map((name) => [name, tensor]));
    },
    dispose: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

function createPage(height: number, width: number, ...boxes: Box[]): BgrImage {
  const data = new Uint8Array(height * width * 3);
  for (const box of boxes) {
    for (let row = box.y; row < box.y + box.height; row += 1) {
      data.fill(255, (row * width + box.x) * 3, (row * width + box.x + box.width) * 3);
    }
  }
  return { height, width, data };
}

const toRegion = ({ x, y, width, height }: Box): TextRegion => ({
  points: [
    [x, y],
    [x + width, y],
    [x + width, y + height],
    [x, y + height],
  ],
  text: "a",
  ignored: false,
});

const resize = { kind: "limit-side", limitSideLength: 320, limitType: "max" } as const;
const postprocess = { unclipRatio: 0.2 };
const upper: Box = { x: 20, y: 20, width: 200, height: 30 };
const lower: Box = { x: 20, y: 100, width: 150, height: 30 };

describe("detect", () => {
  test("gives outlines in the image's pixels, the map and the times", async () => {
    using detector = await createDetector({ session: createSession(), resize, postprocess });
    const { detections, millisecondsPerImage, map } = await detector.detect(
      createPage(200, 300, upper),
    );
    expect(detections.length).toBe(1);
    // 200 × 300 becomes 192 × 288 or 320, and the stub's map is half of that.
    expect(map.data.length).toBe(map.height * map.width);
    const { points } = toRegion(upper);
    detections[0]!.points.forEach(([x, y], index) => {
      expect(Math.abs(x - points[index]![0])).toBeLessThan(9);
      expect(Math.abs(y - points[index]![1])).toBeLessThan(9);
    });
    for (const stage of ["preprocess", "forward", "postprocess"] as const) {
      expect(millisecondsPerImage[stage]).toBeGreaterThanOrEqual(0);
    }
    expect(await detector.probabilityMap(createPage(200, 300, upper))).toEqual(map);
  });

  test("keeps detections in a padded tiny image within it", async () => {
    using detector = await createDetector({ session: createSession(), postprocess });
    const { detections } = await detector.detect(
      createPage(20, 40, { x: 4, y: 4, width: 30, height: 14 }),
    );
    expect(detections.length).toBe(1);
    const [, , [right, bottom]] = detections[0]!.points as [never, never, [number, number]];
    expect(Math.abs(right - 34)).toBeLessThan(3);
    expect(bottom).toBeLessThanOrEqual(20);
    expect(bottom).toBeGreaterThan(16);
  });
});

describe("models that are no detectors are refused", () => {
  test.each<[string, Stub]>([
    ["two inputs", { inputs: [port("a", [1, 3, 8, 8]), port("b", [1])] }],
    ["no input", { inputs: [] }],
    ["an input of rank 2", { inputs: [port("a", [1, 3])] }],
    ["an integer input", { inputs: [port("a", [1, 3, 8, 8], "uint8")] }],
    ["no output with one channel", { outputs: [port("a", [1, 10]), port("b", [1, 4, 8, 8])] }],
    ["an integer output", { outputs: [port("a", [1, 1, 8, 8], "int64")] }],
  ])("%s", async (_name, stub) => {
    await expect(createDetector({ session: createSession(stub) })).rejects.toMatchObject({
      code: "unsupported-model",
    });
  });

  test("an input of another size than the image was brought to", async () => {
    const session = createSession({ inputs: [port("x", [1, 3, 640, 640])] });
    using wrong = await createDetector({ session, resize });
    await expect(wrong.detect(createPage(200, 300))).rejects.toMatchObject({
      code: "unsupported-model",
    });
    const shape = { kind: "image-shape", height: 640, width: 640 } as const;
    using right = await createDetector({ session, resize: shape });
    expect((await right.detect(createPage(200, 300, upper))).detections.length).toBe(1);
  });

  test("an output that turns out to be no map", async () => {
    const data = new Float32Array(10);
    const session = createSession({ respond: () => ({ dtype: "float32", dims: [1, 10], data }) });
    using detector = await createDetector({ session, resize });
    await expect(detector.detect(createPage(100, 100))).rejects.toMatchObject({
      code: "unsupported-model",
    });
  });
});

test("the first output of rank 4 with one channel is taken among several", async () => {
  const outputs = [port("features", [1, 16, "h", "w"]), port("map", [1, 1, "h", "w"])];
  using detector = await createDetector({
    session: createSession({ outputs }),
    resize,
    postprocess,
  });
  expect((await detector.detect(createPage(200, 300, upper))).detections.length).toBe(1);
});

describe("over a set", () => {
  async function createSamples(): Promise<Sample[]> {
    const folder = createTemporaryFolder();
    const pages: [string, Box[], Box[]][] = [
      ["a.png", [upper, lower], [upper, lower]],
      ["b.png", [upper], [upper, lower]],
    ];
    return Promise.all(
      pages.map(async ([id, drawn, labelled]) => {
        const imagePath = join(folder, id);
        await writeImage(imagePath, createPage(200, 300, ...drawn));
        return { id, imagePath, regions: labelled.map(toRegion) };
      }),
    );
  }

  test("evaluateDetector gives metrics, mean times, each image and progress", async () => {
    const samples = await createSamples();
    using detector = await createDetector({ session: createSession(), resize, postprocess });
    const events: string[] = [];
    const report = await evaluateDetector(detector, samples, {
      onProgress: (event) =>
        events.push(`${event.kind} ${event.kind === "advance" ? event.done : ""}`),
    });
    expect(report).toMatchObject({
      images: 2,
      precision: 1,
      recall: 0.75,
      matched: 3,
      truthCare: 4,
      predictedCare: 3,
    });
    expect(report.perImage.map(({ id, matched }) => [id, matched])).toEqual([
      ["a.png", 2],
      ["b.png", 1],
    ]);
    const [first, second] = report.perImage;
    expect(report.millisecondsPerImage.forward).toBeCloseTo(
      (first!.millisecondsPerImage.forward + second!.millisecondsPerImage.forward) / 2,
      9,
    );
    expect(events).toEqual(["start ", "advance 1", "advance 2", "end "]);
    expect(computeAgreement(report.perImage, report.perImage).hmean).toBe(1);
  });

  test("samples without labels can be detected but not evaluated", async () => {
    const samples = (await createSamples()).map(({ id, imagePath }) => ({ id, imagePath }));
    using detector = await createDetector({ session: createSession(), resize, postprocess });
    expect(
      (await detectSamples(detector, { samples })).map(({ detections }) => detections.length),
    ).toEqual([2, 1]);
    for (const list of [samples, []]) {
      await expect(evaluateDetector(detector, list)).rejects.toMatchObject({ code: "unlabelled" });
    }
  });

  test("an aborted run throws the reason before the next image", async () => {
    const samples = await createSamples();
    using detector = await createDetector({ session: createSession(), resize, postprocess });
    const controller = new AbortController();
    const reason = new Error("enough");
    const run = evaluateDetector(detector, samples, {
      signal: controller.signal,
      onProgress: (event) => event.kind === "advance" && controller.abort(reason),
    });
    await expect(run).rejects.toBe(reason);
  });
});
