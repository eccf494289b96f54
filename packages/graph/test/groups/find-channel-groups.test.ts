import {
  add,
  addNode,
  affine,
  batchNormalization,
  channelLinear,
  concat,
  conv,
  convTranspose,
  createTestModel,
  depthToSpace,
  depthwise,
  flatten,
  floatConstant,
  gemm,
  globalAveragePool,
  groupNormalization,
  instanceNormalization,
  intConstant,
  matMul,
  mul,
  pad,
  pool,
  prelu,
  randomWeight,
  reduceMean,
  reshape,
  residual,
  resize,
  seGate,
  shapeOf,
  shuffle,
  slice,
  softmax,
  split,
  transpose,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  type ChannelRule,
  channelRules,
  cloneModel,
  findChannelGroups,
  type Graph,
  int,
  type Model,
  string,
  type Value,
} from "../../src/index.ts";
import { expectCutEqualsMasked, openWidths } from "./support.ts";

type Build = (graph: Graph, x: Value) => Value;

/** x [1, 8, 8, 8] → 1×1 convolution (8) → what is tested → 1×1 convolution (4). */
function between(build: Build, opset = 17): Model {
  return createTestModel({
    inputs: { x: [1, 8, 8, 8] },
    opset,
    build: (graph, x) =>
      conv(graph, build(graph, conv(graph, x, { out: 8, kernel: 1 })), { out: 4, kernel: 1 }),
  });
}

/** The same, without a last layer: [N, K] or a map that is pooled and goes into a Gemm. */
function into(build: Build): Model {
  return createTestModel({
    inputs: { x: [1, 8, 8, 8] },
    build: (graph, x) =>
      gemm(graph, build(graph, conv(graph, x, { out: 8, kernel: 1 })), { out: 3 }),
  });
}

/** Self-attention over the positions of a map: QKᵀ, Softmax, and the values. */
function attention(graph: Graph, x: Value): Value {
  const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
  const rows = transpose(graph, reshape(graph, x, [batch, channels, height * width]), [0, 2, 1]);
  const [q, k, v] = [6, 6, 10].map((out) => matMul(graph, rows, { out }));
  if (!q || !k || !v) throw new Error("three projections");
  const scores = addNode(
    graph,
    "MatMul",
    [q, transpose(graph, k, [0, 2, 1])],
    [batch, height * width, height * width],
  );
  const mixed = addNode(
    graph,
    "MatMul",
    [softmax(graph, scores, 2), v],
    [batch, height * width, 10],
  );
  return transpose(graph, matMul(graph, mixed, { out: 8 }), [0, 2, 1]);
}

const gathered =
  (indices: readonly number[]): Build =>
  (graph, x) =>
    addNode(
      graph,
      "Gather",
      [x, intConstant(graph, "indices", indices)],
      [1, indices.length, 8, 8],
      {
        axis: int(1),
      },
    );

