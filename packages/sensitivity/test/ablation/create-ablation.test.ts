import {
  cloneModel,
  inferShapes,
  type Model,
  removeChannels,
  resolveInputShapes,
} from "@ocrslim/graph";
import { createRuntime, type Runtime, type SessionOptions } from "@ocrslim/runtime";
import { buildRandomModel, expectClose, randomModel } from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AblationOptions, createAblation } from "../../src/ablation/create-ablation.ts";
import type { ImageMetric } from "../../src/ablation/image-metric.ts";
import type { PointMeasurer, PointResult } from "../../src/point-measurer.ts";
import { listPoints, type PointSpec } from "../../src/points.ts";
import {
  byIndex,
  freeGroups,
  inputShapes,
  network,
  randomImages,
  recordOutputs,
  runPlainly,
} from "./support.ts";

const runtime = createRuntime({ threads: 1 });
const groups = freeGroups(network);
const images = randomImages(network, 5);
const points = listPoints(groups, [0.25, 0.5, 0.75]);

const base = { groups, criterion: byIndex, inputShapes, runtime };
const ablate = (options: Partial<AblationOptions<number>> = {}): Promise<PointMeasurer> =>
  createAblation(network, { ...base, metric: recordOutputs(images), ...options });

/** The model that a point asks for, made in the obvious way. */
function pruneAt(
  model: Model,
  { group: id, width, removed }: PointSpec,
  shapes = inputShapes,
): Model {
  const copy = cloneModel(model);
  removeChannels(copy, {
    groups: freeGroups(model, shapes),
    keep: new Map([[id, Array.from({ length: width - removed }, (_, channel) => channel)]]),
    shapes: inferShapes(copy, { inputShapes: shapes }),
  });
  return copy;
}

async function measureAll(
  measurer: PointMeasurer,
  list: readonly PointSpec[] = points,
): Promise<Map<PointSpec, PointResult>> {
  const results = new Map<PointSpec, PointResult>();
  for (const point of list) results.set(point, await measurer.measure(point));
  await measurer.dispose();
  return results;
}

/** The runtime, counting what is loaded and not yet disposed of. */
function counting(): Runtime & { loaded: string[]; open: number } {
  const counter = {
    ...runtime,
    loaded: [] as string[],
    open: 0,
    async load(model: Parameters<Runtime["load"]>[0], options?: SessionOptions) {
      const session = await runtime.load(model, options);
      counter.loaded.push(session.inputs.map(({ name }) => name).join());
      counter.open++;
      const dispose = async (): Promise<void> => {
        counter.open--;
        await session.dispose();
      };
      return { ...session, dispose, [Symbol.asyncDispose]: dispose };
    },
  };
  return counter;
}

