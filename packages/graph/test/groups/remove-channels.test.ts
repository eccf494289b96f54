import {
  addNode,
  conv,
  createTestModel,
  depthwise,
  expectSameOutputs,
  intConstant,
  reshape,
  shapeOf,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  channelRules,
  checkModel,
  cloneModel,
  constantTensor,
  encodeModel,
  findChannelGroups,
  type Graph,
  GraphError,
  inferShapes,
  int,
  type Model,
  removeChannels,
  Tensor,
  tensorAttribute,
  type Value,
} from "../../src/index.ts";
import { cut, expectCutEqualsMasked, groupOf } from "./support.ts";

function chain(): Model {
  return createTestModel({
    inputs: { x: [1, 3, 8, 8] },
    build: (graph, x) => conv(graph, unary(graph, "Relu", conv(graph, x, { out: 8 })), { out: 4 }),
  });
}

/** Of the only group that can be cut. */
function freeId(model: Model): string {
  const free = findChannelGroups(model).filter(({ blocked }) => blocked === undefined);
  if (free.length !== 1 || !free[0]) throw new Error(`${free.length} free groups`);
  return free[0].id;
}

function refusal(model: Model, keep: Readonly<Record<string, readonly number[]>>): string {
  const before = encodeModel(model);
  const shapes = inferShapes(model);
  const groups = findChannelGroups(model, { shapes });
  try {
    removeChannels(model, { groups, keep: new Map(Object.entries(keep)), shapes });
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    expect(Buffer.compare(encodeModel(model), before)).toBe(0);
    return error.code;
  }
  return "none";
}

describe("removeChannels refuses, and leaves every byte as it was,", () => {
  const model = chain();
  const id = freeId(model);
  const output = model.graph.outputs[0]?.name ?? "";
  it.each<[string, Record<string, number[]>]>([
    ["a group that is not there", { nowhere: [0] }],
    ["a blocked group", { [groupOf(model, output, 1).id]: [0] }],
    ["to keep nothing", { [id]: [] }],
    ["channels that are not ascending", { [id]: [1, 0] }],
    ["a channel twice", { [id]: [1, 1] }],
    ["a channel beyond the width", { [id]: [0, 8] }],
    ["a channel below 0", { [id]: [-1, 2] }],
    ["half a channel", { [id]: [0.5, 2] }],
    ["NaN", { [id]: [Number.NaN] }],
    ["a bad group after a good one", { [id]: [0, 1], nowhere: [0] }],
  ])("%s", (_name, keep) => {
    expect(refusal(model, keep)).toBe("invalid-option");
  });

  it("a rule that leaves the model inconsistent", () => {
    // It couples, but does not say that the first half of the channels has another place.
    const wrong = createTestModel({
      inputs: { x: [1, 3, 8, 8] },
      build: (graph, x) => {
        const y = conv(graph, x, { out: 8 });
        return conv(graph, reshape(graph, y, [1, 8, 64, 1]), { out: 2, kernel: 1 });
      },
    });
    const { rewrite: _, ...spreadOnly } = channelRules.get("Reshape") ?? { spread: () => {} };
    const rules = new Map([...channelRules, ["Reshape", spreadOnly]]);
    const before = encodeModel(wrong);
    expect(() => cut(wrong, { [freeId(wrong)]: [0, 1, 2] }, rules)).toThrow(GraphError);
    const shapes = inferShapes(wrong);
    const groups = findChannelGroups(wrong, { shapes, rules });
    const keep = new Map([[freeId(wrong), [0, 1, 2]]]);
    expect(() => removeChannels(wrong, { groups, keep, shapes, rules })).toThrow(GraphError);
    expect(Buffer.compare(encodeModel(wrong), before)).toBe(0);
  });
});

