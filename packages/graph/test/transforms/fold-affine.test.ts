import {
  addNode,
  affine,
  batchNormalization,
  conv,
  convTranspose,
  createTestModel,
  depthwise,
  expectSameOutputs,
  floatConstant,
  gemm,
  hardSwish,
  matMul,
  pool,
  randomWeight,
  shapeOf,
  unary,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/ir/graph.ts";
import type { Model } from "../../src/ir/model.ts";
import type { Value } from "../../src/ir/value.ts";
import { foldAffine } from "../../src/transforms/fold-affine.ts";
import { foldBatchNormalization } from "../../src/transforms/fold-batch-normalization.ts";
import { repeat } from "../../src/transforms/repeat.ts";
import { applyTo, operators, testTransformContract } from "./transform-contract.ts";

function chain(
  build: (graph: Graph, x: Value) => Value,
  shape: readonly number[] = [2, 4, 7, 6],
): Model {
  return createTestModel({ inputs: { x: shape }, build: (graph, x) => build(graph, x as Value) });
}

testTransformContract({
  create: foldAffine,
  match: () =>
    chain((graph, x) => {
      const first = affine(graph, conv(graph, x, { out: 6, bias: false }), { perChannel: true });
      return conv(graph, affine(graph, hardSwish(graph, first)), { out: 5, kernel: 1 });
    }),
  noMatch: () =>
    chain((graph, x) => {
      const shifted = addNode(
        graph,
        "Add",
        [hardSwish(graph, x), floatConstant(graph, "b", [1], [0.5])],
        shapeOf(x),
      );
      // [6] lies along the last axis, which is not the channels.
      const scaled = addNode(
        graph,
        "Mul",
        [conv(graph, shifted, { out: 6 }), randomWeight(graph, "w", [6])],
        [2, 6, 7, 6],
      );
      return conv(graph, scaled, { out: 2 });
    }),
});

describe("foldAffine", () => {
  const left = async (model: Model): Promise<string> => {
    const { model: result, original } = await applyTo(model, repeat([foldAffine()]));
    await expectSameOutputs(result, original);
    return operators(result);
  };

  it("folds into what comes before, of any kind", async () => {
    expect(
      await left(
        chain((g, x) => affine(g, conv(g, x, { out: 6, group: 2 }), { perChannel: true })),
      ),
    ).toBe("Conv");
    expect(await left(chain((g, x) => affine(g, depthwise(g, x), { perChannel: true })))).toBe(
      "Conv",
    );
    expect(
      await left(
        chain((g, x) => affine(g, convTranspose(g, x, { out: 6, group: 2 }), { perChannel: true })),
      ),
    ).toBe("ConvTranspose");
    for (const transB of [true, false]) {
      const model = chain(
        (g, x) => {
          const y = gemm(g, x, { out: 5, transB });
          const scaled = addNode(g, "Mul", [y, randomWeight(g, "s", [5])], [3, 5]);
          return addNode(g, "Sub", [randomWeight(g, "b", [1, 5]), scaled], [3, 5]);
        },
        [3, 8],
      );
      expect(await left(model)).toBe("Gemm");
    }
  });

  it("folds the scale into a MatMul, and leaves the shift", async () => {
    const model = chain(
      (g, x) => {
        const y = matMul(g, x, { out: 5 });
        const scaled = addNode(g, "Mul", [y, randomWeight(g, "s", [5])], [2, 3, 5]);
        return addNode(g, "Add", [scaled, randomWeight(g, "b", [5])], [2, 3, 5]);
      },
      [2, 3, 8],
    );
    expect(await left(model)).toBe("MatMul Add");
  });

  it("folds a scale before a MatMul along its last axis", async () => {
    const model = chain(
      (g, x) => {
        const scaled = addNode(
          g,
          "Mul",
          [unary(g, "Relu", x), randomWeight(g, "s", [8])],
          [2, 3, 8],
        );
        return matMul(g, scaled, { out: 5 });
      },
      [2, 3, 8],
    );
    expect(await left(model)).toBe("Relu MatMul");
  });

  it("folds into what comes after: the scale always, the shift where nothing is padded", async () => {
    expect(
      await left(
        chain((g, x) =>
          conv(g, affine(g, unary(g, "Relu", x), { perChannel: true }), { out: 3, kernel: 1 }),
        ),
      ),
    ).toBe("Relu Conv");
    expect(
      await left(
        chain((g, x) => conv(g, affine(g, unary(g, "Relu", x), { perChannel: true }), { out: 3 })),
      ),
    ).toBe("Relu Add Conv");
    expect(
      await left(chain((g, x) => depthwise(g, affine(g, unary(g, "Relu", x)), { pad: 0 }))),
    ).toBe("Relu Conv");
  });

  it("folds through operators that let the affine pass", async () => {
    const model = chain((g, x) => {
      const y = affine(g, unary(g, "HardSwish", x));
      return conv(g, pool(g, y, { kind: "MaxPool", kernel: 2, stride: 2 }), { out: 3, kernel: 1 });
    });
    expect(await left(model)).toBe("HardSwish MaxPool Conv");
  });

  it("does not take a negative scale through Relu", async () => {
    const model = chain((g, x) => {
      const scaled = addNode(
        g,
        "Mul",
        [unary(g, "Exp", x), floatConstant(g, "s", [], [-2])],
        shapeOf(x),
      );
      return conv(g, unary(g, "Relu", scaled), { out: 3 });
    });
    expect(await left(model)).toBe("Exp Mul Relu Conv");
  });

  it("folds only where all readers can take it", async () => {
    const model = createTestModel({
      inputs: { x: [1, 4, 5, 5] },
      build(g, x) {
        const y = affine(g, unary(g, "Relu", x as Value));
        return [conv(g, y, { out: 3, kernel: 1 }), unary(g, "Exp", y)];
      },
    });
    expect(await left(model)).toBe("Relu Mul Add Conv Exp");
  });

  it("leaves weights that another node reads as they are", async () => {
    const model = chain((g, x) => {
      const first = conv(g, x, { out: 4 });
      const [, weight, bias] = first.producer?.inputs ?? [];
      const second = addNode(g, "Conv", [x, weight, bias], shapeOf(first), {
        pads: { type: "ints", value: [1, 1, 1, 1] },
      });
      return addNode(g, "Add", [affine(g, first), second], shapeOf(first));
    });
    expect(await left(model)).toBe("Conv Conv Add");
  });

  it("merges what stands in a row", async () => {
    const model = chain((g, x) => unary(g, "Relu", affine(g, affine(g, unary(g, "Exp", x)))));
    expect(await left(model)).toBe("Exp Mul Add Relu");
  });

  it("computes the same on random chains", async () => {
    const kinds = [
      "conv",
      "padded",
      "depthwise",
      "deconv",
      "scalars",
      "channels",
      "bn",
      "relu",
      "hardswish",
      "pool",
    ] as const;
    const add: Record<(typeof kinds)[number], (g: Graph, x: Value) => Value> = {
      conv: (g, x) => conv(g, x, { out: 4, kernel: 1 }),
      padded: (g, x) => conv(g, x, { out: 6 - (shapeOf(x)[1] ?? 0) / 2, group: 2, bias: false }),
      depthwise: (g, x) => depthwise(g, x),
      deconv: (g, x) => convTranspose(g, x, { out: 4, bias: false }),
      scalars: (g, x) => affine(g, x),
      channels: (g, x) => affine(g, x, { perChannel: true }),
      bn: (g, x) => batchNormalization(g, x),
      relu: (g, x) => unary(g, "Relu", x),
      hardswish: (g, x) => hardSwish(g, x),
      pool: (g, x) => pool(g, x, { kind: "AveragePool", kernel: 3, stride: 1, pad: 1 }),
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...kinds), { minLength: 2, maxLength: 7 }),
        fc.integer({ min: 1, max: 1000 }),
        async (list, seed) => {
          const built = createTestModel({
            inputs: { x: [1, 4, 6, 5] },
            seed,
            build(g, x) {
              let y = x as Value;
              for (const kind of list) {
                const isOdd = kind === "padded" && (shapeOf(y)[1] ?? 0) % 4 !== 0;
                y = (isOdd ? add.conv : add[kind])(g, y);
                if (kind === "deconv" && (shapeOf(y)[2] ?? 0) > 24) break;
              }
              return unary(g, "Neg", y);
            },
          });
          const step = repeat([foldBatchNormalization(), foldAffine()]);
          const { model, original } = await applyTo(built, step);
          expect(model.graph.nodeCount).toBeLessThanOrEqual(original.graph.nodeCount);
          await expectSameOutputs(model, original, { seeds: [seed] });
        },
      ),
      { numRuns: 60, seed: 7 },
    );
  });
});