describe("createAblation", () => {
  it("gives each image the outputs of the pruned model run as a whole", async () => {
    const metric = recordOutputs(images);
    const measurer = await ablate({ metric });
    for (const point of points) {
      const { metric: value, images: count } = await measurer.measure(point);
      const expected = await runPlainly(runtime, pruneAt(network, point), images);
      expected.forEach((outputs, image) => {
        const [name] = Object.keys(outputs);
        expectClose(metric.seen.get(image)![name!]!, outputs[name!]!);
      });
      expect(count).toBe(images.length);
      expect(value).toBe(
        metric.combine([...metric.seen.values()].map((o, i) => metric.score(i, o) as number)),
      );
    }
    await measurer.dispose();
  });

  it("does so for random networks, cut at any group", async () => {
    await fc.assert(
      fc.asyncProperty(randomModel({ maxOps: 10 }), fc.nat(50), async (description, pick) => {
        const model = buildRandomModel(description);
        const shapes = resolveInputShapes(model);
        const free = freeGroups(model, shapes);
        fc.pre(free.length > 0);
        const list = listPoints(free, [0.5]);
        const point = list[pick % list.length]!;
        const feeds = randomImages(model, 2, shapes);
        const metric = recordOutputs(feeds);
        const measurer = await createAblation(model, {
          groups: free,
          criterion: byIndex,
          inputShapes: shapes,
          metric,
          runtime,
        });
        await measurer.measure(point);
        await measurer.dispose();
        const expected = await runPlainly(runtime, pruneAt(model, point, shapes), feeds);
        expected.forEach((outputs, image) => {
          const actual = metric.seen.get(image)!;
          expect(Object.keys(actual).sort()).toEqual(Object.keys(outputs).sort());
          for (const [name, tensor] of Object.entries(outputs)) {
            expectClose(actual[name]!, tensor, { atol: 1e-4 }, name);
          }
        });
      }),
      { numRuns: 25 },
    );
  });

  it("measures the unpruned model as a whole, once", async () => {
    const loads = counting();
    const measurer = await ablate({ runtime: loads });
    const [first, second] = [await measurer.baseline(), await measurer.baseline()];
    await measurer.dispose();
    const metric = recordOutputs(images);
    const scores = (await runPlainly(runtime, network, images)).map(
      (o, i) => metric.score(i, o) as number,
    );
    expect(first).toEqual({ metric: metric.combine(scores), images: images.length });
    expect(second).toEqual(first);
    expect(loads.loaded).toEqual(["x"]);
  });

  it("finds the same numbers in any order, with any memory, at any concurrency", async () => {
    const expected = await measureAll(await ablate());
    const orders = [points.toReversed(), points.filter((_, index) => index % 2 === 1)];
    for (const list of orders) {
      for (const [point, result] of await measureAll(await ablate(), list)) {
        expect(result).toEqual(expected.get(point));
      }
    }
    for (const options of [{ memoryLimit: 0 }, { memoryLimit: 9000 }, { concurrency: 3 }]) {
      expect(await measureAll(await ablate(options))).toEqual(expected);
    }
    const measurer = await ablate({ concurrency: 2 });
    const results = await Promise.all(points.map((point) => measurer.measure(point)));
    expect(results).toEqual([...expected.values()]);
    await measurer.dispose();
  });

  it("loads images once while there is memory, and starts where the cut begins", async () => {
    const metric = recordOutputs(images);
    const loads = counting();
    const measurer = await ablate({ metric, runtime: loads });
    await measureAll(measurer);
    expect(metric.loads).toBe(images.length);
    // Only the first group's variants and what leads to the later ones read the image.
    const fromImage = loads.loaded.filter((inputs) => inputs.split(",").includes("x"));
    expect(fromImage.length).toBeLessThan(loads.loaded.length / 2);
    const forgetful = recordOutputs(images);
    await measureAll(await ablate({ metric: forgetful, memoryLimit: 0 }));
    expect(forgetful.loads).toBeGreaterThan(metric.loads);
  });

  it("frees every session, whether points are measured or fail", async () => {
    const loads = counting();
    const measurer = await ablate({
      runtime: loads,
      metric: { ...recordOutputs(images), score: failAt(3) },
    });
    for (const point of points.slice(0, 4)) {
      await expect(measurer.measure(point)).rejects.toMatchObject({ code: "point-failed" });
    }
    await measurer.dispose();
    expect(loads.loaded.length).toBeGreaterThan(0);
    expect(loads.open).toBe(0);
  });

  it("says which image could not be measured, and measures other points all the same", async () => {
    let isBroken = false;
    const good = recordOutputs(images);
    const measurer = await ablate({
      metric: {
        ...good,
        score: (image, outputs) => (isBroken ? failAt(2)(image) : good.score(image, outputs)),
      },
    });
    await measurer.baseline();
    isBroken = true;
    await expect(measurer.measure(points[1]!)).rejects.toMatchObject({
      code: "point-failed",
      message: expect.stringMatching(/ratio 0\.5: image 2: .*spoilt/),
      cause: expect.any(TypeError),
    });
    isBroken = false;
    const result = await measurer.measure(points[1]!);
    expect(result).toEqual((await measureAll(await ablate(), [points[1]!])).get(points[1]!));
    await measurer.dispose();
  });

  it("refuses a metric that is no number", async () => {
    const metric = { ...recordOutputs(images), combine: () => Number.NaN };
    const measurer = await ablate({ metric });
    await expect(measurer.baseline()).rejects.toMatchObject({ code: "invalid-metric" });
    await measurer.dispose();
  });

  it("carries out other ways of pruning, also those that rename or change more than the group", async () => {
    const metric = recordOutputs(images);
    const prune: AblationOptions<number>["prune"] = (copy) => {
      for (const node of copy.graph.nodes)
        for (const output of node.outputs) {
          if (output && !output.isGraphOutput) output.name = `renamed_${output.name}`;
        }
      return copy;
    };
    // Nothing changes, so that nothing is run but what leads to the outputs.
    const measurer = await ablate({ metric, prune });
    const [point] = points;
    const { metric: value } = await measurer.measure(point!);
    expect(value).toBeCloseTo((await measurer.baseline()).metric, 6);
    await measurer.dispose();
  });

  describe("with a maximum loss", () => {
    const many = randomImages(network, 24);
    /** Closeness to the unpruned model's outputs, image by image; the mean of all. */
    const closeness = async (): Promise<ImageMetric<number>> => {
      const reference = await runPlainly(runtime, network, many);
      return {
        images: many.length,
        feeds: (image) => many[image]!,
        score: (image, outputs) => {
          const expected = Object.values(reference[image]!)[0]!.data as Float32Array;
          const actual = Object.values(outputs)[0]!.data as Float32Array;
          const distance = expected.reduce((sum, e, at) => sum + Math.abs(e - actual[at]!), 0);
          return 1 - distance / expected.length;
        },
        combine: (scores) => scores.reduce((sum, score) => sum + score, 0) / scores.length,
      };
    };
    const lossOf = (result: PointResult): number => 1 - result.metric;

    it("ends points on the right side of it, most before the last image", async () => {
      const metric = await closeness();
      const exact = await measureAll(await ablate({ metric }));
      const losses = [...exact.values()].map(lossOf).toSorted((a, b) => a - b);
      const maximumLoss = (losses[3]! + losses[4]!) / 2;
      const raced = await measureAll(await ablate({ metric, maximumLoss, seed: 1 }));
      let early = 0;
      for (const [point, result] of raced) {
        const full = exact.get(point)!;
        expect(lossOf(result) <= maximumLoss).toBe(lossOf(full) <= maximumLoss);
        if (result.images < many.length) {
          early++;
          expect(result.isDecidedEarly).toBe(true);
          expect([4, 8, 16]).toContain(result.images);
        } else {
          expect(result.isDecidedEarly).toBeUndefined();
          expect(result.metric).toBeCloseTo(full.metric, 12);
        }
        const [low, high] = result.interval!;
        expect(low).toBeLessThanOrEqual(lossOf(result));
        expect(high).toBeGreaterThanOrEqual(lossOf(result));
      }
      expect(early).toBeGreaterThan(points.length / 2);
    });

    it("takes images in an order that the seed draws, the same for the same seed", async () => {
      const metric = await closeness();
      const run = async (seed: number) => [
        ...(await measureAll(await ablate({ metric, maximumLoss: 0.001, seed }))).values(),
      ];
      const first = await run(1);
      expect(await run(1)).toEqual(first);
      expect(await run(2)).not.toEqual(first);
    });
  });

  it("stops when the signal is aborted", async () => {
    const measurer = await ablate();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(measurer.measure(points[0]!, { signal })).rejects.toThrow("enough");
    await expect(measurer.baseline()).resolves.toMatchObject({ images: images.length });
    await measurer.dispose();
  });

  it.each<[string, Partial<AblationOptions<number>>]>([
    ["no images", { metric: { ...recordOutputs([]), images: 0 } }],
    ["a concurrency of 0", { concurrency: 0 }],
    ["a negative limit of memory", { memoryLimit: -1 }],
    ["a maximum loss above 1", { maximumLoss: 2 }],
    ["a confidence of 1", { confidence: 1 }],
  ])("refuses %s", async (_, options) => {
    await expect(ablate(options)).rejects.toMatchObject({ code: "invalid-option" });
  });
});

function failAt(bad: number) {
  return (image: number): number => {
    if (image === bad) throw new TypeError("this image is spoilt");
    return 1;
  };
}
