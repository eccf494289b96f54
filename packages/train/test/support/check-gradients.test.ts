import { float, type Tensor } from "@ocrslim/graph";
import { addNode, conv, floatConstant, randomWeight, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { type GradientRule, outputGradient } from "../../src/gradients/gradient-rule.ts";
import { type CheckGradientsOptions, checkGradients } from "./check-gradients.ts";
import { differentiate } from "./finite-difference.ts";

const rule = (opType: string, own: GradientRule): { rules: Map<string, GradientRule> } => ({
  rules: new Map([[opType, own]]),
});

/** Checks y = op(x) of six elements. */
const check = (opType: string, options?: CheckGradientsOptions): Promise<void> =>
  checkGradients(
    { inputs: { x: [2, 3] }, build: (graph, x) => addNode(graph, opType, [x], [2, 3]) },
    options,
  );

/** The derivative of Tanh, times `factor`. */
const scaledTanh =
  (factor: number): GradientRule =>
  (context) => {
    const { ops, node } = context;
    const slope = ops.sub(1, ops.square(node.output));
    return [ops.mul(ops.mul(outputGradient(context), slope), factor)];
  };

describe("checkGradients", () => {
  it("accepts right rules", async () => {
    await check("Tanh");
    await check("Tanh", rule("Tanh", scaledTanh(1)));
    await checkGradients({
      inputs: { x: [1, 2, 4, 4] },
      build: (graph, x) => unary(graph, "Sigmoid", conv(graph, x, { out: 3 })),
    });
  });

  it.each([1.00001, 0.9, -1, 0])("refuses a gradient that is %f times the right one", async (f) => {
    await expect(check("Tanh", rule("Tanh", scaledTanh(f)))).rejects.toThrow(
      /gradient along x\[\d\] is .* finite differences give/,
    );
  });

  it("refuses a gradient that is not there", async () => {
    await expect(
      check(
        "Tanh",
        rule("Tanh", () => [undefined]),
      ),
    ).rejects.toThrow(/gradient along x\[\d\] is 0, finite differences/);
  });

  it("refuses a gradient that is wrong for one weight only", async () => {
    const wrong: GradientRule = (context) => {
      const { ops, node } = context;
      const y = outputGradient(context);
      return [ops.mul(y, node.inputs[1]!), y];
    };
    const run = (wrt?: string[]): Promise<void> =>
      checkGradients(
        {
          inputs: { x: [3] },
          build: (graph, x) => addNode(graph, "Mul", [x, randomWeight(graph, "w", [3])], [3]),
        },
        { ...rule("Mul", wrong), ...(wrt ? { wrt } : {}) },
      );
    // The weights of the loss are a Mul as well, but only its first input is differentiated.
    await run(["x"]);
    await expect(run()).rejects.toThrow(/gradient along w/);
    await expect(run(["w"])).rejects.toThrow(/gradient along w/);
  });

  it("refuses a form that is right in double precision only", async () => {
    const coarse: GradientRule = (context) => {
      const { ops } = context;
      return [ops.sub(ops.add(outputGradient(context), 1e6), 1e6)];
    };
    await expect(check("Identity", rule("Identity", coarse))).rejects.toThrow(
      /on ONNX Runtime in float32/,
    );
  });

  it("refuses a gradient whose elements stand in the wrong order", async () => {
    const swapped: GradientRule = (context) => {
      const { ops } = context;
      return [ops.slice(outputGradient(context), [{ start: -1, end: -9, axis: 0, step: -1 }])];
    };
    await expect(check("Identity", rule("Identity", swapped))).rejects.toThrow(/gradient along/);
  });

  it("leaves out points at kinks, in the middle or beside it, whatever the gradient is there", async () => {
    // One of six elements lies at the kink of Relu, or next to it.
    for (const kink of [0, 1e-6, -2.5e-6, 5e-6, -9e-6]) {
      await check("Relu", { data: { x: [1, -1, kink, 0.5, -0.5, 2] } });
    }
  });

  it("gives up where kinks are everywhere", async () => {
    await expect(check("Abs", { data: { x: [0, 0, 0, 1, 2, 3] } })).rejects.toThrow(
      /3 of 6 points lie at a kink/,
    );
  });

  it("leaves scalars and what sets shapes alone, and checks all other floats", async () => {
    const seen: string[] = [];
    const spy: GradientRule = ({ needs }) => {
      seen.push([0, 1, 2].map((index) => (needs(index) ? "yes" : "no")).join());
      return [];
    };
    const scales = [1, 1, 2, 2];
    await checkGradients(
      {
        inputs: { x: [1, 1, 2, 2] },
        build: (graph, x) =>
          addNode(
            graph,
            "Resize",
            [
              addNode(graph, "Mul", [x, floatConstant(graph, "scalar", [], [2])], [1, 1, 2, 2]),
              undefined,
              floatConstant(graph, "scales", [4], scales),
            ],
            [1, 1, 4, 4],
          ),
      },
      rule("Resize", spy),
    ).catch(() => {});
    expect(seen).toEqual(["yes,no,no"]);
  });

  it("notices that the evaluator and ONNX Runtime do not agree on the function itself", async () => {
    const kernels = new Map([
      ["LeakyRelu", ({ tensor }: { tensor: (index: number) => Tensor }) => [tensor(0)]],
    ]);
    await expect(
      checkGradients(
        {
          inputs: { x: [6] },
          build: (graph, x) => addNode(graph, "LeakyRelu", [x], [6], { alpha: float(0.5) }),
        },
        { kernels, ...rule("LeakyRelu", (context) => [outputGradient(context)]) },
      ),
    ).rejects.toThrow(/on ONNX Runtime in float32/);
  });
});

describe("differentiate", () => {
  const at = (f: (t: number) => number): ReturnType<typeof differentiate> =>
    differentiate(f, f(0), 1e-5);

  it("gives the slope of a smooth function, without doubt", () => {
    for (const [f, slope] of [
      [Math.sin, 1],
      [(t: number) => Math.exp(3 * t + 1), 3 * Math.E],
      [(t: number) => 1 / (0.1 + t), -100],
      [(t: number) => 5 + 0 * t, 0],
    ] as const) {
      const result = at(f);
      expect(Math.abs(result.slope - slope)).toBeLessThan(1e-7);
      expect(result.doubt).toBeLessThan(1e-5);
    }
  });

  it("doubts wherever within the step a kink lies, in proportion to the jump", () => {
    for (let place = -0.95; place < 0.96; place += 0.05) {
      for (const jump of [1, 0.01]) {
        const { doubt } = at((t) => Math.sin(t) + jump * Math.max(0, t - place * 1e-5));
        expect(doubt).toBeGreaterThan(0.02 * jump);
      }
    }
  });
});
