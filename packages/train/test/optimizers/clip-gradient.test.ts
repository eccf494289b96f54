import { createRandom, Tensor } from "@ocrslim/graph";
import { createRuntime, tensorToFeed } from "@ocrslim/runtime";
import { describe, expect, it } from "vitest";
import { createEmptyOps } from "../../src/ops/ops.ts";
import { clipByNorm, clipByValue } from "../../src/optimizers/clip-gradient.ts";
import type { GradientClip } from "../../src/step/build-update.ts";

const runtime = createRuntime({ threads: 1 });

async function clipped(clip: GradientClip, gradient: readonly number[]): Promise<number[]> {
  const { model, ops } = createEmptyOps("clip");
  const input = ops.input("gradient", [gradient.length]);
  const norm = ops.node("ReduceL2", [input], {});
  const output = ops.node("Identity", [clip(ops, input, ops.reshape(norm, []))]);
  model.graph.setOutputs([output]);
  await using session = await runtime.load(model);
  const feed = tensorToFeed(Tensor.float32([gradient.length], gradient));
  return Array.from((await session.run({ gradient: feed }))[output.name]?.data as Float32Array);
}

const random = createRandom(5);
const gradients = Array.from({ length: 10 }, (_, scale) =>
  Array.from({ length: 7 }, () => (random() - 0.5) * 2 ** scale),
);
const normOf = (vector: readonly number[]): number => Math.hypot(...vector);

describe("clipByNorm", () => {
  it("keeps the direction and limits the norm", async () => {
    for (const gradient of gradients) {
      for (const max of [0.5, 5]) {
        const result = await clipped(clipByNorm(max), gradient);
        const scale = Math.min(1, max / normOf(gradient));
        result.forEach((value, index) => {
          expect(value).toBeCloseTo((gradient[index] ?? 0) * scale, 4);
        });
        expect(normOf(result)).toBeLessThanOrEqual(max * (1 + 1e-6));
      }
    }
  });

  it("leaves small gradients and zeros alone, to the bit", async () => {
    const small = [0.25, -0.5, 0];
    expect(await clipped(clipByNorm(1), small)).toEqual(small);
    expect(await clipped(clipByNorm(1), [0, 0])).toEqual([0, 0]);
  });

  it("does not hide a gradient that is not a number", async () => {
    expect(await clipped(clipByNorm(1), [Number.NaN, 1])).toEqual([Number.NaN, Number.NaN]);
  });
});

describe("clipByValue", () => {
  it("limits each element", async () => {
    for (const gradient of gradients) {
      const result = await clipped(clipByValue(0.75), gradient);
      expect(result).toEqual(
        gradient.map((value) => Math.fround(Math.min(Math.max(value, -0.75), 0.75))),
      );
    }
    expect(await clipped(clipByValue(1), [Number.NaN, 2])).toEqual([Number.NaN, 1]);
  });
});

it("limits that are not above 0 are refused when made", () => {
  for (const max of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => clipByNorm(max)).toThrow(expect.objectContaining({ code: "invalid-option" }));
    expect(() => clipByValue(max)).toThrow(expect.objectContaining({ code: "invalid-option" }));
  }
});