describe("removeChannels", () => {
  it("changes nothing where everything is kept", () => {
    const model = chain();
    const before = encodeModel(model);
    const all = Array.from({ length: 8 }, (_, channel) => channel);
    expect(Buffer.compare(encodeModel(cut(model, { [freeId(model)]: all })), before)).toBe(0);
    expect(Buffer.compare(encodeModel(cut(model, {})), before)).toBe(0);
  });

  it("keeps exactly the filters, biases and columns that it is told to", () => {
    const model = chain();
    const pruned = cut(model, { [freeId(model)]: [1, 4, 6] });
    const rows = (from: Model, name: string, size: number): number[][] => {
      const numbers = [...(from.graph.value(name)?.tensor?.toNumbers() ?? [])];
      return Array.from({ length: numbers.length / size }, (_, row) =>
        numbers.slice(row * size, (row + 1) * size),
      );
    };
    const picked = (name: string, size: number): (number[] | undefined)[] =>
      [1, 4, 6].map((channel) => rows(model, name, size)[channel]);
    expect(rows(pruned, "conv_w", 27)).toEqual(picked("conv_w", 27));
    expect(rows(pruned, "conv_b", 1)).toEqual(picked("conv_b", 1));
    expect(pruned.graph.value("conv_w_2")?.tensor?.dims).toEqual([4, 3, 3, 3]);
    expect(rows(pruned, "conv_w_2", 9)).toEqual(
      rows(model, "conv_w_2", 9).filter((_, index) => [1, 4, 6].includes(index % 8)),
    );
  });

  it("rewrites the declared shapes, and leaves symbols and unknown ones", () => {
    const model = chain();
    const [first, second] = [...model.graph.nodes];
    if (first) first.output.type = { kind: "tensor", dtype: "float32", shape: [1, 8, 8, 8] };
    if (second)
      second.output.type = { kind: "tensor", dtype: "float32", shape: ["n", 8, undefined, "w"] };
    const { graph } = cut(model, { [freeId(model)]: [0, 7] });
    const shapeAt = (index: number): unknown => {
      const type = [...graph.nodes][index]?.output.type;
      return type?.kind === "tensor" ? type.shape : undefined;
    };
    expect(shapeAt(0)).toEqual([1, 2, 8, 8]);
    expect(shapeAt(1)).toEqual(["n", 2, undefined, "w"]);
  });

  it("rewrites the group attribute of grouped convolutions", () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 8, 8] },
      build: (graph, x) => conv(graph, depthwise(graph, conv(graph, x, { out: 8 })), { out: 4 }),
    });
    const [, middle] = [...cut(model, { [freeId(model)]: [0, 2, 5] }).graph.nodes];
    expect(middle?.int("group")).toBe(3);
  });

  it("slices weights that are Constant nodes", async () => {
    const model = chain();
    for (const value of [...model.graph.initializers]) {
      if (!value.tensor) continue;
      const [before] = model.graph.nodes;
      const node = model.graph.createNode({
        opType: "Constant",
        inputs: [],
        attributes: { value: tensorAttribute(value.tensor) },
        ...(before ? { before } : {}),
      });
      value.replaceAllUsesWith(node.output);
      model.graph.removeInitializer(value);
    }
    expect(model.graph.initializers).toEqual([]);
    expect(await expectCutEqualsMasked(model)).toBeGreaterThan(0);
    const pruned = cut(model, { [freeId(model)]: [3] });
    const dims = [...pruned.graph.values].map((value) => constantTensor(value)?.dims.join());
    expect(dims).toContain("1,3,3,3");
    expect(dims).toContain("4,1,3,3");
  });

  it("does not touch the original where a copy is cut", () => {
    const model = chain();
    const before = encodeModel(model);
    cut(model, { [freeId(model)]: [3] });
    expect(Buffer.compare(encodeModel(model), before)).toBe(0);
  });
});

