import { int, ints, string } from "@ocrslim/graph";
import { addNode, intConstant } from "@ocrslim/test-utils";
import { image, op, parts, square, type TfjsCase } from "./tfjs-case.ts";

const FAR = 2 ** 62;

export const reshapingCases: readonly TfjsCase[] = [
  op("Identity", [square]),
  op("Dropout", [square]),
  op("Reshape", [square], { ints: [[0, -1]], to: [2, 12] }),
  op("Flatten", [square], { attributes: { axis: int(2) }, to: [6, 4] }),
  op("Squeeze", [[2, 1, 3, 1]], { ints: [[-1]], to: [2, 1, 3] }),
  op("Unsqueeze", [[2, 3]], { ints: [[0, -1]], to: [1, 2, 3, 1] }),
  op("Transpose", [square], { to: [4, 3, 2] }),
  op("Transpose", [image], { attributes: { perm: ints([0, 2, 3, 1]) }, to: [2, 5, 6, 4] }),
  op("Expand", [[3, 1]], { ints: [[2, 1, 4]], to: square }),
  op("Expand", [[1, 2, 1, 3, 1]], { ints: [[2, 2, 2, 3, 2]], to: [2, 2, 2, 3, 2] }),
  op("Tile", [square], { ints: [[2, 1, 3]], to: [4, 3, 12] }),
  op(
    "Concat",
    [
      [2, 3, 2],
      [2, 1, 2],
    ],
    { attributes: { axis: int(1) }, to: [2, 4, 2] },
  ),
  op("DepthToSpace", [[2, 8, 2, 3]], { attributes: { blocksize: int(2) }, to: [2, 2, 4, 6] }),
  op("DepthToSpace", [[2, 8, 2, 3]], {
    attributes: { blocksize: int(2), mode: string("CRD") },
    to: [2, 2, 4, 6],
  }),
  op("SpaceToDepth", [[2, 3, 4, 6]], { attributes: { blocksize: int(2) }, to: [2, 12, 2, 3] }),
  op("Trilu", [[2, 3, 4]], { attributes: { upper: int(0) } }),
  parts(
    "Split",
    [2, 6],
    [
      [2, 1],
      [2, 3],
      [2, 2],
    ],
    [[1, 3, 2]],
    { axis: int(-1) },
  ),
  parts(
    "Split",
    [5, 2],
    [
      [2, 2],
      [2, 2],
      [1, 2],
    ],
    [],
    { num_outputs: int(3) },
  ),
];

export const slicingCases: readonly TfjsCase[] = [
  op("Slice", [[4, 5]], {
    ints: [
      [0, 1],
      [2, 4],
    ],
    to: [2, 3],
  }),
  op("Slice", [[4, 5]], { ints: [[1], [FAR], [1], [3]], to: [4, 2] }),
  op("Slice", [[4, 5]], {
    ints: [
      [1, 0],
      [FAR, FAR],
      [0, 1],
      [2, 2],
    ],
    to: [2, 3],
  }),
  op("Slice", [[4, 5]], { ints: [[-1], [-FAR], [1], [-1]], to: [4, 5] }),
  op("Slice", [[4, 5]], { ints: [[3], [0], [1], [-2]], to: [4, 2] }),
  op("Pad", [[3, 4]], { ints: [[1, 2, 1, 3]], to: [5, 9] }),
  op("Pad", [[3, 4]], { ints: [[3, -1, -1, 0]], to: [5, 3] }),
  op("Pad", [[3, 4]], { ints: [[1, 2], undefined, [-1]], to: [3, 7] }),
  ...["edge", "reflect"].flatMap((mode) => [
    op("Pad", [[3, 4]], { ints: [[1, 2, 2, 3]], to: [6, 9], attributes: { mode: string(mode) } }),
    op("Pad", [[3, 4]], { ints: [[1, -1, -1, 2]], to: [3, 5], attributes: { mode: string(mode) } }),
  ]),
  op("Pad", [[3, 4]], { ints: [[1, 0, 2, 4]], to: [6, 8], attributes: { mode: string("wrap") } }),
  {
    name: "Pad with a constant that is computed",
    inputs: [[2, 3], []],
    build: (graph, x, value) =>
      addNode(graph, "Pad", [x, intConstant(graph, "pads", [1, -1, 0, 2]), value], [3, 4]),
  },
];
