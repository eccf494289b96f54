import { readFile } from "node:fs/promises";
import {
  addNode,
  buildRandomModel,
  conv,
  convTranspose,
  createTestModel,
  expectSameOutputs,
  mul,
  randomModel,
  sampleModel,
  shapeOf,
  unary,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkModel } from "../../../src/check/check-model.ts";
import { decodeModel } from "../../../src/codec/decode-model.ts";
import { encodeModel } from "../../../src/codec/encode-model.ts";
import { float } from "../../../src/ir/attribute.ts";
import { cloneModel } from "../../../src/ir/clone.ts";
import type { Model } from "../../../src/ir/model.ts";
import type { Value } from "../../../src/ir/value.ts";
import {
  type FitCandidate,
  type FitRuntimeOptions,
  fitRuntime,
} from "../../../src/transforms/fit-runtime/fit-runtime.ts";
import { simplify } from "../../../src/transforms/simplify.ts";
import { transform } from "../../../src/transforms/transform.ts";
import { operators, testTransformContract } from "../transform-contract.ts";
import { smallDetector } from "./layers.ts";

const target = "onnxruntime-cpu";

/** Two convolutions of which the product is much smaller, and a transposed one. */
const mergeable = (): Model =>
  createTestModel({
    inputs: { x: [1, 8, 16, 16] },
    build(g, x) {
      const wide = conv(g, conv(g, x as Value, { out: 64, kernel: 1 }), { out: 8, kernel: 1 });
      return unary(g, "Sigmoid", convTranspose(g, unary(g, "Relu", wide), { out: 2 }));
    },
  });

testTransformContract({
  create: () => fitRuntime({ target }),
  match: mergeable,
  noMatch: () =>
    createTestModel({
      inputs: { x: [1, 32, 8, 8] },
      // The product would be larger than both.
      build: (g, x) =>
        conv(g, conv(g, x as Value, { out: 4 }), { out: 32, kernel: 1, bias: false }),
    }),
});