/** Widths of the groups that can be cut, in order of their first producer, the output's left out. */
const families: readonly (readonly [string, Model, readonly number[]])[] = [
  ["Relu: the channels of one convolution", between((g, x) => unary(g, "Relu", x)), [8]],
  [
    "a chain of layers: a group each",
    between((g, x) => conv(g, conv(g, x, { out: 6 }), { out: 5 })),
    [8, 6, 5],
  ],
  [
    "a residual: one group for both ends",
    between((g, x) => residual(g, x, (y) => conv(g, conv(g, y, { out: 6 }), { out: 8 }))),
    [8, 6],
  ],
  [
    "a residual of residuals",
    between((g, x) =>
      residual(
        g,
        residual(g, x, (y) => conv(g, y, { out: 8 })),
        (y) => conv(g, y, { out: 8 }),
      ),
    ),
    [8],
  ],
  [
    "Concat: a group for each branch",
    between((g, x) => concat(g, [conv(g, x, { out: 5 }), conv(g, x, { out: 3 })])),
    [8, 5, 3],
  ],
  [
    "Concat of one value twice: one group",
    between((g, x) => concat(g, [x, unary(g, "Relu", x), x])),
    [8],
  ],
  [
    "Concat of a value and what adds to it",
    between((g, x) => concat(g, [x, add(g, x, conv(g, x, { out: 8 }))])),
    [8],
  ],
  [
    "Split: a group for each part",
    between((g, x) => concat(g, split(g, x, [2, 6]).toReversed())),
    [2, 6],
  ],
  [
    "Split into halves that are added: pairs",
    between((g, x) => {
      const [a, b] = split(g, x, [4, 4]) as [Value, Value];
      return add(g, a, b);
    }),
    [4],
  ],
  [
    "Slice: what is taken, and what is not",
    between((g, x) =>
      add(
        g,
        slice(g, x, { axis: 1, start: 2, end: 5 }),
        slice(g, x, { axis: 1, start: 2, end: 5 }),
      ),
    ),
    [3, 5],
  ],
  ["Gather: in another order", between(gathered([7, 6, 5, 4, 3, 2, 1, 0])), [8]],
  ["Gather: some twice, some not at all", between(gathered([3, 3, 0, -1])), [3, 5]],
  ["Flatten into Gemm: a channel owns many rows", into((g, x) => flatten(g, x)), [8]],
  ["pooling and Flatten into Gemm", into((g, x) => flatten(g, globalAveragePool(g, x))), [8]],
  ["channel shuffle: channels of the same place", between((g, x) => shuffle(g, x, 2)), [4]],
  ["an SE gate", between((g, x) => seGate(g, x, { squeeze: 3 })), [8, 3]],
  [
    "a gate of a layer's own",
    between((g, x) => mul(g, x, unary(g, "Sigmoid", conv(g, x, { out: 8 })))),
    [8],
  ],
  ["ConvTranspose", between((g, x) => convTranspose(g, x, { out: 6 })), [8, 6]],
  ["grouped ConvTranspose", between((g, x) => convTranspose(g, x, { out: 12, group: 4 })), [4]],
  [
    "a grouped convolution: whole convolution groups",
    between((g, x) => conv(g, x, { out: 12, group: 4 })),
    [4],
  ],
  ["a depthwise convolution", between((g, x) => depthwise(g, x)), [8]],
  [
    "a depthwise convolution with a multiplier",
    between((g, x) => depthwise(g, x, { multiplier: 3 })),
    [8],
  ],
  ["BatchNormalization", between((g, x) => batchNormalization(g, x)), [8]],
  ["InstanceNormalization", between((g, x) => instanceNormalization(g, x)), [8]],
  [
    "GroupNormalization: whole groups",
    between((g, x) => groupNormalization(g, x, { groups: 4 }), 21),
    [4],
  ],
  [
    "PRelu with a slope each, and one for all",
    between((g, x) => prelu(g, prelu(g, x), { shared: true })),
    [8],
  ],
  ["affine factors", between((g, x) => affine(g, affine(g, x, { perChannel: true }))), [8]],
  [
    "pooling and resizing",
    between((g, x) => resize(g, pool(g, x, { kind: "MaxPool" }), { scale: 2 })),
    [8],
  ],
  ["ReduceMean over height and width", between((g, x) => reduceMean(g, x, { axes: [2, 3] })), [8]],
  ["Softmax over width", between((g, x) => softmax(g, x, 3)), [8]],
  ["Pad of height and width", between((g, x) => pad(g, x, { size: 1 })), [8]],
  ["DepthToSpace (DCR): four channels are one", between((g, x) => depthToSpace(g, x)), [2]],
  ["DepthToSpace (CRD)", between((g, x) => depthToSpace(g, x, { mode: "CRD" })), [2]],
  ["SpaceToDepth", between((g, x) => depthToSpace(g, x, { inverse: true })), [8]],
  [
    "Expand of height and width",
    between((g, x) =>
      addNode(
        g,
        "Expand",
        [globalAveragePool(g, x), intConstant(g, "s", [1, 8, 5, 5])],
        [1, 8, 5, 5],
      ),
    ),
    [8],
  ],
  [
    "Tile along channels: copies are one",
    between((g, x) => addNode(g, "Tile", [x, intConstant(g, "n", [1, 3, 1, 1])], [1, 24, 8, 8])),
    [8],
  ],
  ["a linear layer in NHWC", between((g, x) => channelLinear(g, x, { out: 6 })), [8, 6]],
  [
    "attention: Q and K are cut together, V alone",
    into((g, x) => flatten(g, attention(g, x))),
    [8, 6, 10, 8],
  ],
];

