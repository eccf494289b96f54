import { readFile } from "node:fs/promises";
import {
  affine,
  batchNormalization,
  buildRandomModel,
  conv,
  createTestModel,
  depthwise,
  expectSameOutputs,
  randomModel,
  sampleModel,
  sharedPath,
  unary,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkModel } from "../../src/check/check-model.ts";
import { decodeModel } from "../../src/codec/decode-model.ts";
import { encodeModel } from "../../src/codec/encode-model.ts";
import { cloneModel } from "../../src/ir/clone.ts";
import type { Model } from "../../src/ir/model.ts";
import type { Value } from "../../src/ir/value.ts";
import { simplify } from "../../src/transforms/simplify.ts";
import { transform } from "../../src/transforms/transform.ts";
import { operators, testTransformContract } from "./transform-contract.ts";

testTransformContract({
  create: simplify,
  match: () =>
    createTestModel({
      inputs: { x: [1, 3, 8, 8] },
      build(g, x) {
        const first = batchNormalization(g, conv(g, x as Value, { out: 16, bias: false }));
        return depthwise(
          g,
          affine(g, unary(g, "HardSwish", unary(g, "Identity", affine(g, first)))),
        );
      },
    }),
  noMatch: () =>
    createTestModel({
      inputs: { x: [1, 3, 8, 8] },
      build: (g, x) => conv(g, unary(g, "HardSwish", conv(g, x as Value, { out: 16 })), { out: 4 }),
    }),
});

interface WholeModel {
  readonly file: string;
  readonly shape: readonly number[];
  readonly maxNodes: number;
  readonly atol: number;
}

const models: Record<string, WholeModel> = {
  "PP-OCRv4 det": { file: sampleModel("det"), shape: [1, 3, 128, 160], maxNodes: 165, atol: 1e-5 },
  "PP-OCRv4 rec": { file: sampleModel("rec"), shape: [1, 3, 48, 160], maxNodes: 210, atol: 1e-4 },
  "PP-OCR cls": { file: sampleModel("cls"), shape: [2, 3, 48, 192], maxNodes: 126, atol: 1e-5 },
};
const shared = sharedPath();
const graphs = [
  "efficientnet_b0.ts",
  "mnasnet0_5.ts",
  "mobilenet_v2.dynamo",
  "mobilenet_v3_small.ts",
  "shufflenet_v2_x0_5.ts",
  "squeezenet1_1.ts",
];
const sharedModels: Record<string, WholeModel> = {
  "PP-OCRv6 small": {
    file: `${shared}/models/PP-OCRv6_det_small.onnx`,
    shape: [1, 3, 96, 128],
    maxNodes: 190,
    atol: 1e-5,
  },
  ...Object.fromEntries(
    graphs.map((name) => [
      name,
      {
        file: `${shared}/fixtures/graphs/${name}.onnx`,
        shape: [1, 3, 224, 224],
        maxNodes: 239,
        atol: 1e-4,
      },
    ]),
  ),
};

async function simplifyAndCompare({ file, shape, maxNodes, atol }: WholeModel): Promise<void> {
  const model = decodeModel(await readFile(file));
  const original = cloneModel(model);
  await transform(model, simplify(), { verify: true });
  expect(checkModel(model)).toEqual([]);
  expect(model.graph.nodeCount).toBeLessThanOrEqual(maxNodes);
  expect(portsOf(model)).toEqual(portsOf(original));
  const inputShapes = { [model.graph.inputs[0]?.name ?? ""]: shape };
  await expectSameOutputs(model, original, { atol, inputShapes, seeds: [1] });
  const bytes = encodeModel(model);
  const again = decodeModel(bytes);
  const [report] = await transform(again, simplify());
  expect(report?.modified).toBe(false);
  expect(Buffer.compare(encodeModel(again), bytes)).toBe(0);
}

function portsOf({ graph }: Model): unknown {
  return [graph.inputs, graph.outputs].map((ports) =>
    ports.map(({ name, type }) => ({ name, type })),
  );
}

describe("simplify", () => {
  for (const [name, whole] of Object.entries(models)) {
    it(`brings ${name} to ${whole.maxNodes} nodes that compute the same`, () =>
      simplifyAndCompare(whole));
  }

  for (const [name, whole] of Object.entries(sharedModels)) {
    it.skipIf(!shared)(`keeps what ${name} computes (needs the shared models)`, () =>
      simplifyAndCompare(whole),
    );
  }

  it("keeps what random models compute, and changes nothing the second time", async () => {
    await fc.assert(
      fc.asyncProperty(randomModel({ maxOps: 18 }), async (description) => {
        const model = buildRandomModel(description);
        const original = cloneModel(model);
        await transform(model, simplify(), { verify: true });
        expect(model.graph.nodeCount).toBeLessThanOrEqual(original.graph.nodeCount);
        expect(portsOf(model)).toEqual(portsOf(original));
        await expectSameOutputs(model, original, { atol: 1e-4, rtol: 1e-3, seeds: [1] });
        const [report] = await transform(model, simplify());
        expect(report?.modified).toBe(false);
      }),
      {
        numRuns: Number(process.env["FUZZ_RUNS"] ?? 60),
        seed: Number(process.env["FUZZ_SEED"] ?? 3),
      },
    );
  });

  it("does not use a newer opset than it may", async () => {
    const model = decodeModel(await readFile(sampleModel("det")));
    const original = cloneModel(model);
    await transform(model, simplify({ maxOpset: 11 }));
    expect(model.opset).toBe(11);
    expect(operators(model)).not.toContain("HardSwish");
    expect(model.graph.nodeCount).toBeLessThanOrEqual(190);
    const inputShapes = { x: [1, 3, 64, 64] };
    await expectSameOutputs(model, original, { inputShapes, seeds: [1] });
  });

  it("gives the same bytes for the same model", async () => {
    const bytes = await readFile(sampleModel("cls"));
    const results = await Promise.all(
      [0, 1].map(async () => {
        const model = decodeModel(bytes);
        await transform(model, simplify());
        return encodeModel(model);
      }),
    );
    expect(Buffer.compare(results[0]!, results[1]!)).toBe(0);
  });

  it("validates its options when it is made", () => {
    for (const options of [{ maxOpset: 6 }, { maxOpset: 21 }, { maxRounds: 0 }]) {
      expect(() => simplify(options)).toThrow(expect.objectContaining({ code: "invalid-option" }));
    }
  });
});
