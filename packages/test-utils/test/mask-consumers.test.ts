import {
  type ChannelGroup,
  cloneModel,
  encodeModel,
  type GroupMember,
  type Model,
  type PruningPlan,
  Tensor,
} from "@ocrslim/graph";
import {
  channelLinear,
  concat,
  conv,
  createTestModel,
  expectSameOutputs,
  flatten,
  gemm,
  maskConsumers,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";

const range = (count: number, first = 0): Int32Array =>
  Int32Array.from({ length: count }, (_, index) => first + index);

const planOf = (keep: Record<string, readonly number[]>, width: number): PruningPlan => ({
  formatVersion: 1,
  inputShapes: {},
  groups: Object.entries(keep).map(([id, kept]) => ({ id, width, keep: kept })),
  skipped: [],
  provenance: {},
});

const activation = (value: string, channelOf: Int32Array, axis = 1): GroupMember => ({
  value,
  axis,
  role: "activation",
  channelOf,
});

const consumer = (
  model: Model,
  opType: string,
  nth: number,
  channelOf: Int32Array,
): GroupMember => {
  const node = [...model.graph.nodes].filter((candidate) => candidate.opType === opType)[nth]!;
  return {
    value: node.input(1)!.name,
    axis: 1,
    role: "consumer",
    node: node.key,
    opType,
    input: 0,
    channelOf,
  };
};

/** Zeroes the weight's elements of which the index along an axis is named: a mask by other means. */
function zeroWeight(model: Model, name: string, axis: number, indices: readonly number[]): Model {
  const copy = cloneModel(model);
  const value = copy.graph.value(name)!;
  const { dims } = value.tensor!;
  const stride = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const data = value
    .tensor!.float32Values()
    .map((element, at) => (indices.includes(Math.floor(at / stride) % dims[axis]!) ? 0 : element));
  value.tensor = Tensor.float32(dims, data);
  return copy;
}

describe("maskConsumers", () => {
  const chain = createTestModel({
    inputs: { x: [1, 3, 6, 6] },
    build: (graph, x) =>
      conv(graph, unary(graph, "Sigmoid", conv(graph, x, { out: 4 })), { out: 2 }),
  });
  const chainGroup: ChannelGroup = {
    id: "g",
    width: 4,
    members: [activation("Sigmoid", range(4)), consumer(chain, "Conv", 1, range(4))],
  };

  it("is the original with the consumer's weight slices zeroed", async () => {
    const masked = maskConsumers(chain, [chainGroup], planOf({ g: [0, 3] }, 4));
    const zeroed = zeroWeight(chain, "conv_w_2", 1, [1, 2]);
    await expectSameOutputs(masked, zeroed);
    await expect(expectSameOutputs(masked, chain)).rejects.toThrow("numbers differ");
  });

  it("leaves the original as it is, and changes nothing if all is kept", () => {
    const before = encodeModel(chain);
    const masked = maskConsumers(chain, [chainGroup], planOf({ g: [0, 1, 2, 3] }, 4));
    expect(encodeModel(masked)).toEqual(before);
    maskConsumers(chain, [chainGroup], planOf({ g: [0] }, 4));
    expect(encodeModel(chain)).toEqual(before);
  });

  it("joins the masks of groups that meet in a Concat, the same value twice among them", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 6, 6] },
      build: (graph, x) => {
        const [a, b] = [conv(graph, x, { out: 2 }), conv(graph, x, { out: 2 })];
        return conv(graph, concat(graph, [a, b, a]), { out: 3 });
      },
    });
    const maps = { a: Int32Array.of(0, 1, -1, -1, 0, 1), b: Int32Array.of(-1, -1, 0, 1, -1, -1) };
    const groups = Object.entries(maps).map(([id, map]) => ({
      id,
      width: 2,
      members: [activation("Concat", map), consumer(model, "Conv", 2, map)],
    }));
    const masked = maskConsumers(model, groups, planOf({ a: [1], b: [0] }, 2));
    await expectSameOutputs(masked, zeroWeight(model, "conv_w_3", 1, [0, 3, 4]));
  });

  it("finds the axis of what enters the consumer, at any rank", async () => {
    const flat = createTestModel({
      inputs: { x: [1, 3, 2, 2] },
      build: (graph, x) => gemm(graph, flatten(graph, conv(graph, x, { out: 3 })), { out: 2 }),
    });
    const flatMap = Int32Array.from({ length: 12 }, (_, index) => index >> 2);
    const flatGroup = {
      id: "g",
      width: 3,
      members: [activation("Flatten", flatMap), consumer(flat, "Gemm", 0, flatMap)],
    };
    await expectSameOutputs(
      maskConsumers(flat, [flatGroup], planOf({ g: [0, 2] }, 3)),
      zeroWeight(flat, "gemm_w", 1, [4, 5, 6, 7]),
    );
    const last = createTestModel({
      inputs: { x: [1, 3, 2, 2] },
      build: (graph, x) => channelLinear(graph, conv(graph, x, { out: 3 }), { out: 2 }),
    });
    const lastGroup = {
      id: "g",
      width: 3,
      members: [
        activation("Conv", range(3)),
        activation("Transpose", range(3), 3),
        consumer(last, "MatMul", 0, range(3)),
      ],
    };
    await expectSameOutputs(
      maskConsumers(last, [lastGroup], planOf({ g: [2] }, 3)),
      zeroWeight(last, "matmul_w", 0, [0, 1]),
    );
  });

  it("throws if the group does not say what enters a consumer", () => {
    const bare = { ...chainGroup, members: chainGroup.members.slice(1) };
    expect(() => maskConsumers(chain, [bare], planOf({ g: [0] }, 4))).toThrow(
      'no activation "Sigmoid"',
    );
    const lost = { ...chainGroup, members: [{ ...chainGroup.members[1]!, node: "nowhere" }] };
    expect(() => maskConsumers(chain, [lost], planOf({ g: [0] }, 4))).toThrow("lead to no value");
    expect(() => maskConsumers(chain, [], planOf({ g: [0] }, 4))).toThrow("is not there");
    expect(() => maskConsumers(chain, [chainGroup], planOf({ g: [0] }, 5))).toThrow("4 wide");
  });
});
