import { int, ints, string } from "@ocrslim/graph";
import { addNode, randomWeight } from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, it } from "vitest";
import { checkGradients } from "../../support/check-gradients.ts";

/** A Conv over one or two spatial axes. */
interface Case {
  readonly batch: number;
  readonly size: readonly number[];
  readonly convGroups: number;
  readonly inputsPerGroup: number;
  readonly outputsPerGroup: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly hasBias: boolean;
  readonly seed: number;
}

function outputSize({ size, kernel, strides, dilations, pads }: Case): number[] {
  return size.map((dim, axis) => {
    const span = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const room = dim + (pads[axis] ?? 0) + (pads[axis + size.length] ?? 0) - span;
    return Math.floor(room / (strides[axis] ?? 1)) + 1;
  });
}

function check(one: Case, extra: Parameters<typeof addNode>[4] = {}): Promise<void> {
  const { batch, size, convGroups, inputsPerGroup, outputsPerGroup, kernel, hasBias } = one;
  const outputs = convGroups * outputsPerGroup;
  return checkGradients({
    inputs: { x: [batch, convGroups * inputsPerGroup, ...size] },
    seed: one.seed,
    build: (graph, x) => {
      if (!x) throw new TypeError("no input");
      const weight = randomWeight(graph, "w", [outputs, inputsPerGroup, ...kernel]);
      const inputs = hasBias ? [x, weight, randomWeight(graph, "b", [outputs])] : [x, weight];
      return addNode(graph, "Conv", inputs, [batch, outputs, ...outputSize(one)], {
        strides: ints(one.strides),
        dilations: ints(one.dilations),
        ...("auto_pad" in extra ? {} : { pads: ints(one.pads) }),
        group: int(convGroups),
        ...extra,
      });
    },
  });
}

const axis = fc.record({
  dim: fc.integer({ min: 4, max: 7 }),
  kernel: fc.integer({ min: 1, max: 4 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  before: fc.integer({ min: 0, max: 3 }),
  after: fc.integer({ min: 0, max: 3 }),
});

const anyCase: fc.Arbitrary<Case> = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
    convGroups: fc.integer({ min: 1, max: 3 }),
    inputsPerGroup: fc.integer({ min: 1, max: 3 }),
    outputsPerGroup: fc.integer({ min: 1, max: 3 }),
    hasBias: fc.boolean(),
    seed: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ axes, ...rest }) => ({
    ...rest,
    size: axes.map(({ dim }) => dim),
    kernel: axes.map(({ kernel }) => kernel),
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
  }))
  .filter((one) => outputSize(one).every((size) => size >= 1));

const plain: Case = {
  batch: 2,
  size: [6, 5],
  convGroups: 1,
  inputsPerGroup: 3,
  outputsPerGroup: 2,
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  pads: [1, 1, 1, 1],
  hasBias: true,
  seed: 1,
};

describe("the gradient of Conv", () => {
  it("is that of finite differences for random strides, pads, dilations and groups", async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, (one) => check(one)),
      { numRuns: 40, seed: 7 },
    );
  }, 120_000);

  it("is that of finite differences for the forms that detectors have", async () => {
    const depthwise = { convGroups: 4, inputsPerGroup: 1, outputsPerGroup: 1 };
    await check({ ...plain, kernel: [1, 1], pads: [0, 0, 0, 0] });
    await check({ ...plain, inputsPerGroup: 2, outputsPerGroup: 4 });
    await check({ ...plain, strides: [2, 2] });
    await check({ ...plain, ...depthwise });
    await check({ ...plain, ...depthwise, strides: [2, 2], kernel: [5, 5], pads: [2, 2, 2, 2] });
    await check({ ...plain, ...depthwise, dilations: [2, 2], pads: [2, 2, 2, 2], hasBias: false });
  });

  it("resolves auto_pad", async () => {
    for (const mode of ["SAME_UPPER", "SAME_LOWER"]) {
      for (const strides of [
        [1, 1],
        [2, 2],
      ]) {
        const kernel = [4, 3];
        const total = (dim: number, at: number): number =>
          Math.max(
            (Math.ceil(dim / (strides[at] ?? 1)) - 1) * (strides[at] ?? 1) +
              (kernel[at] ?? 1) -
              dim,
            0,
          );
        const small = plain.size.map((dim, at) => Math.floor(total(dim, at) / 2));
        const large = plain.size.map((dim, at) => Math.ceil(total(dim, at) / 2));
        const pads = mode === "SAME_UPPER" ? [...small, ...large] : [...large, ...small];
        await check({ ...plain, kernel, strides, pads }, { auto_pad: string(mode) });
      }
    }
    await check({ ...plain, pads: [0, 0, 0, 0] }, { auto_pad: string("VALID") });
  });
});
