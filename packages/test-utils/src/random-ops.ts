import type { Graph, Value } from "@ocrslim/graph";
import { add, channelLinear, mul, residual, seGate } from "./blocks.ts";
import {
  affine,
  batchNormalization,
  conv,
  convTranspose,
  depthwise,
  gemm,
  groupNormalization,
  instanceNormalization,
  prelu,
  reduceMean,
  unary,
} from "./layers.ts";
import {
  choose,
  divides,
  isLargerThan,
  isMap,
  isRow,
  isSmallerThan,
  onMap,
  pick,
  type RandomChoices,
  type RandomOpBuilder,
  WIDTHS,
} from "./random-choices.ts";
import {
  clip,
  concat,
  depthToSpace,
  flatten,
  globalAveragePool,
  hardSigmoid,
  hardSwish,
  pad,
  pool,
  reshape,
  resize,
  shuffle,
  slice,
  softmax,
  split,
} from "./reshaping.ts";
import { addNode, dimOf, opsetOf, shapeOf } from "./test-graph.ts";

/** The operators of random models; the plainest come first, since failures shrink towards them. */
export const RANDOM_OP_KINDS = [
  "relu",
  "conv",
  "depthwise",
  "groupedConv",
  "batchNormalization",
  "residual",
  "add",
  "mul",
  "concat",
  "split",
  "slice",
  "shuffle",
  "reshape",
  "seGate",
  "resize",
  "maxPool",
  "averagePool",
  "globalAveragePool",
  "convTranspose",
  "gemm",
  "prelu",
  "affine",
  "instanceNormalization",
  "groupNormalization",
  "pad",
  "clip",
  "sigmoid",
  "hardSigmoid",
  "hardSwish",
  "depthToSpace",
  "spaceToDepth",
  "spatialMean",
  "channelLinear",
  "channelMeanGate",
  "softmax",
  "rowRelu",
] as const;

export type RandomOpKind = (typeof RANDOM_OP_KINDS)[number];

/** A value of the shape of x (or one that is broadcast over it), made by a 1×1 Conv if need be. */
function partner(graph: Graph, live: readonly Value[], x: Value, choices: RandomChoices): Value {
  const [, channels = 1, height = 1, width = 1] = shapeOf(x);
  const isLike = (value: Value): boolean =>
    value !== x &&
    isMap(value) &&
    dimOf(value, 1) === channels &&
    ((dimOf(value, 2) === height && dimOf(value, 3) === width) ||
      (dimOf(value, 2) === 1 && dimOf(value, 3) === 1));
  const isBeside = (value: Value): boolean =>
    isMap(value) && dimOf(value, 2) === height && dimOf(value, 3) === width;
  const beside = pick(live, choices.other, isBeside) ?? x;
  const like = choices.b % 2 === 0 ? pick(live, choices.other, isLike) : undefined;
  return like ?? conv(graph, beside, { out: channels, kernel: 1 });
}

const elementwise =
  (build: (graph: Graph, a: Value, b: Value) => Value): RandomOpBuilder =>
  (graph, live, choices) => {
    const x = pick(live, choices.from, isMap);
    return x ? [build(graph, x, partner(graph, live, x, choices))] : [];
  };

const concatLive: RandomOpBuilder = (graph, live, choices) => {
  const x = pick(live, choices.from, isSmallerThan(40));
  if (!x) return [];
  const beside = pick(
    live,
    choices.other,
    (value) =>
      isSmallerThan(40)(value) &&
      dimOf(value, 2) === dimOf(x, 2) &&
      dimOf(value, 3) === dimOf(x, 3),
  );
  const parts = choices.a % 3 === 0 || !beside ? [x, x] : [x, beside];
  return [concat(graph, choices.b % 4 === 3 ? [...parts, x] : parts)];
};

const gemmOp: RandomOpBuilder = (graph, live, choices) => {
  const row = pick(live, choices.from, isRow);
  if (row) return [gemm(graph, row, { out: choose(WIDTHS, choices.a), transB: choices.b % 2 < 1 })];
  const map = pick(live, choices.from, isSmallerThan(8));
  if (!map) return [];
  const flat = flatten(graph, map);
  return [gemm(graph, flat, { out: choose(WIDTHS, choices.a), transB: choices.b % 2 < 1 })];
};

/** ONNX Runtime merges a Pad into a pooling after it, and then rejects its own large padding. */
const isPoolable = (value: Value): boolean =>
  isLargerThan(4)(value) && value.producer?.opType !== "Pad";

