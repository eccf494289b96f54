import { addNode, conv, createTestModel, floatConstant, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { tensorAttribute } from "../../src/ir/attribute.ts";
import { Tensor } from "../../src/ir/tensor.ts";
import type { Value } from "../../src/ir/value.ts";
import { constantsToInitializers } from "../../src/transforms/constants-to-initializers.ts";
import { deduplicateInitializers } from "../../src/transforms/deduplicate-initializers.ts";
import { eliminateCommonSubexpressions } from "../../src/transforms/eliminate-common-subexpressions.ts";
import { removeInitializersFromInputs } from "../../src/transforms/remove-initializers-from-inputs.ts";
import { removeUnused } from "../../src/transforms/remove-unused.ts";
import { sortTopologically } from "../../src/transforms/sort-topologically.ts";
import { applyTo, operators, testTransformContract } from "./transform-contract.ts";

const SHAPE = [1, 4, 5, 5];
const plain = () =>
  createTestModel({
    inputs: { x: SHAPE },
    build: (graph, x) => unary(graph, "Relu", conv(graph, x as Value, { out: 4 })),
  });

testTransformContract({
  create: constantsToInitializers,
  anyOpset: true,
  match: () =>
    createTestModel({
      inputs: { x: SHAPE },
      build(graph, x) {
        const value = tensorAttribute(Tensor.float32([], [2]));
        const two = addNode(graph, "Constant", [], [], { value });
        return addNode(graph, "Mul", [x as Value, two], SHAPE);
      },
    }),
  noMatch: () =>
    createTestModel({
      inputs: { x: SHAPE },
      build: (graph, x) => [
        unary(graph, "Relu", x as Value),
        addNode(graph, "Constant", [], [2], {
          value: tensorAttribute(Tensor.float32([2], [1, 2])),
        }),
      ],
    }),
});

testTransformContract({
  create: removeUnused,
  anyOpset: true,
  match: () =>
    createTestModel({
      inputs: { x: SHAPE },
      build(graph, x) {
        const convolved = conv(graph, x as Value, { out: 4 });
        unary(graph, "Sigmoid", unary(graph, "Exp", convolved));
        floatConstant(graph, "unread", [2], [1, 2]);
        return convolved;
      },
    }),
  noMatch: plain,
});

testTransformContract({
  create: deduplicateInitializers,
  anyOpset: true,
  match: () =>
    createTestModel({
      inputs: { x: SHAPE },
      build(graph, x) {
        const first = addNode(
          graph,
          "Add",
          [x as Value, floatConstant(graph, "a", [2 - 1], [3])],
          SHAPE,
        );
        return addNode(graph, "Mul", [first, floatConstant(graph, "b", [1], [3])], SHAPE);
      },
    }),
  noMatch: () =>
    createTestModel({
      inputs: { x: SHAPE },
      build(graph, x) {
        const first = addNode(
          graph,
          "Add",
          [x as Value, floatConstant(graph, "a", [], [3])],
          SHAPE,
        );
        return addNode(graph, "Mul", [first, floatConstant(graph, "b", [1], [3])], SHAPE);
      },
    }),
});

testTransformContract({
  create: eliminateCommonSubexpressions,
  anyOpset: true,
  match: () =>
    createTestModel({
      inputs: { x: SHAPE },
      build(graph, x) {
        const twins = [0, 1].map(() => unary(graph, "Exp", unary(graph, "Relu", x as Value)));
        return addNode(graph, "Add", twins, SHAPE);
      },
    }),
  noMatch: () =>
    createTestModel({
      inputs: { x: SHAPE },
      build: (graph, x) => [unary(graph, "Relu", x as Value), unary(graph, "Relu", x as Value)],
    }),
});

testTransformContract({
  create: removeInitializersFromInputs,
  anyOpset: true,
  match() {
    const model = plain();
    model.graph.setInputs([...model.graph.inputs, ...model.graph.initializers]);
    for (const value of model.graph.initializers) {
      if (value.tensor) value.type = { kind: "tensor", dtype: "float32", shape: value.tensor.dims };
    }
    return model;
  },
  noMatch: plain,
});

testTransformContract({
  create: sortTopologically,
  anyOpset: true,
  match: () =>
    createTestModel({
      inputs: { x: SHAPE },
      build(graph, x) {
        const late = conv(graph, x as Value, { out: 4 });
        const early = unary(graph, "Relu", x as Value);
        if (late.producer) late.producer.setInput(0, early);
        return late;
      },
    }),
  noMatch: plain,
  outputs: { seeds: [] },
});

describe("removeInitializersFromInputs", () => {
  it("raises a file format that has no defaults to version 4", async () => {
    const model = plain();
    model.irVersion = 3;
    model.graph.setInputs([...model.graph.inputs, ...model.graph.initializers]);
    const { model: result, report } = await applyTo(model, removeInitializersFromInputs());
    expect(report.counts).toEqual({ removedInputs: 2 });
    expect(result.irVersion).toBe(4);
    expect(result.graph.inputs.map(({ name }) => name)).toEqual(["x"]);
  });
});

describe("sortTopologically", () => {
  it("puts producers first", async () => {
    const model = createTestModel({
      inputs: { x: SHAPE },
      build(graph, x) {
        const late = unary(graph, "Exp", x as Value);
        late.producer?.setInput(0, unary(graph, "Relu", x as Value));
        return late;
      },
    });
    expect(operators(model)).toBe("Exp Relu");
    const { model: sorted } = await applyTo(model, sortTopologically());
    expect(operators(sorted)).toBe("Relu Exp");
  });
});

describe("eliminateCommonSubexpressions", () => {
  it("keeps random operators apart", async () => {
    const model = createTestModel({
      inputs: { x: SHAPE },
      build(graph, x) {
        const noise = [0, 1].map(() => addNode(graph, "RandomNormalLike", [x as Value], SHAPE));
        return addNode(graph, "Sub", noise, SHAPE);
      },
    });
    const { report } = await applyTo(model, eliminateCommonSubexpressions());
    expect(report.modified).toBe(false);
  });
});
