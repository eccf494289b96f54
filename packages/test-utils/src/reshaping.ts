import { float, type Graph, int, ints, string, type Value } from "@ocrslim/graph";
import {
  addMultiNode,
  addNode,
  dimOf,
  floatConstant,
  intConstant,
  opsetOf,
  shapeOf,
} from "./test-graph.ts";

/** Concat; axis 1 by default. */
export function concat(graph: Graph, values: readonly Value[], axis = 1): Value {
  const [first] = values;
  if (!first) throw new RangeError("concat: give at least one value");
  const total = values.reduce((sum, value) => sum + dimOf(value, axis), 0);
  return addNode(graph, "Concat", values, shapeOf(first).with(axis, total), { axis: int(axis) });
}

/** Split into parts of the given sizes; axis 1 by default. */
export function split(
  graph: Graph,
  x: Value,
  sizes: readonly number[],
  axis = 1,
): readonly Value[] {
  return addMultiNode(
    graph,
    "Split",
    [x, intConstant(graph, "sizes", sizes)],
    sizes.map((size) => shapeOf(x).with(axis, size)),
    { axis: int(axis) },
  );
}

/** Slice along one axis, `start` inclusive to `end` exclusive. */
export function slice(
  graph: Graph,
  x: Value,
  options: {
    readonly axis: number;
    readonly start: number;
    readonly end: number;
    readonly step?: number;
  },
): Value {
  const { axis, start, end, step = 1 } = options;
  return addNode(
    graph,
    "Slice",
    [
      x,
      intConstant(graph, "starts", [start]),
      intConstant(graph, "ends", [end]),
      intConstant(graph, "axes", [axis]),
      intConstant(graph, "steps", [step]),
    ],
    shapeOf(x).with(axis, Math.ceil((end - start) / step)),
  );
}

/** Reshape to fixed dims; `written` is what the constant says, with 0 and -1 where wanted. */
export function reshape(
  graph: Graph,
  x: Value,
  dims: readonly number[],
  written: readonly number[] = dims,
): Value {
  return addNode(graph, "Reshape", [x, intConstant(graph, "shape", written)], dims);
}

/** Flatten to [N, …]. */
export function flatten(graph: Graph, x: Value): Value {
  const [batch = 1, ...rest] = shapeOf(x);
  const size = rest.reduce((product, dim) => product * dim, 1);
  return addNode(graph, "Flatten", [x], [batch, size], { axis: int(1) });
}

/** Transpose. */
export function transpose(graph: Graph, x: Value, perm: readonly number[]): Value {
  return addNode(
    graph,
    "Transpose",
    [x],
    perm.map((axis) => dimOf(x, axis)),
    { perm: ints(perm) },
  );
}

/** Channel shuffle: Reshape, Transpose, Reshape. */
export function shuffle(graph: Graph, x: Value, groups: number): Value {
  const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
  const parts = reshape(graph, x, [batch, groups, channels / groups, height, width]);
  const swapped = transpose(graph, parts, [0, 2, 1, 3, 4]);
  return reshape(graph, swapped, [batch, channels, height, width], [batch, -1, height, width]);
}

/** DepthToSpace or, with `inverse`, SpaceToDepth, over blocks of 2. */
export function depthToSpace(
  graph: Graph,
  x: Value,
  options: { readonly mode?: "DCR" | "CRD"; readonly inverse?: boolean } = {},
): Value {
  const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
  if (options.inverse) {
    const shape = [batch, channels * 4, height / 2, width / 2];
    return addNode(graph, "SpaceToDepth", [x], shape, { blocksize: int(2) });
  }
  return addNode(graph, "DepthToSpace", [x], [batch, channels / 4, height * 2, width * 2], {
    blocksize: int(2),
    mode: string(options.mode ?? "DCR"),
  });
}

/** Resize of height and width by a factor. */
export function resize(
  graph: Graph,
  x: Value,
  options: { readonly scale: number; readonly mode?: "nearest" | "linear" },
): Value {
  const { scale, mode = "nearest" } = options;
  const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
  return addNode(
    graph,
    "Resize",
    [x, undefined, floatConstant(graph, "scales", [4], [1, 1, scale, scale])],
    [batch, channels, Math.floor(height * scale), Math.floor(width * scale)],
    {
      mode: string(mode),
      coordinate_transformation_mode: string(mode === "nearest" ? "asymmetric" : "half_pixel"),
      ...(mode === "nearest" ? { nearest_mode: string("floor") } : {}),
    },
  );
}

/** MaxPool or AveragePool; by default it halves the size. */
export function pool(
  graph: Graph,
  x: Value,
  options: {
    readonly kind: "MaxPool" | "AveragePool";
    readonly kernel?: number;
    readonly stride?: number;
    readonly pad?: number;
  },
): Value {
  const { kind, kernel = 2, stride = 2, pad = 0 } = options;
  const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
  const size = (dim: number): number => Math.floor((dim + 2 * pad - kernel) / stride) + 1;
  return addNode(graph, kind, [x], [batch, channels, size(height), size(width)], {
    kernel_shape: ints([kernel, kernel]),
    strides: ints([stride, stride]),
    pads: ints([pad, pad, pad, pad]),
  });
}

/** GlobalAveragePool. */
export function globalAveragePool(graph: Graph, x: Value): Value {
  const [batch = 1, channels = 1] = shapeOf(x);
  return addNode(graph, "GlobalAveragePool", [x], [batch, channels, 1, 1]);
}

/** Pad of height and width by the same amount on every side. */
export function pad(
  graph: Graph,
  x: Value,
  options: {
    readonly size: number;
    readonly mode?: "constant" | "reflect" | "edge";
    readonly value?: number;
  },
): Value {
  const { size, mode = "constant", value = 0 } = options;
  const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
  const pads = intConstant(graph, "pads", [0, 0, size, size, 0, 0, size, size]);
  const fill = mode === "constant" ? [floatConstant(graph, "pad_value", [], [value])] : [];
  const shape = [batch, channels, height + 2 * size, width + 2 * size];
  return addNode(graph, "Pad", [x, pads, ...fill], shape, { mode: string(mode) });
}

/** Clip to [low, high], bounds as constants. */
export function clip(graph: Graph, x: Value, low = 0, high = 6): Value {
  const bounds = [low, high].map((bound) => floatConstant(graph, "bound", [], [bound]));
  return addNode(graph, "Clip", [x, ...bounds], shapeOf(x));
}

/** Softmax along one axis. */
export function softmax(graph: Graph, x: Value, axis = 1): Value {
  return addNode(graph, "Softmax", [x], shapeOf(x), { axis: int(axis) });
}

/** HardSigmoid. */
export function hardSigmoid(graph: Graph, x: Value): Value {
  return addNode(graph, "HardSigmoid", [x], shapeOf(x), { alpha: float(0.2), beta: float(0.5) });
}

/** HardSwish: the operator from opset 14 on, else x · HardSigmoid(x). */
export function hardSwish(graph: Graph, x: Value): Value {
  if (opsetOf(graph) >= 14) return addNode(graph, "HardSwish", [x], shapeOf(x));
  const gate = addNode(graph, "HardSigmoid", [x], shapeOf(x), {
    alpha: float(1 / 6),
    beta: float(0.5),
  });
  return addNode(graph, "Mul", [x, gate], shapeOf(x));
}