export const RANDOM_OPS: Readonly<Record<RandomOpKind, RandomOpBuilder>> = {
  relu: onMap((graph, x) => unary(graph, "Relu", x)),
  conv: onMap((graph, x, { a, b }) =>
    conv(graph, x, {
      out: choose(WIDTHS, a),
      kernel: choose([3, 1, 5], b),
      stride: b >= 9 && isLargerThan(4)(x) ? 2 : 1,
      dilation: b === 3 ? 2 : 1,
      bias: a % 2 === 0,
    }),
  ),
  depthwise: onMap(
    (graph, x, { a, b }) =>
      depthwise(graph, x, { multiplier: a % 4 === 3 ? 2 : 1, bias: b % 2 === 0 }),
    isSmallerThan(40),
  ),
  groupedConv: onMap(
    (graph, x, { a, b }) => {
      const group = divides(x, 4) && b % 2 === 1 ? 4 : 2;
      return conv(graph, x, { out: group * choose([2, 1, 3, 4], a), group, kernel: b % 3 ? 1 : 3 });
    },
    (x) => divides(x, 2),
  ),
  batchNormalization: onMap((graph, x) => batchNormalization(graph, x)),
  residual: onMap((graph, x, { a, b }) =>
    residual(graph, x, (inner) => {
      const once = unary(graph, "Relu", conv(graph, inner, { out: choose(WIDTHS, a), kernel: 1 }));
      return conv(graph, once, { out: dimOf(x, 1), kernel: b % 2 ? 3 : 1 });
    }),
  ),
  add: elementwise(add),
  mul: elementwise(mul),
  concat: concatLive,
  split: onMap(
    (graph, x, { a }) => {
      const channels = dimOf(x, 1);
      const first = a % 2 ? 1 + (a % (channels - 1)) : Math.floor(channels / 2);
      return split(graph, x, [first, channels - first]);
    },
    (x) => dimOf(x, 1) >= 4,
  ),
  slice: onMap(
    (graph, x, { a, b }) => {
      const axis = b % 4 === 3 && isLargerThan(4)(x) ? 2 : 1;
      const dim = dimOf(x, axis);
      const start = a % Math.floor(dim / 2);
      const end = dim - (b % Math.floor(dim / 2));
      return slice(graph, x, { axis, start, end, step: a === 5 ? 2 : 1 });
    },
    (x) => dimOf(x, 1) >= 4,
  ),
  shuffle: onMap(
    (graph, x, { a }) => shuffle(graph, x, divides(x, 4) && a % 2 ? 4 : 2),
    (x) => divides(x, 2),
  ),
  reshape: onMap((graph, x, { a }) => {
    const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
    const row = reshape(
      graph,
      x,
      [batch, channels, height * width],
      a % 2 ? [0, 0, -1] : [batch, channels, -1],
    );
    const active = unary(graph, "Relu", row);
    return reshape(
      graph,
      active,
      [batch, channels, height, width],
      a % 3 ? [batch, channels, height, width] : [batch, -1, height, width],
    );
  }),
  seGate: onMap((graph, x, { a }) => seGate(graph, x, { squeeze: choose([4, 2, 3], a) })),
  resize: onMap(
    (graph, x, { a }) => resize(graph, x, { scale: 2, mode: a % 2 ? "linear" : "nearest" }),
    isSmallerThan(20),
  ),
  maxPool: onMap((graph, x) => pool(graph, x, { kind: "MaxPool" }), isPoolable),
  averagePool: onMap(
    (graph, x) => pool(graph, x, { kind: "AveragePool", kernel: 3, stride: 1, pad: 1 }),
    isPoolable,
  ),
  globalAveragePool: onMap((graph, x) => globalAveragePool(graph, x)),
  convTranspose: onMap((graph, x, { a, b }) => {
    const group = b % 3 === 2 && divides(x, 2) ? 2 : 1;
    return convTranspose(graph, x, { out: group * choose([4, 6, 3], a), group, bias: a % 2 < 1 });
  }, isSmallerThan(20)),
  gemm: gemmOp,
  prelu: onMap((graph, x, { a }) => prelu(graph, x, { shared: a % 3 === 2 })),
  affine: onMap((graph, x, { a }) => affine(graph, x, { perChannel: a % 2 === 1 })),
  instanceNormalization: onMap((graph, x) => instanceNormalization(graph, x), isLargerThan(4)),
  groupNormalization: (graph, live, choices) =>
    opsetOf(graph) < 21
      ? []
      : onMap(
          (inner, x, { a }) =>
            groupNormalization(inner, x, { groups: divides(x, 4) && a % 2 ? 4 : 2 }),
          (x) => divides(x, 2) && isLargerThan(4)(x),
        )(graph, live, choices),
  pad: onMap(
    (graph, x, { a, b }) =>
      pad(graph, x, {
        size: 1 + (a % 2),
        mode: choose(["constant", "reflect", "edge"] as const, b),
        value: a % 3 ? 0 : 0.5,
      }),
    (x) => isLargerThan(4)(x) && isSmallerThan(40)(x),
  ),
  clip: onMap((graph, x, { a }) => clip(graph, x, a % 2 ? -0.25 : 0, 1)),
  sigmoid: onMap((graph, x) => unary(graph, "Sigmoid", x)),
  hardSigmoid: onMap((graph, x) => hardSigmoid(graph, x)),
  hardSwish: onMap((graph, x) => hardSwish(graph, x)),
  depthToSpace: onMap(
    (graph, x, { a }) => depthToSpace(graph, x, { mode: a % 2 ? "CRD" : "DCR" }),
    (x) => divides(x, 4) && isSmallerThan(20)(x),
  ),
  spaceToDepth: onMap(
    (graph, x) => depthToSpace(graph, x, { inverse: true }),
    (x) => dimOf(x, 1) <= 16 && dimOf(x, 2) % 2 === 0 && dimOf(x, 3) % 2 === 0,
  ),
  spatialMean: onMap((graph, x, { a }) =>
    reduceMean(graph, x, { axes: [2, 3], keepDims: a % 2 === 0 }),
  ),
  channelLinear: onMap((graph, x, { a }) => channelLinear(graph, x, { out: choose(WIDTHS, a) })),
  /** A gate from the mean over channels: removing one changes the mean. */
  channelMeanGate: onMap((graph, x) =>
    mul(graph, x, unary(graph, "Sigmoid", reduceMean(graph, x, { axes: [1] }))),
  ),
  /** Mixes channels without a weight. */
  softmax: onMap((graph, x, { a }) => softmax(graph, x, a % 2 ? 3 : 1)),
  rowRelu: (graph, live, choices) => {
    const row = pick(live, choices.from, isRow);
    return row ? [addNode(graph, "Relu", [row], shapeOf(row))] : [];
  },
};
