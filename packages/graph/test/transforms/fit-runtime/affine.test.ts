import {
  addNode,
  affine,
  conv,
  createTestModel,
  depthwise,
  hardSwish,
  randomWeight,
  shapeOf,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Model } from "../../../src/ir/model.ts";
import type { Value } from "../../../src/ir/value.ts";
import { affineAsConvolution } from "../../../src/transforms/fit-runtime/affine-as-convolution.ts";
import { affineThroughConcat } from "../../../src/transforms/fit-runtime/affine-through-concat.ts";
import { splitConcat } from "../../../src/transforms/fit-runtime/split-concat.ts";
import { rewriteAndCompare } from "./apply-rewrite.ts";
import { concatOf, enlarge } from "./layers.ts";

const two = (build: (graph: Graph, x: Value, y: Value) => Value | readonly Value[]): Model =>
  createTestModel({
    inputs: { x: [2, 3, 4, 5], y: [2, 2, 4, 5] },
    build: (g, x, y) => build(g, x as Value, y as Value),
  });

describe("affineThroughConcat", () => {
  const count = async (model: Model): Promise<number> =>
    (await rewriteAndCompare(model, affineThroughConcat)).count;

  it("folds a scale and a shift of one branch into what reads the Concat", async () => {
    for (const scaled of [0, 1]) {
      const model = two((g, x, y) => {
        const [a, b] = [unary(g, "Tanh", x), unary(g, "Tanh", y)];
        const branches = [a, b].map((value, at) =>
          at === scaled ? affine(g, value, { perChannel: true }) : value,
        );
        return conv(g, concatOf(g, branches), { out: 4, kernel: 1 });
      });
      const { left } = await rewriteAndCompare(model, affineThroughConcat);
      expect(left).toBe("Tanh Tanh Concat Conv");
    }
  });

  it("takes depthwise 1×1 convolutions for what they are, also before a Resize", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 2, 3], y: [1, 2, 4, 6] },
      build(g, x, y) {
        const scaled = depthwise(g, hardSwish(g, x as Value), { kernel: 1 });
        return conv(g, concatOf(g, [y as Value, enlarge(g, scaled, 2)]), { out: 4, kernel: 1 });
      },
    });
    expect(await count(model)).toBe(1);
  });

  it("folds a scale before a padded convolution, and leaves a shift", async () => {
    const scaledBy = (opType: string): Model =>
      two((g, x, y) => {
        const a = unary(g, "Tanh", x);
        const inputs = [a, randomWeight(g, "constant", [1, 3, 1, 1])];
        return conv(g, concatOf(g, [addNode(g, opType, inputs, shapeOf(a)), y]), { out: 4 });
      });
    expect(await count(scaledBy("Mul"))).toBe(1);
    expect(await count(scaledBy("Add"))).toBe(0);
  });

  it("leaves what others than convolutions read", async () => {
    const model = two((g, x, y) => {
      const joined = concatOf(g, [affine(g, unary(g, "Tanh", x), { perChannel: true }), y]);
      return [conv(g, joined, { out: 4, kernel: 1 }), unary(g, "Relu", joined)];
    });
    expect(await count(model)).toBe(0);
  });
});

describe("affineAsConvolution", () => {
  const between = (channels: number): Model =>
    createTestModel({
      inputs: { x: [1, 3, 6, 5] },
      build(g, x) {
        const y = hardSwish(g, conv(g, x as Value, { out: channels, kernel: 1 }));
        return conv(g, affine(g, y, { perChannel: true }), { out: 2 });
      },
    });

  it("writes Mul and Add as a depthwise 1×1 convolution, and back", async () => {
    const model = between(24);
    const options = { variant: "convolution" };
    const { left } = await rewriteAndCompare(model, affineAsConvolution, options);
    expect(left).toBe("Conv HardSwish Conv Conv");
    const back = await rewriteAndCompare(model, affineAsConvolution, { variant: "arithmetic" });
    expect(back.left).toBe("Conv HardSwish Mul Add Conv");
  });

  it("leaves channels that fill no block", async () => {
    const { count } = await rewriteAndCompare(between(12), affineAsConvolution);
    expect(count).toBe(0);
  });

  it("leaves what fills whole blocks on every machine as it is", async () => {
    const model = createTestModel({
      inputs: { x: [1, 32, 6, 5] },
      build: (g, x) => depthwise(g, x as Value, { kernel: 1 }),
    });
    const result = await rewriteAndCompare(model, affineAsConvolution, { variant: "arithmetic" });
    expect(result.count).toBe(0);
  });
});

describe("splitConcat", () => {
  it("convolves the parts by themselves, and adds up", async () => {
    for (const options of [{ out: 4 }, { out: 4, kernel: 1, stride: 2, bias: false }]) {
      const model = two((g, x, y) => conv(g, concatOf(g, [x, y, x]), options));
      const { left } = await rewriteAndCompare(model, splitConcat);
      expect(left.split(" ").toSorted().join(" ")).toBe("Add Add Conv Conv Conv");
    }
  });

  it("leaves grouped convolutions and a Concat that others read", async () => {
    const grouped = two((g, x, y) => conv(g, concatOf(g, [x, y, x]), { out: 4, group: 4 }));
    expect((await rewriteAndCompare(grouped, splitConcat)).count).toBe(0);
    const shared = two((g, x, y) => {
      const joined = concatOf(g, [x, y]);
      return [conv(g, joined, { out: 4 }), unary(g, "Relu", joined)];
    });
    expect((await rewriteAndCompare(shared, splitConcat)).count).toBe(0);
  });
});
