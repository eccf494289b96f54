import {
  addNode,
  conv,
  createTestModel,
  expectSameOutputs,
  floatConstant,
  shapeOf,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { float } from "../../src/ir/attribute.ts";
import type { Graph } from "../../src/ir/graph.ts";
import type { Model } from "../../src/ir/model.ts";
import type { Value } from "../../src/ir/value.ts";
import { fuseGelu } from "../../src/transforms/fuse-gelu.ts";
import { fuseHardSigmoid } from "../../src/transforms/fuse-hard-sigmoid.ts";
import { fuseHardSwish } from "../../src/transforms/fuse-hard-swish.ts";
import { mergeClips } from "../../src/transforms/merge-clips.ts";
import { applyTo, operators, testTransformContract } from "./transform-contract.ts";

const SHAPE = [2, 4, 5, 5];
type Build = (graph: Graph, x: Value) => Value;

function activation(build: Build, opset: number): Model {
  return createTestModel({
    inputs: { x: SHAPE },
    opset,
    build(graph, x) {
      // Wide enough that both ends of every clip are reached.
      const wide = scalar(graph, "Mul", x as Value, 5);
      return unary(graph, "Relu", build(graph, unary(graph, "Identity", wide)));
    },
  });
}

function scalar(graph: Graph, opType: string, x: Value, number: number): Value {
  return addNode(graph, opType, [x, floatConstant(graph, "c", [], [number])], SHAPE);
}

function clip(graph: Graph, x: Value, low: number, high: number, opset: number): Value {
  if (opset < 11) return addNode(graph, "Clip", [x], SHAPE, { min: float(low), max: float(high) });
  const bounds = [low, high].map((bound) => floatConstant(graph, "bound", [], [bound]));
  return addNode(graph, "Clip", [x, ...bounds], SHAPE);
}

const hardSwishSpellings: Record<string, (opset: number) => Build> = {
  "divided after the product": (opset) => (g, x) =>
    scalar(
      g,
      "Div",
      addNode(g, "Mul", [x, clip(g, scalar(g, "Add", x, 3), 0, 6, opset)], SHAPE),
      6,
    ),
  "multiplied by a sixth": (opset) => (g, x) =>
    scalar(
      g,
      "Mul",
      addNode(g, "Mul", [clip(g, scalar(g, "Add", x, 3), 0, 6, opset), x], SHAPE),
      1 / 6,
    ),
  "divided before the product": (opset) => (g, x) =>
    addNode(
      g,
      "Mul",
      [scalar(g, "Div", x, 6), clip(g, scalar(g, "Add", x, 3), 0, 6, opset)],
      SHAPE,
    ),
  "with a scaled gate": (opset) => (g, x) =>
    addNode(
      g,
      "Mul",
      [x, clip(g, scalar(g, "Add", scalar(g, "Mul", x, 1 / 6), 0.5), 0, 1, opset)],
      SHAPE,
    ),
};

for (const opset of [10, 11, 17]) {
  testTransformContract({
    create: fuseHardSwish,
    match: () => activation(hardSwishSpellings["divided after the product"]!(opset), opset),
    // The gate does not start at 0.
    noMatch: () =>
      activation(
        (g, x) => addNode(g, "Mul", [x, clip(g, scalar(g, "Add", x, 3), -1, 6, opset)], SHAPE),
        opset,
      ),
  });
  testTransformContract({
    create: fuseHardSigmoid,
    match: () =>
      activation(
        (g, x) => scalar(g, "Div", clip(g, scalar(g, "Add", x, 3), 0, 6, opset), 6),
        opset,
      ),
    // Nothing divides by 6.
    noMatch: () => activation((g, x) => clip(g, scalar(g, "Add", x, 3), 0, 6, opset), opset),
  });
  testTransformContract({
    create: mergeClips,
    match: () =>
      activation((g, x) => clip(g, unary(g, "Relu", clip(g, x, -7, 5, opset)), 1, 6, opset), opset),
    noMatch: () => activation((g, x) => unary(g, "Neg", clip(g, x, -7, 5, opset)), opset),
  });
}

describe("fuseHardSwish", () => {
  for (const [name, build] of Object.entries(hardSwishSpellings)) {
    it(`recognises HardSwish ${name}`, async () => {
      for (const [opset, expected] of [
        [10, "Mul Identity HardSigmoid Mul Relu"],
        [13, "Mul Identity HardSigmoid Mul Relu"],
        [14, "Mul Identity HardSwish Relu"],
      ] as const) {
        const { model, original } = await applyTo(activation(build(opset), opset), fuseHardSwish());
        expect(operators(model)).toBe(expected);
        await expectSameOutputs(model, original);
      }
    });
  }

  it("recognises the product after its gate has become a HardSigmoid", async () => {
    const built = activation((g, x) => {
      const gate = addNode(g, "HardSigmoid", [x], SHAPE, { alpha: float(1 / 6), beta: float(0.5) });
      return addNode(g, "Mul", [x, gate], SHAPE);
    }, 17);
    const { model } = await applyTo(built, fuseHardSwish());
    expect(operators(model)).toBe("Mul Identity HardSwish Relu");
  });

  it("takes other slopes as HardSigmoid, and writes the factor that is left", async () => {
    const built = activation(
      (g, x) => addNode(g, "Mul", [x, clip(g, scalar(g, "Add", x, 2), 0, 4, 17)], SHAPE),
      17,
    );
    const { model, original } = await applyTo(built, fuseHardSwish());
    expect(operators(model)).toBe("Mul Identity HardSigmoid Mul Mul Relu");
    await expectSameOutputs(model, original);
  });

  it("does not take a gate that something else reads, or that is computed from another value", async () => {
    const shared = createTestModel({
      inputs: { x: SHAPE },
      build(g, input) {
        const x = input as Value;
        const gate = clip(g, scalar(g, "Add", x, 3), 0, 6, 17);
        return [addNode(g, "Mul", [x, gate], SHAPE), unary(g, "Exp", gate)];
      },
    });
    const foreign = createTestModel({
      inputs: { x: SHAPE, y: SHAPE },
      build: (g, x, y) =>
        addNode(g, "Mul", [x, clip(g, scalar(g, "Add", y as Value, 3), 0, 6, 17)], SHAPE),
    });
    for (const model of [shared, foreign]) {
      expect((await applyTo(model, fuseHardSwish())).report.modified).toBe(false);
    }
  });
});

describe("mergeClips", () => {
  it("writes what is only bounded below by 0 as Relu, and takes Min and Max", async () => {
    const relu = activation((g, x) => scalar(g, "Max", unary(g, "Relu", x), -1), 17);
    expect(operators((await applyTo(relu, mergeClips())).model)).toBe("Mul Identity Relu");
    const relu6 = activation(
      (g, x) => unary(g, "Neg", scalar(g, "Min", unary(g, "Relu", x), 6)),
      17,
    );
    expect(operators((await applyTo(relu6, mergeClips())).model)).toBe(
      "Mul Identity Clip Neg Relu",
    );
  });
});

const gelu: Build = (g, x) => {
  const erf = unary(g, "Erf", scalar(g, "Div", x, Math.SQRT2));
  return scalar(g, "Mul", addNode(g, "Mul", [x, scalar(g, "Add", erf, 1)], SHAPE), 0.5);
};

testTransformContract({
  create: fuseGelu,
  match: () => activation(gelu, 20),
  noMatch: () => activation(gelu, 19),
});

describe("fuseGelu", () => {
  it("recognises GELU with the half on the value or in the gate", async () => {
    const onValue: Build = (g, x) => {
      const erf = unary(g, "Erf", scalar(g, "Mul", x, Math.SQRT1_2));
      return addNode(g, "Mul", [scalar(g, "Add", erf, 1), scalar(g, "Mul", x, 0.5)], SHAPE);
    };
    const inGate: Build = (g, x) => {
      const erf = unary(g, "Erf", scalar(g, "Div", x, Math.SQRT2));
      return addNode(g, "Mul", [x, scalar(g, "Mul", scalar(g, "Add", erf, 1), 0.5)], SHAPE);
    };
    for (const build of [onValue, inGate]) {
      const { model, original } = await applyTo(activation(build, 20), fuseGelu());
      expect(operators(model)).toBe("Mul Identity Gelu Relu");
      await expectSameOutputs(model, original);
    }
  });

  it("does not take another argument or another factor", async () => {
    const wrongArgument: Build = (g, x) => {
      const erf = unary(g, "Erf", scalar(g, "Div", x, 1.5));
      return scalar(g, "Mul", addNode(g, "Mul", [x, scalar(g, "Add", erf, 1)], SHAPE), 0.5);
    };
    const wrongFactor: Build = (g, x) => {
      const erf = unary(g, "Erf", scalar(g, "Div", x, Math.SQRT2));
      return scalar(g, "Mul", addNode(g, "Mul", [x, scalar(g, "Add", erf, 1)], SHAPE), 0.25);
    };
    for (const build of [wrongArgument, wrongFactor]) {
      expect((await applyTo(activation(build, 20), fuseGelu())).report.modified).toBe(false);
    }
  });
});

describe("activations", () => {
  it("may be a graph output, which keeps its name", async () => {
    const built = createTestModel({
      inputs: { x: SHAPE },
      build(g, x) {
        const y = conv(g, x as Value, { out: 4 });
        const out = hardSwishSpellings["divided after the product"]!(17)(g, y);
        expect(shapeOf(out)).toEqual(SHAPE);
        return out;
      },
    });
    const name = built.graph.outputs[0]?.name;
    const { model } = await applyTo(built, fuseHardSwish());
    expect(operators(model)).toBe("Conv HardSwish");
    expect(model.graph.outputs.map((value) => value.name)).toEqual([name]);
  });
});
