import { type AttributeContent, elementCount, int, ints, string, Tensor } from "@ocrslim/graph";
import fc from "fast-check";
import { describe, it } from "vitest";
import { expectRealDims } from "../support/expect-real-dims.ts";
import type { SingleNode } from "../support/run-nodes.ts";

const NODES = 10;
const RUNS = 3;

const zeros = (dims: readonly number[]): Tensor =>
  Tensor.float32(dims, new Float32Array(elementCount(dims)));

const pair = (min: number, max: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

interface WindowChoice {
  readonly kernel: readonly [number, number];
  readonly size: readonly [number, number];
  readonly attributes: Readonly<Record<string, AttributeContent>>;
}

/** A window that fits its input; pads are smaller than the kernel, as the runtime's pools need. */
const windows: fc.Arbitrary<WindowChoice> = fc
  .record({
    kernel: pair(1, 4),
    size: pair(8, 15),
    strides: pair(1, 3),
    dilations: pair(1, 2),
    begin: pair(0, 3),
    end: pair(0, 3),
    autoPad: fc.constantFrom("NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
  })
  .map(({ kernel, size, strides, dilations, begin, end, autoPad }) => {
    const pads = [...begin, ...end].map((pad, i) => Math.min(pad, kernel[i % 2]! - 1));
    const isSame = autoPad.startsWith("SAME");
    return {
      kernel,
      size,
      attributes: {
        kernel_shape: ints(kernel),
        strides: ints(strides),
        dilations: ints(isSame ? [1, 1] : dilations),
        ...(autoPad === "NOTSET" ? { pads: ints(pads) } : { auto_pad: string(autoPad) }),
      },
    };
  });

const groupings = fc.record({
  convGroups: fc.integer({ min: 1, max: 2 }),
  perGroup: fc.integer({ min: 1, max: 3 }),
  outputs: fc.integer({ min: 1, max: 3 }),
});

const conv = fc.tuple(windows, groupings).map(
  ([{ kernel, size, attributes }, { convGroups, perGroup, outputs }]): SingleNode => ({
    opType: "Conv",
    inputs: [
      zeros([2, perGroup * convGroups, ...size]),
      zeros([outputs * convGroups, perGroup, ...kernel]),
    ],
    attributes: { ...attributes, group: int(convGroups) },
    outputTypes: ["float32"],
  }),
);

const convTranspose = fc
  .tuple(windows, groupings, pair(0, 2))
  .map(([{ kernel, size, attributes }, { convGroups, perGroup, outputs }, extra]): SingleNode => {
    const strides = attributes["strides"]?.value as readonly number[];
    const padding = extra.map((value, axis) => Math.min(value, strides[axis]! - 1));
    return {
      opType: "ConvTranspose",
      inputs: [
        zeros([2, perGroup * convGroups, ...size]),
        zeros([perGroup * convGroups, outputs, ...kernel]),
      ],
      attributes: {
        ...attributes,
        group: int(convGroups),
        ...(attributes["auto_pad"] ? {} : { output_padding: ints(padding) }),
      },
      outputTypes: ["float32"],
    };
  });

const fixedConvTranspose = pair(1, 3).map(
  (strides): SingleNode => ({
    opType: "ConvTranspose",
    inputs: [zeros([1, 2, 5, 6]), zeros([2, 3, 3, 3])],
    attributes: {
      strides: ints(strides),
      output_shape: ints([5 * strides[0], 6 * strides[1]]),
    },
    outputTypes: ["float32"],
  }),
);

const pool = (opType: string): fc.Arbitrary<SingleNode> =>
  fc
    .tuple(windows, fc.integer({ min: 0, max: 1 }))
    .map(([{ kernel, size, attributes }, ceilMode]) => {
      const { dilations, strides, ...others } = attributes;
      const steps = strides?.value as readonly number[];
      // The runtime's AveragePool refuses SAME padding where windows leave gaps.
      const noGaps = opType === "AveragePool" && attributes["auto_pad"] !== undefined;
      return {
        opType,
        inputs: [zeros([1, 2, ...size])],
        attributes: {
          ...others,
          strides: ints(noGaps ? steps.map((step, i) => Math.min(step, kernel[i]!)) : steps),
          ...(opType === "MaxPool" && dilations ? { dilations } : {}),
          ...(attributes["auto_pad"] ? {} : { ceil_mode: int(ceilMode) }),
        },
        outputTypes: opType === "MaxPool" ? ["float32", "int64"] : ["float32"],
      };
    });

const scale = fc.double({ min: 0.3, max: 3, noNaN: true }).map(Math.fround);
const modes = fc.constantFrom(
  "half_pixel",
  "pytorch_half_pixel",
  "asymmetric",
  "align_corners",
  "tf_crop_and_resize",
);

const resize = (opset: number): fc.Arbitrary<SingleNode> =>
  fc
    .record({
      size: pair(4, 40),
      scales: fc.tuple(scale, scale),
      sizes: pair(2, 60),
      bySizes: fc.boolean(),
      mode: modes,
      policy: fc.constantFrom("stretch", "not_larger", "not_smaller"),
      onAxes: fc.boolean(),
    })
    .map(({ size, scales, sizes, bySizes, mode, policy, onAxes }) => {
      const isNew = opset >= 18;
      const named = isNew && (onAxes || policy !== "stretch");
      const roi = named ? [0, 0, 1, 1] : [0, 0, 0, 0, 1, 1, 1, 1];
      return {
        opType: "Resize",
        inputs: [
          zeros([1, 2, ...size]),
          Tensor.float32([roi.length], roi),
          bySizes
            ? undefined
            : Tensor.float32(named ? [2] : [4], named ? scales : [1, 1, ...scales]),
          bySizes ? Tensor.int64(named ? sizes : [1, 2, ...sizes]) : undefined,
        ].slice(0, bySizes ? 4 : 3),
        constants: [1, 2, 3],
        attributes: {
          mode: string("linear"),
          coordinate_transformation_mode: string(mode),
          ...(named ? { axes: ints([2, 3]) } : {}),
          ...(isNew && bySizes ? { keep_aspect_ratio_policy: string(policy) } : {}),
        },
        outputTypes: ["float32"],
        opset,
      };
    });

const upsample = fc.tuple(pair(2, 40), scale, scale).map(
  ([size, height, width]): SingleNode => ({
    opType: "Upsample",
    inputs: [zeros([1, 2, ...size])],
    attributes: { scales: { type: "floats", value: [1, 1, 1 + height, 1 + width] } },
    outputTypes: ["float32"],
    opset: 7,
  }),
);

describe("inferShapes of random windows", () => {
  it.each([
    ["Conv", conv],
    ["ConvTranspose", convTranspose],
    ["ConvTranspose with output_shape", fixedConvTranspose],
    ["MaxPool", pool("MaxPool")],
    ["AveragePool", pool("AveragePool")],
    ["Resize of opset 13", resize(13)],
    ["Resize of opset 18", resize(18)],
    ["Resize of opset 19", resize(19)],
    ["Upsample of opset 7", upsample],
  ])("gives the shapes that ONNX Runtime produces: %s", async (_, specs) => {
    await fc.assert(
      fc.asyncProperty(fc.array(specs, { minLength: NODES, maxLength: NODES }), expectRealDims),
      { numRuns: RUNS, seed: 11 },
    );
  });
});
