import {
  type AttributeContent,
  float,
  type Graph,
  int,
  ints,
  string,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { float32Feed } from "@ocrslim/runtime";
import {
  addNode,
  createTestModel,
  expectClose,
  floatConstant,
  intConstant,
  runModel,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { backpropagate } from "../../../src/gradients/backpropagate.ts";
import {
  COORDINATES,
  type CoordinateMode,
  listResizeTaps,
  type ResizeModes,
  ROUNDINGS,
  type RoundingMode,
} from "../../../src/gradients/resize-taps.ts";
import { createOps } from "../../../src/ops/ops.ts";
import { checkGradients } from "../../support/check-gradients.ts";
import { derivativesAt } from "./derivative-at.ts";

const COORDINATE_MODES = Object.keys(COORDINATES) as CoordinateMode[];
const ROUNDING_MODES = Object.keys(ROUNDINGS) as RoundingMode[];

type Attributes = Readonly<Record<string, AttributeContent>>;

/** A Resize of height and width, by scales or to sizes. */
interface Case {
  readonly dims: readonly number[];
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
  /** Default: what scales or sizes say. */
  readonly output?: readonly number[];
  readonly attributes: Attributes;
}

function outputDims({ dims, scales, sizes, output }: Case): readonly number[] {
  if (output) return output;
  return sizes ?? dims.map((dim, axis) => Math.floor(Math.fround(dim * (scales?.[axis] ?? 1))));
}

const build =
  (one: Case) =>
  (graph: Graph, x?: Value): Value =>
    addNode(
      graph,
      "Resize",
      one.sizes
        ? [x, undefined, undefined, intConstant(graph, "sizes", one.sizes)]
        : [
            x,
            undefined,
            floatConstant(graph, "scales", [one.scales?.length ?? 0], one.scales ?? []),
          ],
      outputDims(one),
      one.attributes,
    );

function check(one: Case): Promise<void> {
  return checkGradients(
    { inputs: { x: one.dims }, build: build(one) },
    { wrt: ["x"], rtol: 1e-5, atol: 1e-6 },
  );
}

const attributesOf = (modes: ResizeModes): Attributes => ({
  mode: string(modes.mode),
  coordinate_transformation_mode: string(modes.coordinates),
  nearest_mode: string(modes.rounding),
  cubic_coeff_a: float(modes.cubicCoefficient),
  exclude_outside: int(modes.excludesOutside ? 1 : 0),
});

const plain: ResizeModes = {
  mode: "linear",
  coordinates: "half_pixel",
  rounding: "round_prefer_floor",
  cubicCoefficient: -0.75,
  excludesOutside: false,
};

const allModes: readonly ResizeModes[] = COORDINATE_MODES.flatMap((coordinates) => [
  ...ROUNDING_MODES.map((rounding) => ({
    ...plain,
    mode: "nearest" as const,
    coordinates,
    rounding,
  })),
  { ...plain, coordinates },
  { ...plain, mode: "cubic" as const, coordinates },
  {
    ...plain,
    mode: "cubic" as const,
    coordinates,
    excludesOutside: true,
    cubicCoefficient: -0.5,
  },
]);

/** Whole and fractional, enlarging and shrinking. */
const SCALES = [2, 3, 1.5, 2.4, 1.3, 0.5, 0.7, 0.34];

async function expectSameForward(one: Case, modes: ResizeModes): Promise<void> {
  const [, , height = 1, width = 1] = one.dims;
  const [, , outHeight = 1, outWidth = 1] = outputDims(one);
  const scale = (at: number, size: number, outputSize: number): number =>
    one.scales?.[at] ?? outputSize / size;
  const axes = [
    { size: height, outputSize: outHeight, scale: scale(2, height, outHeight) },
    { size: width, outputSize: outWidth, scale: scale(3, width, outWidth) },
  ] as const;
  const [rows, columns] = axes.map((axis) => listResizeTaps(axis, modes));
  const data = Float32Array.from({ length: height * width }, (_, at) => ((at * 29) % 17) - 8);
  const expected = (rows ?? []).flatMap((ownRows) =>
    (columns ?? []).map((ownColumns) => {
      let sum = 0;
      for (const [i, left] of ownRows) {
        for (const [j, right] of ownColumns) sum += left * right * (data[i * width + j] ?? 0);
      }
      return sum;
    }),
  );
  const model = createTestModel({ inputs: { x: one.dims }, opset: 18, build: build(one) });
  const results = await runModel(model, { x: float32Feed(one.dims, data) });
  const [actual] = Object.values(results);
  const message = `${JSON.stringify(modes)} ${one.dims} → ${outputDims(one)}`;
  expect(actual?.dims, message).toEqual(outputDims(one));
  expectClose(
    actual ?? { dims: [], data: [] },
    { dims: outputDims(one), data: Float32Array.from(expected) },
    { atol: 1e-4, rtol: 1e-4 },
    message,
  );
}

describe("listResizeTaps", () => {
  it("gives what ONNX Runtime computes, by scales, in all modes", async () => {
    for (const modes of allModes) {
      for (const [at, scale] of SCALES.entries()) {
        const other = SCALES[(at + 3) % SCALES.length] ?? 1;
        const one = {
          dims: [1, 1, 5, 7],
          scales: [1, 1, scale, other],
          attributes: attributesOf(modes),
        };
        await expectSameForward(one, modes);
      }
    }
  }, 60_000);

  it("gives what ONNX Runtime computes, to sizes, in all modes", async () => {
    for (const modes of allModes) {
      for (const sizes of [
        [1, 1, 10, 9],
        [1, 1, 3, 4],
        [1, 1, 1, 13],
      ]) {
        const one = { dims: [1, 1, 5, 6], sizes, attributes: attributesOf(modes) };
        await expectSameForward(one, modes);
      }
    }
  }, 60_000);
});

describe("listResizeTaps at ties", () => {
  it("falls as ONNX Runtime does where float32 misses a tie by a little", async () => {
    const pairs = [
      ["asymmetric", [31, 20], [74, 48]],
      ["asymmetric", [33, 23], [4, 56]],
      ["half_pixel", [25, 26], [79, 37]],
      ["half_pixel_symmetric", [5, 6], [3, 4]],
    ] as const;
    for (const [coordinates, input, output] of pairs) {
      for (const rounding of ROUNDING_MODES) {
        const modes = { ...plain, mode: "nearest", coordinates, rounding } as const;
        const dims = [1, 1, ...input];
        const sizes = [1, 1, ...output];
        await expectSameForward({ dims, sizes, attributes: attributesOf(modes) }, modes);
      }
    }
  });
});

describe("the gradient of Resize", () => {
  it("is that of finite differences in all modes, for whole and fractional scales", async () => {
    for (const [at, modes] of allModes.entries()) {
      const scale = SCALES[at % SCALES.length] ?? 1;
      const other = SCALES[(at + 3) % SCALES.length] ?? 1;
      const attributes = attributesOf(modes);
      await check({ dims: [1, 2, 4, 3], scales: [1, 1, scale, other], attributes });
    }
  }, 60_000);

  it("is that of finite differences where nearest neighbours repeat whole blocks", async () => {
    for (const [coordinates, rounding] of [
      ["asymmetric", "floor"],
      ["half_pixel", "round_prefer_floor"],
      ["half_pixel", "round_prefer_ceil"],
    ] as const) {
      const attributes = attributesOf({ ...plain, mode: "nearest", coordinates, rounding });
      await check({ dims: [2, 2, 3, 2], scales: [1, 1, 2, 2], attributes });
      await check({ dims: [1, 2, 3, 2], scales: [1, 1, 1, 4], attributes });
      await check({ dims: [1, 2, 3, 2], sizes: [1, 2, 9, 4], attributes });
      await check({ dims: [1, 2, 3], scales: [1, 1, 3], attributes });
      await check({ dims: [1, 2, 3, 2], scales: [1, 2, 2, 2], attributes });
    }
  });

  it("sums blocks over three spatial axes", async () => {
    const { x } = await derivativesAt({
      inputs: { x: [1, 2, 3, 4] },
      build: (ops, given) => {
        if (!given) throw new TypeError("no input");
        const scales = ops.constant(Tensor.float32([5], [1, 1, 2, 2, 2]));
        const y = ops.node("Resize", [ops.reshape(given, [1, 1, 2, 1, 2]), undefined, scales]);
        return ops.square(y);
      },
    });
    expect(x).toEqual([16, 32, 48, 64]);
  });

  it("is that of finite differences with axes and a kept aspect ratio", async () => {
    const attributes = { mode: string("linear"), axes: ints([-1, 2]) };
    await check({ dims: [1, 2, 3, 4], scales: [2, 1.5], output: [1, 2, 4, 8], attributes });
    for (const [policy, output] of [
      ["not_larger", [1, 1, 5, 6]],
      ["not_smaller", [1, 1, 6, 8]],
    ] as const) {
      await check({
        dims: [1, 1, 3, 4],
        sizes: [6, 6],
        output,
        attributes: {
          mode: string("linear"),
          axes: ints([2, 3]),
          keep_aspect_ratio_policy: string(policy),
        },
      });
    }
  });

  it("passes the gradient on where nothing is resized", async () => {
    await check({ dims: [1, 2, 3, 4], scales: [1, 1, 1, 1], attributes: attributesOf(plain) });
  });

  it("refuses forms that it does not cover, and says so", () => {
    const forms: readonly Attributes[] = [
      { mode: string("linear"), antialias: int(1) },
      { mode: string("linear"), coordinate_transformation_mode: string("tf_crop_and_resize") },
    ];
    for (const attributes of forms) {
      const one = { dims: [1, 1, 2, 2], scales: [1, 1, 2, 2], attributes };
      const model = createTestModel({ inputs: { x: one.dims }, opset: 18, build: build(one) });
      const ops = createOps(model);
      const [x] = model.graph.inputs;
      const [y] = model.graph.outputs;
      const attempt = (): unknown => x && y && backpropagate(ops, { loss: ops.sum(y), wrt: [x] });
      expect(attempt).toThrow(expect.objectContaining({ code: "unsupported" }));
    }
  });
});
