import { int, Tensor, type Value } from "@ocrslim/graph";
import { addNode, floatConstant } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { backpropagate } from "../../../src/gradients/backpropagate.ts";
import { createEmptyOps } from "../../../src/ops/ops.ts";
import { checkGradients } from "../../support/check-gradients.ts";
import { derivativesAt } from "./derivative-at.ts";

describe("selection rules against finite differences", () => {
  const shapes: readonly (readonly [number[], number[], number[]])[] = [
    [
      [2, 3],
      [2, 3],
      [2, 3],
    ],
    [[3], [2, 3], [2, 1]],
    [[2, 1], [], [2, 3]],
    [[2, 3], [1], [1, 3]],
  ];
  for (const [condition, a, b] of shapes) {
    it(`Where of [${condition}], [${a}] and [${b}]`, async () => {
      for (const wrt of [["a", "b"], ["a"], ["b"]]) {
        await checkGradients(
          {
            inputs: { a, b },
            opset: 18,
            build: (graph, left, right) => {
              const count = condition.reduce((product, dim) => product * dim, 1);
              const bits = Uint8Array.from({ length: count }, (_, index) =>
                index % 3 === 1 ? 0 : 1,
              );
              const mask = graph.addInitializer("mask", Tensor.from("bool", condition, bits));
              return addNode(graph, "Where", [mask, left as Value, right as Value], [2, 3]);
            },
          },
          { wrt },
        );
      }
    });
  }

  it("Identity and the inference form of Dropout pass the gradient on", async () => {
    await checkGradients({
      inputs: { x: [2, 3] },
      opset: 18,
      build: (graph, x) => {
        const ratio = floatConstant(graph, "ratio", [], [0.3]);
        const off = graph.addInitializer("training", Tensor.from("bool", [], Uint8Array.of(0)));
        const same = addNode(graph, "Identity", [x as Value], [2, 3]);
        const first = addNode(graph, "Dropout", [same], [2, 3]);
        const second = addNode(graph, "Dropout", [first, ratio], [2, 3]);
        const third = addNode(graph, "Dropout", [second, ratio, off], [2, 3]);
        return addNode(graph, "Mul", [third, third], [2, 3]);
      },
    });
  });

  it("Cast to float64 and back passes the gradient on", async () => {
    const { x } = await derivativesAt({
      inputs: { x: [1, -2, 3] },
      build: (ops, value) => ops.cast(ops.square(ops.cast(value, "float64")), "float32"),
    });
    expect(x).toEqual([2, -4, 6]);
  });
});

describe("what selection rules leave out", () => {
  it("Cast from a bool or an integer has no gradient", () => {
    const { ops } = createEmptyOps("casts");
    const x = ops.input("x", [3]);
    const mask = ops.cast(ops.greater(x, 0), "float32");
    const whole = ops.cast(ops.cast(x, "int32"), "float32");
    const loss = ops.sum(ops.add(ops.mul(mask, whole), x));
    const gradients = backpropagate(ops, { loss, wrt: [x] });
    // Only the way through Add is left: no part is summed into it.
    expect(gradients.get(x)?.producer?.opType).not.toBe("Sum");
  });

  it("Where of a computed condition counts the branches only", async () => {
    const { x } = await derivativesAt({
      inputs: { x: [-1, 2, 3] },
      build: (ops, value) => ops.where(ops.greater(value, 0), ops.square(value), value),
    });
    expect(x).toEqual([1, 4, 6]);
  });
});

describe("the training form of Dropout", () => {
  const build =
    (outputCount: number, ratio: number | undefined) => async (): Promise<readonly number[]> => {
      const { x = [] } = await derivativesAt({
        inputs: { x: new Array<number>(64).fill(1) },
        build: (ops, value) => {
          const training = ops.scalar(1, "bool");
          const rate = ratio === undefined ? undefined : ops.scalar(ratio);
          const outputs = ops.nodes("Dropout", [value, rate, training], outputCount, {
            seed: int(5),
          });
          const [dropped = value] = outputs;
          // Of slope 2·dropped: it shows what was dropped.
          return ops.square(dropped);
        },
      });
      return x;
    };

  for (const ratio of [undefined, 0.25]) {
    it(`scales what its mask keeps, ratio ${ratio ?? "absent"}`, async () => {
      const slopes = await build(2, ratio)();
      const scale = 1 / (1 - (ratio ?? 0.5));
      const kept = 2 * scale * scale;
      for (const slope of slopes) expect([0, kept]).toContainEqual(expect.closeTo(slope, 4));
      expect(new Set(slopes.map((slope) => slope > 0)).size).toBe(2);
    });
  }

  it("takes a ratio that is computed", async () => {
    const { x: slopes = [] } = await derivativesAt({
      inputs: { x: new Array<number>(64).fill(1) },
      build: (ops, value) => {
        const ratio = ops.maximum(ops.mul(value, 0.25));
        const training = ops.scalar(1, "bool");
        const [dropped = value] = ops.nodes("Dropout", [value, ratio, training], 2, {
          seed: int(5),
        });
        return dropped;
      },
    });
    for (const slope of slopes) expect([0, 4 / 3]).toContainEqual(expect.closeTo(slope, 4));
    expect(new Set(slopes.map((slope) => slope > 0)).size).toBe(2);
  });

  it("is refused if it is not known whether it trains", async () => {
    const attempt = derivativesAt({
      inputs: { x: [1, 2] },
      build: (ops, value) => {
        const training = ops.greater(ops.sum(value), 0);
        const [dropped = value] = ops.nodes("Dropout", [value, ops.scalar(0.5), training], 2);
        return dropped;
      },
    });
    await expect(attempt).rejects.toMatchObject({ code: "unsupported" });
  });

  it("is refused without a mask among the outputs", async () => {
    await expect(build(1, 0.25)()).rejects.toMatchObject({ code: "unsupported" });
  });
});
