import { float, int, ints, string } from "@ocrslim/graph";
import { addNode, floatConstant, intConstant } from "@ocrslim/test-utils";
import { type Attributes, image, op, type TfjsCase } from "./tfjs-case.ts";

function resized(
  x: readonly number[],
  to: readonly number[],
  attributes: Attributes,
  scales?: readonly number[],
): TfjsCase {
  const settings = Object.entries(attributes).map(([key, { value }]) => `${key}=${String(value)}`);
  return {
    name: ["Resize", `[${x}]`, scales ? `×${scales}` : `to [${to}]`, ...settings].join(" "),
    inputs: [x],
    build: (graph, value) => {
      const constants = scales
        ? [floatConstant(graph, "scales", [scales.length], scales)]
        : [undefined, intConstant(graph, "sizes", to)];
      return addNode(graph, "Resize", [value, undefined, ...constants], to, attributes);
    },
  };
}

const window = (kernel: number, rest: Attributes = {}): Attributes => ({
  kernel_shape: ints([kernel, kernel]),
  ...rest,
});

export const poolingCases: readonly TfjsCase[] = [
  ...["MaxPool", "AveragePool"].flatMap((name) => [
    op(name, [image], { to: [2, 4, 4, 5], attributes: window(2) }),
    op(name, [image], {
      to: [2, 4, 3, 3],
      attributes: window(3, { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) }),
    }),
    op(name, [image], {
      to: [2, 4, 3, 3],
      attributes: window(2, { strides: ints([2, 2]), ceil_mode: int(1) }),
    }),
    op(name, [[1, 2, 5, 6]], {
      to: [1, 2, 3, 4],
      attributes: window(2, { strides: ints([2, 2]), pads: ints([0, 1, 1, 1]) }),
    }),
    op(name, [[1, 2, 7, 7]], {
      to: [1, 2, 3, 3],
      attributes: window(3, { dilations: ints([2, 2]) }),
    }),
    op(name, [[2, 3, 7]], {
      to: [2, 3, 3],
      attributes: { kernel_shape: ints([3]), strides: ints([2]) },
    }),
    op(name, [image], {
      to: [2, 4, 3, 3],
      attributes: window(3, { strides: ints([2, 2]), auto_pad: string("SAME_UPPER") }),
    }),
  ]),
  op("AveragePool", [image], {
    to: [2, 4, 3, 3],
    attributes: window(3, {
      strides: ints([2, 2]),
      pads: ints([1, 1, 1, 1]),
      count_include_pad: int(1),
    }),
  }),
  op("AveragePool", [image], {
    to: [2, 4, 3, 4],
    attributes: window(3, {
      strides: ints([2, 2]),
      pads: ints([1, 1, 1, 1]),
      ceil_mode: int(1),
    }),
  }),
  ...[1, 2, 3].flatMap((p) => [
    op("LpPool", [image], {
      to: [2, 4, 3, 3],
      attributes: window(3, { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]), p: int(p) }),
    }),
    op("GlobalLpPool", [image], { to: [2, 4, 1, 1], attributes: { p: int(p) } }),
  ]),
  op("GlobalAveragePool", [image], { to: [2, 4, 1, 1] }),
  op("GlobalMaxPool", [image], { to: [2, 4, 1, 1] }),
];

const COORDINATES = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"] as const;

export const resizeCases: readonly TfjsCase[] = [
  ...COORDINATES.flatMap((coordinates) =>
    ["nearest", "linear"].flatMap((mode) => {
      const attributes = {
        coordinate_transformation_mode: string(coordinates),
        mode: string(mode),
      };
      return [
        resized([1, 2, 3, 4], [1, 2, 6, 8], attributes, [1, 1, 2, 2]),
        resized([1, 2, 3, 4], [1, 2, 5, 9], attributes),
        resized([1, 2, 6, 8], [1, 2, 4, 3], attributes),
      ];
    }),
  ),
  ...["floor", "ceil", "round_prefer_ceil"].map((nearest) =>
    resized(
      [1, 2, 3, 4],
      [1, 2, 6, 12],
      {
        mode: string("nearest"),
        nearest_mode: string(nearest),
        coordinate_transformation_mode: string("asymmetric"),
      },
      [1, 1, 2, 3],
    ),
  ),
  resized([1, 2, 3, 4], [1, 2, 7, 6], { mode: string("linear") }, [1, 1, 2.5, 1.6]),
  resized([1, 2, 5, 6], [1, 2, 8, 9], { mode: string("cubic"), cubic_coeff_a: float(-0.5) }),
];