describe("channel groups", () => {
  it.each(families)("of %s", async (_name, model, widths) => {
    expect([...openWidths(model)].sort()).toEqual([...widths].sort());
    expect(await expectCutEqualsMasked(model)).toBeGreaterThan(0);
  });
});

describe("ReduceSum", () => {
  it("over channels consumes them", async () => {
    const model = createTestModel({
      inputs: { x: [1, 8, 8, 8] },
      build: (graph, x) =>
        addNode(
          graph,
          "ReduceSum",
          [conv(graph, x, { out: 8 }), intConstant(graph, "axes", [1])],
          [1, 1, 8, 8],
        ),
    });
    expect(openWidths(model)).toEqual([8]);
    expect(await expectCutEqualsMasked(model)).toBeGreaterThan(0);
  });
});

const blocked: readonly (readonly [string, Model, RegExp])[] = [
  [
    "ReduceMean over channels",
    between((g, x) => mul(g, x, reduceMean(g, x, { axes: [1] }))),
    /takes a statistic/,
  ],
  [
    "LayerNormalization over channels",
    between((g, x) => {
      const last = transpose(g, x, [0, 2, 3, 1]);
      const y = addNode(
        g,
        "LayerNormalization",
        [last, randomWeight(g, "s", [8]), randomWeight(g, "b", [8])],
        shapeOf(last),
      );
      return transpose(g, y, [0, 3, 1, 2]);
    }),
    /statistics over this axis/,
  ],
  ["Softmax over channels", between((g, x) => softmax(g, x, 1)), /normalizes over this axis/],
  [
    "Pad of channels",
    between((g, x) =>
      addNode(g, "Pad", [x, intConstant(g, "p", [0, 1, 0, 0, 0, 0, 0, 0])], [1, 9, 8, 8], {
        mode: string("reflect"),
      }),
    ),
    /crops or mirrors/,
  ],
  [
    "an operator without a rule",
    between((g, x) => addNode(g, "LRN", [x], shapeOf(x), { size: int(3) })),
    /without a channel rule/,
  ],
  [
    "Slice of every second channel",
    between((g, x) => slice(g, x, { axis: 1, start: 0, end: 8, step: 2 })),
    /every 2th/,
  ],
  [
    "a computed weight",
    createTestModel({
      inputs: { x: [1, 8, 8, 8], v: [4, 8, 1, 1] },
      build: (g, x, v) => addNode(g, "Conv", [conv(g, x, { out: 8 }), v], [1, 4, 8, 8]),
    }),
    /weight of .* is computed/,
  ],
  [
    "a Shape that is used as data",
    between((g, x) => {
      const s = addNode(g, "Shape", [x], [4]);
      return mul(
        g,
        x,
        addNode(g, "Cast", [addNode(g, "ReduceMax", [s], [1], { keepdims: int(1) })], [1], {
          to: int(1),
        }),
      );
    }),
    /shape is used as data/,
  ],
  [
    "ArgMax over channels",
    createTestModel({
      inputs: { x: [1, 8, 8, 8] },
      build: (g, x) =>
        addNode(
          g,
          "Cast",
          [addNode(g, "ArgMax", [conv(g, x, { out: 8 })], [1, 1, 8, 8], { axis: int(1) })],
          [1, 1, 8, 8],
          { to: int(1) },
        ),
    }),
    /statistic over this axis/,
  ],
];

