import { type AttributeContent, int, ints, string, type Value } from "@ocrslim/graph";
import { addMultiNode, addNode } from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Ops } from "../../../src/ops/ops.ts";
import { checkGradients } from "../../support/check-gradients.ts";
import { derivativesAt } from "./derivative-at.ts";

/** A pool over one or two spatial axes. */
interface Case {
  readonly dims: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly isCeil: boolean;
  readonly seed: number;
}

type Attributes = Readonly<Record<string, AttributeContent>>;

function outputSize({ dims, kernel, strides, dilations, pads, isCeil }: Case): number[] {
  return kernel.map((size, axis) => {
    const before = pads[axis] ?? 0;
    const dim = dims[axis + 2] ?? 1;
    const span = (size - 1) * (dilations[axis] ?? 1) + 1;
    const steps = (dim + before + (pads[axis + kernel.length] ?? 0) - span) / (strides[axis] ?? 1);
    return (isCeil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  });
}

/** Whether each window starts inside the input: about others, parts of ONNX Runtime disagree. */
function startsInside(one: Case): boolean {
  return outputSize(one).every((count, axis) => {
    const end = (one.dims[axis + 2] ?? 1) + (one.pads[axis] ?? 0);
    return (count - 1) * (one.strides[axis] ?? 1) < end;
  });
}

/** Elements that are all apart by more than finite differences move them. */
function apart(count: number, seed: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => ((at * 37 + seed) % 101) / 25 - 2 + at * 1e-3);
}

function check(
  opType: string,
  one: Case,
  extra: Attributes = {},
  padding: Attributes = { pads: ints(one.pads) },
  output: readonly number[] = outputSize(one),
): Promise<void> {
  const count = one.dims.reduce((product, dim) => product * dim, 1);
  return checkGradients(
    {
      inputs: { x: one.dims },
      opset: 19,
      seed: one.seed,
      build: (graph, x) =>
        addNode(graph, opType, [x], [...one.dims.slice(0, 2), ...output], {
          kernel_shape: ints(one.kernel),
          strides: ints(one.strides),
          dilations: ints(one.dilations),
          ceil_mode: int(one.isCeil ? 1 : 0),
          ...padding,
          ...extra,
        }),
    },
    { data: { x: apart(count, one.seed) }, rtol: 1e-5 },
  );
}

const axis = fc
  .record({
    dim: fc.integer({ min: 5, max: 8 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.integer({ min: 0, max: 2 }),
    after: fc.integer({ min: 0, max: 2 }),
  })
  // As ONNX Runtime demands.
  .map((one) => ({
    ...one,
    before: Math.min(one.before, one.kernel - 1),
    after: Math.min(one.after, one.kernel - 1),
  }));

const anyCase: fc.Arbitrary<Case> = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 2 }),
    axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
    isCeil: fc.boolean(),
    seed: fc.integer({ min: 1, max: 100 }),
  })
  .map(({ batch, channels, axes, ...rest }) => ({
    ...rest,
    dims: [batch, channels, ...axes.map(({ dim }) => dim)],
    kernel: axes.map(({ kernel }) => kernel),
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
  }))
  .filter(startsInside);

const plain: Case = {
  dims: [1, 2, 6, 5],
  kernel: [2, 2],
  strides: [2, 2],
  dilations: [1, 1],
  pads: [0, 0, 0, 0],
  isCeil: false,
  seed: 1,
};

const SAME: Attributes = { auto_pad: string("SAME_UPPER") };

function checkRandom(opType: string, extra: (seed: number) => Attributes): Promise<void> {
  return fc.assert(
    fc.asyncProperty(anyCase, (one) => check(opType, one, extra(one.seed))),
    { numRuns: 20, seed: 11 },
  );
}

