import {
  conv,
  createTestModel,
  depthwise,
  expectSameOutputs,
  shapeOf,
  unary,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cloneModel } from "../../../src/ir/clone.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Model } from "../../../src/ir/model.ts";
import type { Value } from "../../../src/ir/value.ts";
import { mergeConvolutions } from "../../../src/transforms/fit-runtime/merge-convolutions.ts";
import { applyEverywhere, rewriteAndCompare } from "./apply-rewrite.ts";

const chain = (build: (graph: Graph, x: Value) => Value | readonly Value[]): Model =>
  createTestModel({ inputs: { x: [2, 4, 7, 6] }, build: (g, x) => build(g, x as Value) });

const left = async (model: Model): Promise<string> =>
  (await rewriteAndCompare(model, mergeConvolutions)).left;

describe("mergeConvolutions", () => {
  it("merges a 1×1 convolution after any other, with all biases, strides and pads", async () => {
    expect(
      await left(chain((g, x) => conv(g, conv(g, x, { out: 6 }), { out: 3, kernel: 1 }))),
    ).toBe("Conv");
    expect(
      await left(
        chain((g, x) =>
          conv(g, conv(g, x, { out: 6, stride: 2, dilation: 2 }), {
            out: 3,
            kernel: 1,
            stride: 2,
            bias: false,
          }),
        ),
      ),
    ).toBe("Conv");
    expect(
      await left(chain((g, x) => conv(g, depthwise(g, x, { kernel: 5 }), { out: 3, kernel: 1 }))),
    ).toBe("Conv");
  });

  it("merges a k×k convolution after a 1×1 one where the padding stays zero", async () => {
    const pair = (bias: boolean, pad: number): Model =>
      chain((g, x) => conv(g, conv(g, x, { out: 6, kernel: 1, bias }), { out: 3, stride: 2, pad }));
    expect(await left(pair(false, 1))).toBe("Conv");
    expect(await left(pair(true, 0))).toBe("Conv");
    // The padding would have had the bias.
    expect(await left(pair(true, 1))).toBe("Conv Conv");
  });

  it("merges depthwise convolutions with a single tap", async () => {
    const model = chain((g, x) => depthwise(g, depthwise(g, x, { kernel: 1, bias: false })));
    expect(await left(model)).toBe("Conv");
    expect(model.graph.outputs[0]?.producer?.int("group")).toBe(4);
  });

  it("leaves two large kernels, groups, and what is between or read elsewhere", async () => {
    expect(await left(chain((g, x) => conv(g, conv(g, x, { out: 6 }), { out: 3 })))).toBe(
      "Conv Conv",
    );
    expect(
      await left(chain((g, x) => conv(g, conv(g, x, { out: 6, group: 2 }), { out: 3, kernel: 1 }))),
    ).toBe("Conv Conv");
    expect(
      await left(
        chain((g, x) => conv(g, unary(g, "Relu", conv(g, x, { out: 6 })), { out: 3, kernel: 1 })),
      ),
    ).toBe("Conv Relu Conv");
    expect(
      await left(
        chain((g, x) => {
          const inner = conv(g, x, { out: 6 });
          return [conv(g, inner, { out: 3, kernel: 1 }), inner];
        }),
      ),
    ).toBe("Conv Conv");
  });

  it("leaves weights that are not constant", async () => {
    const model = createTestModel({
      inputs: { x: [1, 4, 5, 5], w: [6, 4, 1, 1] },
      build(g, x, w) {
        const node = g.createNode({ opType: "Conv", inputs: [x, w] });
        const y = conv(g, x as Value, { out: 4, kernel: 1 });
        const z = g.createNode({ opType: "Conv", inputs: [y, w], outputs: ["z"] });
        z.output.type = { kind: "tensor", dtype: "float32", shape: [1, 6, 5, 5] };
        node.output.type = z.output.type;
        return [y];
      },
    });
    expect(applyEverywhere(model, mergeConvolutions)).toBe(0);
  });

  it("computes the same for random pairs", async () => {
    const layer = fc.record({
      out: fc.constantFrom(4, 6),
      kernel: fc.constantFrom(1, 1, 2, 3),
      stride: fc.constantFrom(1, 2),
      pad: fc.constantFrom(0, 1),
      dilation: fc.constantFrom(1, 2),
      group: fc.constantFrom(1, 1, 2, 4),
      bias: fc.boolean(),
    });
    let merged = 0;
    await fc.assert(
      fc.asyncProperty(fc.tuple(layer, layer), async ([a, b]) => {
        const model = createTestModel({
          inputs: { x: [1, 4, 15, 14] },
          build(g, x) {
            const first = conv(g, x as Value, { ...a, out: a.group === 4 ? 4 : a.out });
            const width = shapeOf(first)[1] ?? 1;
            return conv(g, first, {
              ...b,
              group: width % b.group === 0 ? b.group : 1,
              out: b.group === 4 ? 4 : b.out,
            });
          },
        });
        const original = cloneModel(model);
        merged += applyEverywhere(model, mergeConvolutions);
        await expectSameOutputs(model, original, { seeds: [1] });
      }),
      { numRuns: 80, seed: 11 },
    );
    expect(merged).toBeGreaterThan(12);
  });
});
