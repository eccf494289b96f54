import {
  affine,
  conv,
  convTranspose,
  createTestModel,
  hardSwish,
  unary,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Model } from "../../../src/ir/model.ts";
import type { Value } from "../../../src/ir/value.ts";
import { transposedConvolution } from "../../../src/transforms/fit-runtime/transposed-convolution.ts";
import { rewriteAndCompare } from "./apply-rewrite.ts";

const chain = (build: (graph: Graph, x: Value) => Value | readonly Value[]): Model =>
  createTestModel({ inputs: { x: [2, 5, 4, 3] }, build: (g, x) => build(g, x as Value) });

const left = async (model: Model): Promise<string> =>
  (await rewriteAndCompare(model, transposedConvolution)).left;

describe("transposedConvolution", () => {
  it("becomes a 1×1 convolution and DepthToSpace, with the activation between", async () => {
    for (const kernel of [2, 3]) {
      expect(
        await left(
          chain((g, x) =>
            unary(g, "Sigmoid", convTranspose(g, x, { out: 3, kernel, stride: kernel })),
          ),
        ),
      ).toBe("Conv Sigmoid DepthToSpace");
    }
    expect(await left(chain((g, x) => convTranspose(g, x, { out: 3, bias: false })))).toBe(
      "Conv DepthToSpace",
    );
  });

  it("takes the next ones along, and puts the map together once", async () => {
    const operators = await left(
      chain((g, x) => {
        const y = unary(g, "Relu", convTranspose(g, x, { out: 4 }));
        const z = affine(g, conv(g, y, { out: 3, kernel: 1 }), { perChannel: true });
        return unary(g, "Sigmoid", convTranspose(g, hardSwish(g, z), { out: 1 }));
      }),
    );
    expect(operators).not.toContain("ConvTranspose");
    expect(operators.split(" ").filter((name) => name === "DepthToSpace")).toHaveLength(1);
  });

  it("stops before what mixes positions, and at values that others read", async () => {
    expect(await left(chain((g, x) => conv(g, convTranspose(g, x, { out: 3 }), { out: 2 })))).toBe(
      "Conv DepthToSpace Conv",
    );
    const shared = chain((g, x) => {
      const y = convTranspose(g, x, { out: 3 });
      return [unary(g, "Relu", y), unary(g, "Neg", y)];
    });
    expect(await left(shared)).toBe("Conv DepthToSpace Relu Neg");
    const returned = chain((g, x) => {
      const y = convTranspose(g, x, { out: 3 });
      return [y, unary(g, "Relu", y)];
    });
    expect(await left(returned)).toBe("Conv DepthToSpace Relu");
  });

  it("leaves those that overlap, leave gaps, are cut, grouped, dilated or padded", async () => {
    for (const options of [
      { kernel: 3 },
      { kernel: 2, stride: 3 },
      { pad: 1 },
      { group: 5, out: 5 },
      { kernel: 2, dilation: 2 },
    ]) {
      expect(await left(chain((g, x) => convTranspose(g, x, { out: 3, ...options })))).toBe(
        "ConvTranspose",
      );
    }
    const padded = chain((g, x) => convTranspose(g, x, { out: 3 }));
    const [node] = padded.graph.nodes;
    node?.setAttribute("output_padding", { type: "ints", value: [1, 1] });
    const [output] = padded.graph.outputs;
    if (output) output.type = { kind: "tensor", dtype: "float32" };
    expect(await left(padded)).toBe("ConvTranspose");
  });

  it("computes the same for random chains", async () => {
    const step = fc.constantFrom("tile2", "tile3", "wide", "narrow", "relu", "scale", "slope");
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 4 }), async (steps) => {
        let tiles = 1;
        const model = chain((g, x) => {
          let y = convTranspose(g, x, { out: 3 });
          for (const kind of steps) {
            const size = kind === "tile3" ? 3 : 2;
            if (kind === "wide") y = conv(g, y, { out: 6, kernel: 1 });
            else if (kind === "narrow") y = conv(g, y, { out: 2, kernel: 1, group: 1 });
            else if (kind === "relu") y = unary(g, "Relu", y);
            else if (kind === "scale") y = affine(g, y);
            else if (kind === "slope") y = affine(g, y, { perChannel: true });
            else if (tiles < 3) {
              y = convTranspose(g, y, { out: 2, kernel: size, stride: size });
              tiles++;
            }
          }
          return unary(g, "Sigmoid", y);
        });
        const { left: operators, count } = await rewriteAndCompare(model, transposedConvolution);
        expect(count).toBeGreaterThan(0);
        expect(operators).not.toContain("ConvTranspose");
      }),
      { numRuns: 40, seed: 9 },
    );
  });
});
