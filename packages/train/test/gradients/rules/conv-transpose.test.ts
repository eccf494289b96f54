import { type AttributeContent, int, ints, string } from "@ocrslim/graph";
import { addNode, randomWeight } from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, it } from "vitest";
import { checkGradients } from "../../support/check-gradients.ts";

/** A ConvTranspose over one or two spatial axes. */
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
  readonly outputPadding: readonly number[];
  readonly hasBias: boolean;
  readonly seed: number;
}

function outputSize(one: Case): number[] {
  const { size, kernel, strides, dilations, pads, outputPadding } = one;
  return size.map((dim, axis) => {
    const span = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const padding = (pads[axis] ?? 0) + (pads[axis + size.length] ?? 0);
    return (dim - 1) * (strides[axis] ?? 1) + span + (outputPadding[axis] ?? 0) - padding;
  });
}

interface CheckOptions {
  /** Attributes in place of pads and output_padding, and the output that they give. */
  readonly padding?: Readonly<Record<string, AttributeContent>>;
  readonly output?: readonly number[];
  readonly wrt?: readonly string[];
}

function check(one: Case, options: CheckOptions = {}): Promise<void> {
  const { batch, size, convGroups, inputsPerGroup, outputsPerGroup, kernel, hasBias } = one;
  const outputs = convGroups * outputsPerGroup;
  const channels = convGroups * inputsPerGroup;
  const padding = options.padding ?? {
    pads: ints(one.pads),
    output_padding: ints(one.outputPadding),
  };
  return checkGradients(
    {
      inputs: { x: [batch, channels, ...size] },
      seed: one.seed,
      build: (graph, x) => {
        const weight = randomWeight(graph, "w", [channels, outputsPerGroup, ...kernel]);
        const inputs = hasBias ? [x, weight, randomWeight(graph, "b", [outputs])] : [x, weight];
        const output = options.output ?? outputSize(one);
        return addNode(graph, "ConvTranspose", inputs, [batch, outputs, ...output], {
          strides: ints(one.strides),
          dilations: ints(one.dilations),
          group: int(convGroups),
          ...padding,
        });
      },
    },
    options.wrt ? { wrt: options.wrt } : {},
  );
}

const axis = fc
  .record({
    dim: fc.integer({ min: 2, max: 5 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.integer({ min: 0, max: 2 }),
    after: fc.integer({ min: 0, max: 2 }),
    extra: fc.integer({ min: 0, max: 2 }),
  })
  // As ONNX Runtime demands.
  .map((one) => ({ ...one, extra: Math.min(one.extra, one.stride - 1) }));

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
    outputPadding: axes.map(({ extra }) => extra),
  }))
  .filter((one) => outputSize(one).every((size) => size >= 1));

const head: Case = {
  batch: 1,
  size: [3, 4],
  convGroups: 1,
  inputsPerGroup: 3,
  outputsPerGroup: 2,
  kernel: [2, 2],
  strides: [2, 2],
  dilations: [1, 1],
  pads: [0, 0, 0, 0],
  outputPadding: [0, 0],
  hasBias: true,
  seed: 1,
};

describe("the gradient of ConvTranspose", () => {
  it("is that of finite differences for random windows, pads, output_padding and groups", async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, (one) => check(one)),
      { numRuns: 25, seed: 7 },
    );
  }, 120_000);

  it("is that of finite differences where windows stand side by side", async () => {
    await check(head);
    await check({ ...head, batch: 2, outputsPerGroup: 1, hasBias: false });
    await check({ ...head, batch: 2, convGroups: 2 });
    await check({ ...head, convGroups: 3, inputsPerGroup: 1, outputsPerGroup: 1 });
    await check({ ...head, kernel: [3, 1], strides: [3, 1], dilations: [1, 2] });
    await check({ ...head, kernel: [2, 4], strides: [2, 4] });
    await check({ ...head, outputPadding: [1, 1] });
    await check({
      ...head,
      size: [5],
      kernel: [3],
      strides: [3],
      dilations: [1],
      pads: [0, 0],
      outputPadding: [0],
    });
  });

  it("is that of finite differences where only some are asked for", async () => {
    for (const wrt of [["x"], ["w"], ["b"], ["x", "b"]]) {
      await check(head, { wrt });
      await check({ ...head, kernel: [3, 4], pads: [1, 1, 0, 2] }, { wrt });
    }
  });

  it("resolves auto_pad", async () => {
    const odd = { ...head, kernel: [3, 5] };
    for (const mode of ["SAME_UPPER", "SAME_LOWER"]) {
      await check(odd, { padding: { auto_pad: string(mode) }, output: [6, 8] });
    }
    await check(odd, { padding: { auto_pad: string("VALID") }, output: [7, 11] });
  });

  it("resolves output_shape, smaller and greater than what the windows reach", async () => {
    const odd = { ...head, kernel: [3, 5] };
    for (const output of [
      [6, 8],
      [5, 10],
      [8, 12],
    ]) {
      for (const mode of ["NOTSET", "SAME_UPPER"]) {
        await check(odd, {
          padding: { output_shape: ints(output), auto_pad: string(mode) },
          output,
        });
      }
    }
  });
});