describe("fitRuntime", () => {
  it("accepts what measures faster by more than the margin, and tells of all it tried", async () => {
    const run = async (ratio: number, margin?: number): Promise<readonly FitCandidate[]> => {
      const candidates: FitCandidate[] = [];
      const model = mergeable();
      const bytes = encodeModel(model);
      const options: FitRuntimeOptions = {
        target,
        measure: async () => ratio,
        onCandidate: (candidate) => candidates.push(candidate),
        ...(margin === undefined ? {} : { margin }),
      };
      const [report] = await transform(model, fitRuntime(options), { verify: true });
      const accepted = candidates.filter((candidate) => candidate.accepted).length;
      expect(report?.modified).toBe(accepted > 0);
      if (accepted === 0) expect(Buffer.compare(encodeModel(model), bytes)).toBe(0);
      const counted = Object.values(report?.counts ?? {}).reduce((sum, count) => sum + count, 0);
      expect(counted).toBe(candidates.length);
      return candidates;
    };
    const all = await run(0.5);
    expect(all.map(({ kind }) => kind).toSorted()).toEqual([
      "merge-convolutions",
      "transposed-convolution",
    ]);
    for (const candidate of all) {
      expect(candidate).toMatchObject({ accepted: true, ratio: 0.5, basis: "measured" });
    }
    expect((await run(0.98)).some(({ accepted }) => accepted)).toBe(false);
    expect((await run(0.98, 0.01)).every(({ accepted }) => accepted)).toBe(true);
    expect((await run(2)).every(({ accepted }) => !accepted)).toBe(true);
  });

  it("measures a narrow win twice, and believes the worse", async () => {
    const ratios = [0.95, 0.99, 0.95, 0.96];
    const seen: number[] = [];
    const measure = async (): Promise<number> => ratios.shift() ?? 1;
    await transform(
      mergeable(),
      fitRuntime({ target, measure, onCandidate: ({ ratio }) => seen.push(ratio) }),
    );
    expect(seen.slice(0, 2)).toEqual([0.99, 0.96]);
  });

  it("measures models of fixed shapes that compute the same", async () => {
    const kinds = new Set<string>();
    let measured = 0;
    const model = smallDetector("batch");
    await transform(model, simplify());
    const measure: FitRuntimeOptions["measure"] = async ([before, after]) => {
      measured++;
      for (const micro of [before, after]) {
        expect(checkModel(micro).filter(({ severity }) => severity === "error")).toEqual([]);
        for (const { type } of micro.graph.inputs) {
          expect(type?.kind === "tensor" && type.shape?.every(Number.isInteger)).toBe(true);
        }
      }
      await expectSameOutputs(after, before, { seeds: [measured], atol: 1e-4, rtol: 1e-3 });
      return 0.5;
    };
    const onCandidate = ({ kind }: FitCandidate): unknown => kinds.add(kind);
    const inputShapes = { x: [1, 3, 64, 96] };
    await transform(
      model,
      fitRuntime({ target, inputShapes, measure, onCandidate, moveMeans: true }),
    );
    expect(measured).toBeGreaterThan(5);
    expect(kinds.size).toBeGreaterThan(3);
  });

  it("keeps what PP-OCRv4 det computes, for any number of images and at other sizes", async () => {
    const model = decodeModel(await readFile(sampleModel("det")));
    await transform(model, simplify());
    const original = cloneModel(model);
    const inputShapes = { x: [1, 3, 640, 640] };
    const [report] = await transform(model, fitRuntime({ target, inputShapes }), { verify: true });
    expect(report?.counts).toMatchObject({ convolutionBeforeResize: 1 });
    expect(operators(model)).not.toContain("ConvTranspose");
    for (const shape of [
      [1, 3, 96, 64],
      [2, 3, 32, 64],
    ]) {
      await expectSameOutputs(model, original, { inputShapes: { x: shape }, seeds: [1] });
    }
  }, 30_000);

  it("multiplies gates into weights if told that there is one image a run", async () => {
    const model = smallDetector("batch");
    await transform(model, simplify());
    const original = cloneModel(model);
    const places: string[] = [];
    const options = {
      target,
      inputShapes: { x: [1, 3, 256, 256] },
      batchSize: 1,
      onCandidate: ({ kind, variant, accepted }: FitCandidate) => {
        if (accepted) places.push(`${kind}: ${variant}`);
      },
    } as const;
    await transform(model, fitRuntime(options), { verify: true });
    expect(places).toContain("convolution-before-resize: summed");
    expect(model.graph.inputs[0]?.type).toMatchObject({ shape: [1, 3, "h", "w"] });
    for (const shape of [
      [1, 3, 32, 64],
      [1, 3, 48, 40],
    ]) {
      await expectSameOutputs(model, original, { inputShapes: { x: shape }, seeds: [1] });
    }
  });

  it("keeps what random models compute when everything is accepted", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(randomModel({ maxOps: 18 }), async (description) => {
        const model = buildRandomModel(description);
        const original = cloneModel(model);
        const onCandidate = (candidate: FitCandidate): void => {
          if (candidate.accepted) accepted++;
        };
        const fit = fitRuntime({ target, measure: async () => 0.5, onCandidate, moveMeans: true });
        await transform(model, [simplify(), fit], { verify: true });
        await expectSameOutputs(model, original, { atol: 1e-4, rtol: 1e-3, seeds: [1] });
      }),
      {
        numRuns: Number(process.env["FUZZ_RUNS"] ?? 40),
        seed: Number(process.env["FUZZ_SEED"] ?? 3),
      },
    );
    expect(accepted).toBeGreaterThan(5);
  }, 60_000);

  it("moves means only if told to", async () => {
    const moved = async (moveMeans: boolean): Promise<number> => {
      const options = { target, inputShapes: { x: [1, 3, 256, 256] }, moveMeans } as const;
      const model = smallDetector();
      const [, report] = await transform(model, [simplify(), fitRuntime(options)]);
      return report?.counts?.["poolingBeforeConvolution"] ?? 0;
    };
    expect(await moved(false)).toBe(0);
    expect(await moved(true)).toBe(1);
  });

  it("raises the opset only if told to, and uses what it brings", async () => {
    const load = (): Model =>
      createTestModel({
        inputs: { x: [1, 3, 16, 16] },
        opset: 13,
        build(g, x) {
          const y = conv(g, x as Value, { out: 8 });
          const attributes = { alpha: float(1 / 6), beta: float(0.5) };
          const gate = addNode(g, "HardSigmoid", [y], shapeOf(y), attributes);
          return conv(g, mul(g, y, gate), { out: 4 });
        },
      });
    const plain = load();
    await transform(plain, fitRuntime({ target }));
    expect(plain.opset).toBe(13);
    const raised = load();
    await transform(raised, fitRuntime({ target, opset: 14 }), { verify: true });
    expect(raised.opset).toBe(14);
    expect(operators(raised)).toBe("Conv HardSwish Conv");
    await expectSameOutputs(raised, plain);
  });

  it("gives the same bytes for the same model", async () => {
    const results = await Promise.all(
      [0, 1].map(async () => {
        const model = mergeable();
        await transform(model, fitRuntime({ target }));
        return encodeModel(model);
      }),
    );
    expect(Buffer.compare(results[0]!, results[1]!)).toBe(0);
  });

  it("validates its options when it is made", () => {
    const bad: readonly object[] = [
      { target: "tensorrt" },
      { target, margin: 1 },
      { target, margin: Number.NaN },
      { target, batchSize: 2 },
      { target, opset: 6 },
      { target, opset: 14.5 },
    ];
    for (const options of bad) {
      expect(() => fitRuntime(options as FitRuntimeOptions)).toThrow(
        expect.objectContaining({ code: "invalid-option" }),
      );
    }
    expect(() => fitRuntime({ target: "tensorrt" } as unknown as FitRuntimeOptions)).toThrow(
      /onnxruntime-cpu/,
    );
  });

  it("refuses measurements that are no ratio, and input shapes that are missing", async () => {
    for (const ratio of [0, -1, Number.NaN]) {
      await expect(
        transform(mergeable(), fitRuntime({ target, measure: async () => ratio })),
      ).rejects.toMatchObject({ cause: { code: "invalid-option" } });
    }
    const model = decodeModel(await readFile(sampleModel("det")));
    await expect(transform(model, fitRuntime({ target }))).rejects.toMatchObject({
      cause: { code: "invalid-option" },
    });
  });

  it("stops when it is told to", async () => {
    const controller = new AbortController();
    const measure = async (): Promise<number> => {
      controller.abort();
      return 1;
    };
    await expect(
      transform(mergeable(), fitRuntime({ target, measure }), { signal: controller.signal }),
    ).rejects.toMatchObject({ name: "AbortError" });
  });
});