describe("gradients of pools against finite differences", () => {
  it("MaxPool with random windows, pads, dilations and ceil_mode", async () => {
    await checkRandom("MaxPool", () => ({}));
  }, 60_000);

  it("AveragePool with random windows, with and without counting pads", async () => {
    await checkRandom("AveragePool", (seed) => ({ count_include_pad: int(seed % 2) }));
  }, 60_000);

  it("LpPool with random windows and norms", async () => {
    await checkRandom("LpPool", (seed) => ({ p: int(1 + (seed % 3)) }));
  }, 60_000);

  it("pools whose windows stand side by side, also where some input is left over", async () => {
    for (const opType of ["MaxPool", "AveragePool", "LpPool"]) {
      await check(opType, plain);
      await check(opType, { ...plain, isCeil: true });
      await check(opType, { ...plain, kernel: [1, 1] });
      await check(opType, { ...plain, kernel: [3, 1], strides: [3, 1], dilations: [1, 2] });
    }
  });

  it("pools with auto_pad", async () => {
    const overlapping = { ...plain, kernel: [3, 4] };
    for (const opType of ["MaxPool", "AveragePool"]) {
      await check(opType, overlapping, {}, SAME, [3, 3]);
      await check(opType, overlapping, {}, { auto_pad: string("SAME_LOWER") }, [3, 3]);
      await check(opType, overlapping, {}, { auto_pad: string("VALID") }, [2, 1]);
    }
  });

  it("MaxPool that gives indices as well", async () => {
    await checkGradients(
      {
        inputs: { x: [1, 2, 4, 4] },
        build: (graph, x) => {
          const dims = [1, 2, 3, 3];
          const attributes = { kernel_shape: ints([2, 2]) };
          return addMultiNode(graph, "MaxPool", [x], [dims, dims], attributes)[0] as Value;
        },
      },
      { data: { x: apart(32, 3) } },
    );
  });

  it("pools over all of the image", async () => {
    for (const opType of ["GlobalAveragePool", "GlobalMaxPool"]) {
      for (const dims of [
        [2, 3, 4],
        [2, 2, 3, 4],
        [1, 2, 2, 3, 2],
      ]) {
        await checkGradients(
          {
            inputs: { x: dims },
            build: (graph, x) =>
              addNode(graph, opType, [x], [...dims.slice(0, 2), ...dims.slice(2).map(() => 1)]),
          },
          {
            data: {
              x: apart(
                dims.reduce((product, dim) => product * dim, 1),
                5,
              ),
            },
          },
        );
      }
    }
  });
});

describe("pools at kinks and in rare forms", () => {
  const pooled =
    (opType: string, dims: readonly number[], attributes: Attributes, outputCount = 1) =>
    (ops: Ops, x?: Value): Value => {
      const inputs = x ? [ops.reshape(x, dims)] : [];
      return ops.nodes(opType, inputs, outputCount, attributes)[0] as Value;
    };

  it("the first of equal maxima wins in MaxPool, and windows that share it add up", async () => {
    const build = pooled("MaxPool", [1, 1, 5], { kernel_shape: ints([2]) });
    expect(await derivativesAt({ inputs: { x: [1, 1, 3, 3, 0] }, build })).toEqual({
      x: [1, 0, 2, 1, 0],
    });
  });

  it("MaxPool with column-major indices has the gradient of row-major ones", async () => {
    const gradients = [0, 1].map((order) => {
      const attributes = { kernel_shape: ints([2, 2]), storage_order: int(order) };
      const build = pooled("MaxPool", [1, 2, 3, 4], attributes, 2);
      return derivativesAt({ inputs: { x: apart(24, 3) }, build });
    });
    const [rows, columns] = await Promise.all(gradients);
    expect(columns).toEqual(rows);
    expect(rows?.["x"]?.reduce((sum, slope) => sum + slope, 0)).toBe(12);
  });

  it("equal maxima share evenly in GlobalMaxPool", async () => {
    const build = pooled("GlobalMaxPool", [1, 1, 2, 2], {});
    expect(await derivativesAt({ inputs: { x: [2, 1, 2, 0] }, build })).toEqual({
      x: [0.5, 0, 0.5, 0],
    });
  });

  it("GlobalLpPool has the slope of the norm, 0 where all is zero", async () => {
    const build = pooled("GlobalLpPool", [1, 2, 1, 2], { p: int(2) });
    const { x } = await derivativesAt({ inputs: { x: [3, -4, 0, 0] }, build });
    [0.6, -0.8, 0, 0].forEach((slope, at) => {
      expect(x?.[at]).toBeCloseTo(slope, 6);
    });
  });
});
