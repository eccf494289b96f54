import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Criterion,
  cloneModel,
  type Evaluate,
  encodeModel,
  tensorAttribute,
} from "@ocrslim/graph";
import {
  analyzeSensitivity,
  type CreatePointMeasurer,
  listPoints,
  mergeSensitivities,
  type PointSpec,
  readSensitivities,
  type SensitivityOptions,
} from "@ocrslim/sensitivity";
import { maskConsumers } from "@ocrslim/test-utils";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { evaluate, groups, inputShapes, l1, model, prune } from "./sweep.ts";

const base: SensitivityOptions = {
  groups,
  criterion: l1,
  evaluate,
  prune,
  inputShapes,
  ratios: [0.5, 0.1, 0.3, 0.9],
};

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ocrslim-sensitivity-test-"));
  file = join(folder, "sensitivities.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** An evaluator that counts, and can act before the n-th evaluation. */
function counting(act: (count: number) => void = () => {}): Evaluate & { count: number } {
  const counter: Evaluate & { count: number } = Object.assign(
    (async (variant, context) => {
      counter.count++;
      act(counter.count);
      return evaluate(variant, context);
    }) satisfies Evaluate,
    { count: 0 },
  );
  return counter;
}

describe("analyzeSensitivity", () => {
  it("gives each point the loss of the model with those channels masked", async () => {
    const report = await analyzeSensitivity(model, base);
    expect(report).toMatchObject({ formatVersion: 1, baseline: 1, images: 1, criterion: "l1" });
    expect(report.curves.map(({ group, width }) => [group, width])).toEqual([
      ["Conv", 8],
      ["Conv_2", 6],
    ]);
    for (const { group: id, width, points } of report.curves) {
      expect(points.map(({ ratio }) => ratio)).toEqual([0.1, 0.3, 0.5, 0.9]);
      const group = groups.find((candidate) => candidate.id === id)!;
      const scores = l1(group, {
        tensorOf: (name) => model.graph.value(name)!.tensor!,
        random: () => 0,
      });
      const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]!);
      for (const { removed, loss, metric } of points) {
        const keep = order.slice(removed).sort((a, b) => a - b);
        const plan = {
          formatVersion: 1 as const,
          inputShapes,
          groups: [{ id, width, keep }],
          skipped: [],
          provenance: {},
        };
        const masked = await evaluate(maskConsumers(model, groups, plan), {} as never);
        expect(metric).toBeCloseTo(masked.metric, 6);
        expect(loss).toBe((report.baseline - metric) / report.baseline);
      }
    }
  });

  it("lists what it skips, with the reason, and leaves the model as it was", async () => {
    const before = encodeModel(model);
    const report = await analyzeSensitivity(model, { ...base, ratios: [0.5] });
    expect(report.skipped).toEqual([
      { group: "Conv_3", reason: 'they are the graph output "Conv_3"' },
      { group: "narrow", reason: "it has a single channel" },
    ]);
    expect(encodeModel(model)).toEqual(before);
  });

  it("gives criteria the weights that exporters write as Constant nodes", async () => {
    const exported = cloneModel(model);
    for (const weight of exported.graph.initializers) {
      const first = [...exported.graph.nodes][0]!;
      const attributes = { value: tensorAttribute(weight.tensor!) };
      const { output } = exported.graph.createNode({
        opType: "Constant",
        inputs: [],
        attributes,
        before: first,
      });
      const { name } = weight;
      weight.replaceAllUsesWith(output);
      exported.graph.removeInitializer(weight);
      output.name = name;
    }
    const options = { ...base, prune: () => prune(cloneModel(model), plan) };
    const plan = {
      formatVersion: 1 as const,
      inputShapes,
      groups: [],
      skipped: [],
      provenance: {},
    };
    let scored = 0;
    await analyzeSensitivity(exported, {
      ...options,
      criterion: (group, context) => {
        scored++;
        const scores = l1(group, context);
        expect(scores.every((score) => score > 0)).toBe(true);
        return scores;
      },
    });
    expect(scored).toBe(2);
  });

  it("does not measure what it knows: nothing removed, or as many as at another ratio", async () => {
    const counter = counting();
    const report = await analyzeSensitivity(model, {
      ...base,
      groups: groups.slice(1, 2),
      ratios: [0.05, 0.3, 0.31, 0.9, 0.99],
      evaluate: counter,
    });
    const [none, a, b, c, d] = report.curves[0]!.points;
    expect(counter.count).toBe(1 + 2);
    expect(none).toMatchObject({ removed: 0, loss: 0 });
    expect([a!.loss, c!.loss]).toEqual([b!.loss, d!.loss]);
    expect(c!.removed).toBe(5);
  });

  it("divides by baseline + 0.001 on request, as the dygraph pruner does", async () => {
    const report = await analyzeSensitivity(model, { ...base, relativeTo: "baseline+0.001" });
    const { loss, metric } = report.curves[0]!.points[3]!;
    expect(loss).toBe((1 - metric) / 1.001);
    expect(loss).toBeGreaterThan(0);
  });

  it("goes on after an abort anywhere, to the same file as without it", async () => {
    await analyzeSensitivity(model, { ...base, file });
    const whole = readFileSync(file, "utf8");
    const evaluations = 1 + 8;
    for (let stop = 1; stop <= evaluations; stop++) {
      rmSync(file, { force: true });
      const controller = new AbortController();
      const first = counting((count) => {
        if (count === stop) controller.abort(new Error("killed"));
      });
      const killed = analyzeSensitivity(model, {
        ...base,
        file,
        evaluate: first,
        signal: controller.signal,
      });
      await expect(killed).rejects.toThrow("killed");
      const second = counting();
      await analyzeSensitivity(model, { ...base, file, evaluate: second });
      expect(first.count - 1 + second.count).toBe(evaluations);
      expect(readFileSync(file, "utf8")).toBe(whole);
    }
    expect(readdirSync(folder)).toEqual(["sensitivities.json"]);
  });

  it("draws random numbers by point, so that stopping does not change them", async () => {
    const criterion: Criterion = (group, { random }) =>
      Float64Array.from({ length: group.width }, () => random());
    const noisy: Evaluate = async (_, { random }) => ({ metric: 1 + random(), images: 1 });
    const options = { ...base, criterion, evaluate: noisy };
    const whole = await analyzeSensitivity(model, options);
    const points = listPoints(groups, base.ratios!);
    const parts = [points.slice(4), points.slice(0, 4)];
    const reports = await Promise.all(
      parts.map((part) => analyzeSensitivity(model, { ...options, points: part })),
    );
    const merged = mergeSensitivities(reports);
    const byGroup = (curves: typeof whole.curves) =>
      Object.fromEntries(curves.map((curve) => [curve.group, curve]));
    expect(byGroup(merged.curves)).toEqual(byGroup(whole.curves));
    const other = await analyzeSensitivity(model, { ...options, random: () => 0.5 });
    expect(other.baseline).not.toBe(whole.baseline);
  });

  it("adds further ratios and groups to a file, and keeps the others", async () => {
    await analyzeSensitivity(model, { ...base, groups: groups.slice(1), ratios: [0.5], file });
    const counter = counting();
    const report = await analyzeSensitivity(model, {
      ...base,
      groups: groups.slice(0, 1),
      ratios: [0.3],
      file,
      evaluate: counter,
    });
    expect(counter.count).toBe(1);
    expect(report.curves.map(({ group }) => group)).toEqual(["Conv", "Conv_2"]);
    expect(await readSensitivities(file)).toEqual(report);
  });

  it.each<[string, Partial<SensitivityOptions>]>([
    ["data", { dataFingerprint: "b" }],
    ["criterion", { criterionName: "other" }],
    ["metric", { metric: "recall" }],
    ["input shapes", { inputShapes: { x: [1, 3, 7, 7] } }],
    ["loss reference", { relativeTo: "baseline+0.001" }],
    ["channel multiple", { channelMultiple: 2 }],
  ])("refuses to go on with another %s", async (label, change) => {
    const options = { ...base, ratios: [0.5], file, dataFingerprint: "a", metric: "hmean" };
    await analyzeSensitivity(model, options);
    const before = readFileSync(file, "utf8");
    await expect(analyzeSensitivity(model, { ...options, ...change })).rejects.toMatchObject({
      code: "contradiction",
      file,
      message: expect.stringContaining(`another ${label}`),
    });
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  it("refuses to go on with another model, or with other groups", async () => {
    await analyzeSensitivity(model, { ...base, ratios: [0.5], file });
    const other = prune(cloneModel(model), {
      formatVersion: 1,
      inputShapes,
      groups: [{ id: "Conv", width: 8, keep: [0, 1] }],
      skipped: [],
      provenance: {},
    });
    await expect(analyzeSensitivity(other, { ...base, file })).rejects.toThrow("another model");
    const wider = groups.map((group) => ({ ...group, width: group.width * 2 }));
    await expect(analyzeSensitivity(model, { ...base, groups: wider, file })).rejects.toThrow(
      "8 channels wide, not 16",
    );
  });

  it("names the point that could not be measured, and keeps those before it, if it is to stop there", async () => {
    const failing = analyzeSensitivity(model, {
      ...base,
      file,
      stopAtFailure: true,
      prune: (copy, plan) => {
        if (plan.groups[0]!.id === "Conv_2") throw new TypeError("no such group");
        return prune(copy, plan);
      },
    });
    await expect(failing).rejects.toMatchObject({
      code: "point-failed",
      group: "Conv_2",
      ratio: 0.1,
      cause: expect.any(TypeError),
    });
    const kept = await readSensitivities(file);
    expect(kept.curves.map(({ group, points }) => [group, points.length])).toEqual([["Conv", 4]]);
  });

  it("goes on after points that throw or give NaN, says why, and tries them again", async () => {
    const spoilt: Evaluate = async (variant, context) => {
      const width = variant.graph.value("conv_w_2")!.tensor!.dims[0]!;
      if (width === 3) throw new TypeError("this image is spoilt");
      return width === 1 ? { metric: Number.NaN, images: 1 } : evaluate(variant, context);
    };
    const options = { ...base, file };
    const whole = await analyzeSensitivity(model, base);
    const report = await analyzeSensitivity(model, { ...options, evaluate: spoilt });
    expect(report.failed).toEqual([
      { group: "Conv_2", ratio: 0.5, removed: 3, reason: "this image is spoilt" },
      {
        group: "Conv_2",
        ratio: 0.9,
        removed: 5,
        reason: expect.stringContaining("the metric is NaN"),
      },
    ]);
    expect(report.curves.map(({ points }) => points.length)).toEqual([4, 2]);
    expect(await readSensitivities(file)).toEqual(report);
    const counter = counting();
    const repaired = await analyzeSensitivity(model, { ...options, evaluate: counter });
    expect(counter.count).toBe(2);
    expect(repaired).toEqual(whole);
    expect(await readSensitivities(file)).toEqual(whole);
  });

  it("finds and writes the same, however many points it measures at the same time", async () => {
    await analyzeSensitivity(model, { ...base, file });
    const whole = readFileSync(file, "utf8");
    rmSync(file);
    let running = 0;
    let most = 0;
    await analyzeSensitivity(model, {
      ...base,
      file,
      concurrency: 3,
      evaluate: async (variant, context) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        const evaluation = await evaluate(variant, context);
        running--;
        return evaluation;
      },
    });
    expect(most).toBe(3);
    expect(readFileSync(file, "utf8")).toBe(whole);
  });

  /** A measurer of losses that are known; notes what it is asked for. */
  const knownLosses = (lossAt: (point: PointSpec) => number) => {
    const asked: string[] = [];
    let isDisposed = false;
    const measurer: CreatePointMeasurer = async () => ({
      baseline: async () => ({ metric: 0.8, images: 10 }),
      measure: async (point) => {
        asked.push(`${point.group} ${point.removed}`);
        const loss = lossAt(point);
        return {
          metric: 0.8 * (1 - loss),
          images: 4,
          interval: [loss - 0.1, loss + 0.1],
          isDecidedEarly: true,
        };
      },
      dispose: async () => {
        isDisposed = true;
      },
    });
    return { measurer, asked, isDisposed: () => isDisposed };
  };
  const { evaluate: _, ...withoutEvaluate } = base;

  it("takes numbers, images and intervals from a measurer, and disposes of it", async () => {
    const known = knownLosses(({ removed }) => removed / 10);
    const report = await analyzeSensitivity(model, {
      ...withoutEvaluate,
      measurer: known.measurer,
      file,
    });
    expect(report).toMatchObject({ baseline: 0.8, images: 10 });
    const [point] = report.curves[0]!.points;
    expect(point).toMatchObject({ removed: 1, images: 4, isDecidedEarly: true });
    expect(point!.loss).toBeCloseTo(0.1, 12);
    expect(point!.interval![0]).toBeCloseTo(0, 12);
    expect(known.isDisposed()).toBe(true);
    expect(await readSensitivities(file)).toEqual(report);
    const failing = knownLosses(() => {
      throw new TypeError("no");
    });
    const options = { ...withoutEvaluate, measurer: failing.measurer, stopAtFailure: true };
    await expect(analyzeSensitivity(model, options)).rejects.toMatchObject({
      code: "point-failed",
    });
    expect(failing.isDisposed()).toBe(true);
  });

  it("looks for the ratios where losses become too high, and leaves the others out", async () => {
    const options = { ...withoutEvaluate, ratios: undefined, maximumLoss: 0.25, file };
    const { ratios: __, ...race } = options;
    // Conv: 1, 2, 2, 3, 4, 5, 6, 6, 7 of 8 channels go; Conv_2: 1, 1, 2, 2, 3, 4, 4, 5, 5 of 6.
    const lossAt = ({ group, removed }: PointSpec) => (group === "Conv" ? removed / 10 : 0);
    const known = knownLosses(lossAt);
    const report = await analyzeSensitivity(model, { ...race, measurer: known.measurer });
    const found = report.curves.map(({ points }) =>
      points.map(({ ratio, loss }) => [ratio, loss <= 0.25] as const),
    );
    expect(found[0]).toEqual(
      expect.arrayContaining([
        [0.2, true],
        [0.3, true],
        [0.4, false],
      ]),
    );
    expect(found[1]!.at(-1)).toEqual([0.9, true]);
    expect(known.asked.length).toBeLessThanOrEqual(3 + 3);
    const again = knownLosses(lossAt);
    expect(await analyzeSensitivity(model, { ...race, measurer: again.measurer })).toEqual(report);
    expect(again.asked).toEqual([]);
  });

  it("tells of skipped points as done", async () => {
    const done: number[] = [];
    const { ratios: _ratios, ...race } = withoutEvaluate;
    await analyzeSensitivity(model, {
      ...race,
      maximumLoss: 0.25,
      measurer: knownLosses(({ removed }) => removed / 10).measurer,
      onProgress: (event) => {
        if (event.kind === "advance") done.push(event.done);
      },
    });
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.at(-1)).toBe(18);
  });

  it.each<[string, Partial<SensitivityOptions>, string]>([
    ["a baseline of 0", { evaluate: async () => ({ metric: 0, images: 1 }) }, "invalid-metric"],
    ["a metric of NaN", { evaluate: async () => ({ metric: NaN, images: 1 }) }, "invalid-metric"],
    ["too few scores", { criterion: () => new Float64Array(3) }, "invalid-score"],
    ["scores of NaN", { criterion: (g) => new Float64Array(g.width).fill(NaN) }, "invalid-score"],
    ["a ratio of 0", { ratios: [0] }, "invalid-option"],
    ["a ratio above 1", { ratios: [0.5, 1.1] }, "invalid-option"],
    ["a ratio given twice", { ratios: [0.5, 0.5] }, "invalid-option"],
    ["no ratio", { ratios: [] }, "invalid-option"],
    ["a concurrency of 0", { concurrency: 0 }, "invalid-option"],
    ["a maximum loss above 1", { maximumLoss: 1.5 }, "invalid-option"],
    [
      "an evaluator beside a measurer",
      { measurer: () => Promise.reject(new Error("not to be called")) },
      "invalid-option",
    ],
    ["a multiple of 0", { channelMultiple: 0 }, "invalid-option"],
    [
      "a point of a group that is blocked",
      { points: [{ group: "Conv_3", width: 2, ratio: 0.5, removed: 1 }] },
      "invalid-option",
    ],
  ])("refuses %s", async (_, change, code) => {
    await expect(analyzeSensitivity(model, { ...base, ...change })).rejects.toMatchObject({ code });
  });

  it("prunes by itself unless told how, to the same numbers", async () => {
    const { prune: _prune, ...options } = base;
    const own = await analyzeSensitivity(model, options);
    const given = await analyzeSensitivity(model, base);
    own.curves.forEach(({ points }, curve) => {
      points.forEach(({ loss }, index) => {
        expect(loss).toBeCloseTo(given.curves[curve]!.points[index]!.loss, 6);
      });
    });
  });

  it("tells of its progress by points", async () => {
    const events: string[] = [];
    await analyzeSensitivity(model, {
      ...base,
      ratios: [0.5],
      onProgress: (event) => {
        events.push(event.kind === "advance" ? `${event.done}/${event.total}` : event.kind);
      },
    });
    expect(events).toEqual(["start", "1/2", "2/2", "end"]);
  });

  it("reports a file that it can neither read nor write", async () => {
    await expect(analyzeSensitivity(model, { ...base, file: folder })).rejects.toMatchObject({
      code: "file-access",
    });
    const nowhere = join(folder, "no", "file.json");
    await expect(analyzeSensitivity(model, { ...base, file: nowhere })).rejects.toMatchObject({
      code: "file-access",
      file: expect.stringContaining(nowhere),
    });
    writeFileSync(file, "{");
    await expect(analyzeSensitivity(model, { ...base, file })).rejects.toMatchObject({
      code: "malformed-file",
    });
  });
});
