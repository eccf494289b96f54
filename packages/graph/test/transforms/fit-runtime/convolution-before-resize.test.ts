import {
  add,
  conv,
  convTranspose,
  createTestModel,
  expectSameOutputs,
  unary,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cloneModel } from "../../../src/ir/clone.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Model } from "../../../src/ir/model.ts";
import type { Value } from "../../../src/ir/value.ts";
import { convolutionBeforeResize } from "../../../src/transforms/fit-runtime/convolution-before-resize.ts";
import { applyEverywhere, rewriteAndCompare } from "./apply-rewrite.ts";
import { concatOf, type EnlargeOptions, enlarge, gatedPointwise } from "./layers.ts";

const pyramid = (
  factors: readonly number[],
  build: (graph: Graph, maps: readonly Value[]) => Value,
): Model =>
  createTestModel({
    inputs: Object.fromEntries(
      factors.map((factor, at) => [`x${at}`, [1, 3, 16 / factor, 8 / factor]]),
    ),
    build: (graph, ...inputs) =>
      build(
        graph,
        inputs.map((input, at) => enlarge(graph, input, factors[at] ?? 1)),
      ),
  });

describe("convolutionBeforeResize", () => {
  it("runs a padded 3×3 convolution as four of 2×2 before the Resize", async () => {
    const model = pyramid([2], (g, [x]) => conv(g, x as Value, { out: 5 }));
    const { left } = await rewriteAndCompare(model, convolutionBeforeResize, { variant: "phases" });
    expect(left).toBe("Conv Conv Conv Conv Concat DepthToSpace");
    const [first] = model.graph.nodes;
    expect(first?.input(1)?.tensor?.dims).toEqual([5, 3, 2, 2]);
  });

  it("takes branches of a Concat apart, in phases or as a sum", async () => {
    for (const variant of ["phases", "summed"]) {
      const model = pyramid([4, 2, 1], (g, maps) =>
        unary(g, "Relu", conv(g, concatOf(g, maps), { out: 5, bias: true })),
      );
      const result = await rewriteAndCompare(model, convolutionBeforeResize, { variant });
      expect(result.count).toBe(1);
      const relus = result.left.split(" ").filter((name) => name === "Relu").length;
      expect(relus).toBe(variant === "phases" ? 4 : 1);
      expect(result.left).toContain("DepthToSpace");
    }
  });

  it("does activations, 1×1 and tiling convolutions on phases, to where the map is thinnest", async () => {
    const model = pyramid([2, 1], (g, maps) => {
      const y = unary(g, "Relu", conv(g, concatOf(g, maps), { out: 6 }));
      const z = unary(g, "Relu", convTranspose(g, y, { out: 4 }));
      return unary(g, "Sigmoid", convTranspose(g, z, { out: 1 }));
    });
    const { left } = await rewriteAndCompare(model, convolutionBeforeResize, { variant: "phases" });
    expect(left).not.toContain("ConvTranspose");
    expect(left.endsWith("Concat Gather DepthToSpace")).toBe(true);
  });

  it("puts a 1×1 convolution before any Resize that takes weighted means", async () => {
    const resized = (factor: number, options: EnlargeOptions): Model =>
      createTestModel({
        inputs: { x: [2, 4, 3, 5] },
        build: (g, x) => conv(g, enlarge(g, x as Value, factor, options), { out: 2, kernel: 1 }),
      });
    const swapped = { variant: "swapped" };
    for (const [factor, options] of [
      [3, {}],
      [1.5, {}],
      [2, { mode: "linear", coordinates: "half_pixel" }],
      [2, { mode: "linear", coordinates: "align_corners" }],
      [2.5, { mode: "cubic", coordinates: "half_pixel" }],
    ] as const) {
      const model = resized(factor, options);
      const { left } = await rewriteAndCompare(model, convolutionBeforeResize, swapped);
      expect(left).toBe("Conv Resize");
    }
    // A smaller map is better made first.
    const smaller = await rewriteAndCompare(resized(0.5, {}), convolutionBeforeResize, swapped);
    expect(smaller.count).toBe(0);
  });

  it("adds up 1×1 convolutions of a Concat, each at its own size", async () => {
    const model = pyramid([2, 1], (g, maps) => conv(g, concatOf(g, maps), { out: 2, kernel: 1 }));
    const { left } = await rewriteAndCompare(model, convolutionBeforeResize, { variant: "summed" });
    expect(left).toBe("Conv Conv Resize Add");
  });

  it("multiplies gates into the kernel where there is one image a run", async () => {
    const build = (batch: number): Model =>
      createTestModel({
        inputs: { a: [batch, 3, 8, 6], p: [batch, 7, 4, 3] },
        build(g, a, p) {
          const lateral = gatedPointwise(g, a as Value, 7);
          return conv(g, add(g, lateral, enlarge(g, p as Value, 2)), { out: 5 });
        },
      });
    const options = { variant: "summed" };
    const single = await rewriteAndCompare(build(1), convolutionBeforeResize, options);
    expect(single.count).toBe(1);
    expect(single.left).toContain("MatMul Transpose Reshape Conv");
    const several = await rewriteAndCompare(build(2), convolutionBeforeResize, options);
    expect(several.count).toBe(0);
  });

  it("leaves what would not be the same or would save nothing", async () => {
    const leaves = async (model: Model): Promise<void> => {
      for (const variant of ["phases", "summed"]) {
        const result = await rewriteAndCompare(cloneModel(model), convolutionBeforeResize, {
          variant,
        });
        expect(result.count).toBe(0);
      }
    };
    const resized = (attributes: Parameters<typeof enlarge>[3], factor = 2): Model =>
      createTestModel({
        inputs: { x: [1, 3, 6, 4] },
        build: (g, x) => conv(g, enlarge(g, x as Value, factor, attributes), { out: 2 }),
      });
    // Linear weights change at the border, and these two pick other pixels.
    await leaves(resized({ mode: "linear", coordinates: "half_pixel" }));
    await leaves(resized({ coordinates: "align_corners" }));
    await leaves(resized({ coordinates: "half_pixel", rounding: "ceil" }));
    await leaves(resized({}, 1.5));
    // Strides, groups, dilation, and padding that changes the size.
    for (const options of [{ stride: 2 }, { group: 3, out: 3 }, { dilation: 2 }, { pad: 0 }]) {
      await leaves(pyramid([2], (g, [x]) => conv(g, x as Value, { out: 2, ...options })));
    }
    // The other summand needs the whole convolution anyway.
    await leaves(
      pyramid([2, 1], (g, [x, y]) => conv(g, add(g, x as Value, y as Value), { out: 2 })),
    );
  });

  it("keeps what others read: the Resize, the Concat, the convolution's output", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 4, 3], y: [1, 2, 8, 6] },
      build(g, x, y) {
        const large = enlarge(g, x as Value, 2);
        const joined = concatOf(g, [large, y as Value]);
        const out = conv(g, joined, { out: 4 });
        return [out, unary(g, "Relu", joined), unary(g, "Neg", large), unary(g, "Relu", out)];
      },
    });
    const { count } = await rewriteAndCompare(model, convolutionBeforeResize, {
      variant: "phases",
    });
    expect(count).toBe(1);
  });

  it("computes the same for random kernels, pads, factors and branches", async () => {
    let rewritten = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          factors: fc.array(fc.constantFrom(1, 2, 4), { minLength: 1, maxLength: 3 }),
          kernel: fc.constantFrom(1, 2, 3, 5),
          begin: fc.nat(4),
          half: fc.boolean(),
          bias: fc.boolean(),
          variant: fc.constantFrom("phases", "summed"),
        }),
        async ({ factors, kernel, begin, half, bias, variant }) => {
          const model = createTestModel({
            inputs: Object.fromEntries(
              factors.map((factor, at) => [`x${at}`, [2, at + 1, 8 / factor, 12 / factor]]),
            ),
            build(g, ...inputs) {
              const options = half
                ? { coordinates: "half_pixel", rounding: "round_prefer_floor" }
                : {};
              const maps = inputs.map((x, at) => enlarge(g, x, factors[at] ?? 1, options));
              const y = conv(g, concatOf(g, maps), { out: 4, kernel, bias });
              const top = Math.min(begin, kernel - 1);
              const rest = kernel - 1 - top;
              y.producer?.setAttribute("pads", { type: "ints", value: [top, rest, rest, top] });
              return unary(g, "Relu", conv(g, y, { out: 2, kernel: 1 }));
            },
          });
          const original = cloneModel(model);
          rewritten += applyEverywhere(model, convolutionBeforeResize, variant);
          await expectSameOutputs(model, original, { seeds: [1] });
        },
      ),
      { numRuns: 80, seed: 5 },
    );
    expect(rewritten).toBeGreaterThan(30);
  });

  it("holds at other input sizes than those of the measurement", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 4, 4] },
      build: (g, x) =>
        conv(g, enlarge(g, conv(g, x as Value, { out: 3, stride: 2 }), 2), { out: 2 }),
    });
    const [input] = model.graph.inputs;
    const [output] = model.graph.outputs;
    if (input) input.type = { kind: "tensor", dtype: "float32", shape: ["n", 3, "h", "w"] };
    if (output) output.type = { kind: "tensor", dtype: "float32", shape: ["n", 2, "a", "b"] };
    const original = cloneModel(model);
    expect(applyEverywhere(model, convolutionBeforeResize)).toBe(1);
    for (const shape of [
      [1, 3, 2, 2],
      [2, 3, 7, 9],
      [1, 3, 16, 1],
    ]) {
      await expectSameOutputs(model, original, { inputShapes: { x: shape }, seeds: [1] });
    }
  });
});