describe("channels are blocked, with the reason, by", () => {
  it.each(blocked)("%s", (_name, model, reason) => {
    const first = findChannelGroups(model).find(({ members }) =>
      members.some(({ role, value }) => role === "producer" && value.startsWith("conv_w")),
    );
    expect(first?.blocked).toMatch(reason);
  });

  it("the graph's input and output", () => {
    const model = createTestModel({
      inputs: { x: [1, 8, 8, 8] },
      build: (graph, x) => conv(graph, depthwise(graph, x), { out: 4 }),
    });
    const reasons = findChannelGroups(model).map(({ blocked: why }) => why);
    expect(reasons).toEqual(["it is an input of the graph", "it is an output of the graph"]);
  });

  it("a subgraph that reads them", () => {
    const model = between((graph, x) => {
      const y = unary(graph, "Relu", x);
      graph.createNode({ opType: "If", inputs: [], attributes: {} });
      return y;
    });
    const owner = [...model.graph.nodes].find(({ opType }) => opType === "If");
    const relu = [...model.graph.nodes].find(({ opType }) => opType === "Relu");
    const body = cloneModel(model).graph;
    for (const node of [...body.nodes].toReversed()) {
      body.setOutputs([]);
      body.remove(node);
    }
    owner?.setAttribute("then_branch", { type: "graph", value: body });
    const inner = body.createNode({ opType: "Neg", inputs: [relu?.output] });
    body.setOutputs([inner.output]);
    const group = findChannelGroups(model).find(({ width, id }) => width === 8 && id !== "x");
    expect(group?.blocked).toBe("it is used inside a subgraph");
  });

  it("a padding of channels: the added ones alone stay", async () => {
    const model = between((g, x) =>
      addNode(
        g,
        "Pad",
        [x, intConstant(g, "p", [0, 2, 0, 0, 0, 1, 0, 0]), floatConstant(g, "v", [], [0.5])],
        [1, 11, 8, 8],
      ),
    );
    expect(openWidths(model)).toEqual([8]);
    const added = findChannelGroups(model).filter(({ blocked: why }) => why?.includes("adds it"));
    expect(added.reduce((sum, { width }) => sum + width, 0)).toBe(3);
    expect(await expectCutEqualsMasked(model)).toBeGreaterThan(0);
  });
});

describe("ids", () => {
  it("are unique, and the same for the same model", () => {
    for (const [, model] of families) {
      const ids = findChannelGroups(model).map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(findChannelGroups(cloneModel(model)).map(({ id }) => id)).toEqual(ids);
    }
  });

  it("do not change where another part of the model does", () => {
    const build = (kernel: number): Model =>
      between((g, x) => concat(g, [conv(g, x, { out: 5, kernel }), conv(g, x, { out: 3 })]));
    const idsOf = (model: Model): string[] => findChannelGroups(model).map(({ id }) => id);
    expect(idsOf(build(5))).toEqual(idsOf(build(1)));
  });
});

describe("a rule of one's own", () => {
  // Normalization across one channel is the channel's own affair.
  const model = between((g, x) => addNode(g, "LRN", [x], shapeOf(x), { size: int(1) }));
  const rules = new Map<string, ChannelRule>([
    ...channelRules,
    [
      "LRN",
      {
        spread(node, port, context) {
          const [x] = node.inputs;
          if (x) context.couple(x, port.axis, node.output, port.axis);
        },
      },
    ],
  ]);

  it("opens what an unknown operator blocks, and cuts it right", async () => {
    expect(openWidths(model)).toEqual([]);
    const groups = findChannelGroups(model, { rules });
    expect(
      groups.filter(({ blocked: why }) => why === undefined).map(({ width }) => width),
    ).toEqual([8]);
    expect(await expectCutEqualsMasked(model, rules)).toBeGreaterThan(0);
  });
});