/** Two branches of 8 channels; `build` gets both and the constant that they share. */
function shared(build: (graph: Graph, a: Value, b: Value) => readonly [Value, Value]): Model {
  return createTestModel({
    inputs: { x: [1, 3, 8, 8] },
    build: (graph, x) => {
      const [a, b] = build(graph, conv(graph, x, { out: 8 }), conv(graph, x, { out: 8 }));
      return [conv(graph, a, { out: 2, kernel: 1 }), conv(graph, b, { out: 2, kernel: 1 })];
    },
  });
}

const reshapeBy = (graph: Graph, x: Value, by: Value): Value =>
  addNode(graph, "Reshape", [x, by], [1, 8, 64, 1]);

describe("a constant that several nodes share", () => {
  const cases: readonly (readonly [string, Model])[] = [
    [
      "a shape",
      shared((graph, a, b) => {
        const shape = intConstant(graph, "shape", [1, 8, 64, 1]);
        return [reshapeBy(graph, a, shape), reshapeBy(graph, b, shape)];
      }),
    ],
    [
      "a shape in a Constant node",
      shared((graph, a, b) => {
        const value = tensorAttribute(Tensor.int64([1, 8, 64, 1]));
        const shape = addNode(graph, "Constant", [], [4], { value });
        return [reshapeBy(graph, a, shape), reshapeBy(graph, b, shape)];
      }),
    ],
    [
      "a shape put together from parts",
      shared((graph, a, b) => {
        const batch = addNode(
          graph,
          "Slice",
          [
            addNode(graph, "Shape", [a], [4]),
            intConstant(graph, "s", [0]),
            intConstant(graph, "e", [1]),
          ],
          [1],
        );
        const rest = intConstant(graph, "rest", [8, 64, 1]);
        const shape = addNode(graph, "Concat", [batch, rest], [4], { axis: int(0) });
        return [reshapeBy(graph, a, shape), reshapeBy(graph, b, shape)];
      }),
    ],
    [
      "an output shape of Expand",
      shared((graph, a, b) => {
        const shape = intConstant(graph, "shape", [1, 8, 8, 8]);
        const expand = (x: Value): Value => addNode(graph, "Expand", [x, shape], shapeOf(x));
        return [expand(a), expand(b)];
      }),
    ],
    [
      "indices",
      shared((graph, a, b) => {
        const indices = intConstant(graph, "indices", [7, 6, 5, 4, 3, 2, 1, 0]);
        const gather = (x: Value): Value =>
          addNode(graph, "Gather", [x, indices], shapeOf(x), { axis: int(1) });
        return [gather(a), gather(b)];
      }),
    ],
    [
      "sizes of Split",
      shared((graph, a, b) => {
        const sizes = intConstant(graph, "sizes", [8]);
        const part = (x: Value): Value =>
          addNode(graph, "Split", [x, sizes], shapeOf(x), { axis: int(1) });
        return [part(a), part(b)];
      }),
    ],
  ];

  it.each(cases)("stays right for the others where one is cut: %s", async (_name, model) => {
    expect(await expectCutEqualsMasked(model)).toBeGreaterThan(0);
  });

  it("joins the channels of its readers where it is a weight", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 8, 8] },
      build: (graph, x) => {
        const first = conv(graph, x, { out: 8 });
        const weight = first.producer?.input(1);
        const second = addNode(graph, "Conv", [unary(graph, "Neg", x), weight], [1, 8, 6, 6]);
        return [conv(graph, first, { out: 2 }), conv(graph, second, { out: 2 })];
      },
    });
    const free = findChannelGroups(model).filter(({ blocked }) => blocked === undefined);
    expect(free.map(({ width }) => width)).toEqual([8]);
    expect(await expectCutEqualsMasked(model)).toBeGreaterThan(0);
  });
});

it("a model that is cut to a single channel everywhere still runs and checks", async () => {
  const model = chain();
  const pruned = cut(model, { [freeId(model)]: [5] });
  expect(checkModel(pruned)).toEqual([]);
  await expectSameOutputs(pruned, cloneModel(pruned));
});
