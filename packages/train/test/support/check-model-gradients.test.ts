import type { Model } from "@ocrslim/graph";
import { conv, createTestModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { type GradientRule, outputGradient } from "../../src/gradients/gradient-rule.ts";
import { checkModelGradients } from "./check-model-gradients.ts";

const inputShapes = { x: [1, 2, 6, 6] };

const build = (): Model =>
  createTestModel({
    inputs: inputShapes,
    opset: 18,
    build: (graph, x) => {
      const inner = unary(graph, "Tanh", conv(graph, x, { out: 4 }));
      return conv(graph, unary(graph, "HardSwish", inner), { out: 3, stride: 2 });
    },
  });

/** The derivative of Tanh, times `factor`: the weights before it get wrong gradients. */
const scaledTanh = (factor: number): Map<string, GradientRule> =>
  new Map([
    [
      "Tanh",
      (context) => {
        const { ops, node } = context;
        const slope = ops.sub(1, ops.square(node.output));
        return [ops.mul(ops.mul(outputGradient(context), slope), factor)];
      },
    ],
  ]);

describe("checkModelGradients", () => {
  it("accepts right rules, and tells how close they are", async () => {
    const errors = await checkModelGradients(build(), { inputShapes });
    expect(errors.exact).toBeLessThan(1e-6);
    expect(errors.rounding).toBeLessThan(1e-5);
    expect(errors.float32).toBeLessThan(0.02);
    await checkModelGradients(build(), { inputShapes, rules: scaledTanh(1), jitter: 0.1 });
  });

  it("names the weights whose gradients are wrong, and no others", async () => {
    const message = await checkModelGradients(build(), {
      inputShapes,
      rules: scaledTanh(1.01),
    }).then(() => "none", String);
    expect(message).toMatch(/wrong for .*"conv_w": /);
    expect(message).toContain('"conv_b": ');
    expect(message).not.toMatch(/"conv_w_1"|"conv_b_1"/);
  });

  it("finds them without double precision, if they are far off", async () => {
    const options = { inputShapes, exact: false };
    await expect(
      checkModelGradients(build(), { ...options, rules: scaledTanh(0.5) }),
    ).rejects.toThrow(/on ONNX Runtime the slope along a random direction/);
    expect(await checkModelGradients(build(), options)).toMatchObject({
      exact: undefined,
      rounding: undefined,
    });
  });

  it("finds what only float32 gets wrong", async () => {
    const coarse: GradientRule = (context) => {
      const { ops, node } = context;
      const slope = ops.sub(1, ops.square(node.output));
      const gradient = ops.mul(outputGradient(context), slope);
      return [ops.sub(ops.add(gradient, 1e6), 1e6)];
    };
    await expect(
      checkModelGradients(build(), { inputShapes, rules: new Map([["Tanh", coarse]]) }),
    ).rejects.toThrow(/in float32 on ONNX Runtime is .* from that in double precision/);
  });

  it("refuses a loss that no weight has a part in", async () => {
    const none: GradientRule = () => [];
    await expect(
      checkModelGradients(build(), { inputShapes, rules: new Map([["Conv", none]]) }),
    ).rejects.toThrow(/all gradients are zero/);
  });
});
