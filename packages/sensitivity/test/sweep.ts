import {
  type ChannelGroup,
  type Criterion,
  createRandom,
  type Evaluate,
  type GroupMember,
  type Model,
  type PruningPlan,
  Tensor,
} from "@ocrslim/graph";
import { createRuntime, type RuntimeTensor, randomFeeds } from "@ocrslim/runtime";
import { conv, createTestModel, unary } from "@ocrslim/test-utils";

/** x → Conv 8 → Relu → Conv 6 → Relu → Conv 2, and the groups of its inner channels. */
export const model: Model = createTestModel({
  inputs: { x: [1, 3, 6, 6] },
  build: (graph, x) => {
    const first = unary(graph, "Relu", conv(graph, x, { out: 8 }));
    return conv(graph, unary(graph, "Relu", conv(graph, first, { out: 6 })), { out: 2 });
  },
});

const member = (
  width: number,
  value: string,
  axis: number,
  role: GroupMember["role"],
  rest: Partial<GroupMember> = {},
): GroupMember => ({
  value,
  axis,
  role,
  channelOf: Int32Array.from({ length: width }, (_, index) => index),
  ...rest,
});

const innerGroup = (id: string, width: number, suffix: string, next: string): ChannelGroup => ({
  id,
  width,
  members: [
    member(width, `conv_w${suffix}`, 0, "producer", { node: id, opType: "Conv" }),
    member(width, `conv_b${suffix}`, 0, "parameter", { node: id, opType: "Conv" }),
    member(width, id, 1, "activation"),
    member(width, `Relu${suffix}`, 1, "activation"),
    member(width, `conv_w${next}`, 1, "consumer", {
      node: `Conv${next}`,
      opType: "Conv",
      input: 0,
    }),
  ],
});

export const groups: readonly ChannelGroup[] = [
  innerGroup("Conv", 8, "", "_2"),
  innerGroup("Conv_2", 6, "_2", "_3"),
  { id: "Conv_3", width: 2, members: [], blocked: 'they are the graph output "Conv_3"' },
  { id: "narrow", width: 1, members: [] },
];

export const inputShapes: Readonly<Record<string, readonly number[]>> = { x: [1, 3, 6, 6] };

/** Slices every constant of a group. All that pruning a plain chain takes. */
export function prune(copy: Model, plan: PruningPlan): Model {
  for (const { id, keep } of plan.groups) {
    const group = groups.find((candidate) => candidate.id === id)!;
    for (const { value, axis } of group.members) {
      const constant = copy.graph.value(value);
      if (constant?.tensor) constant.tensor = takeSlices(constant.tensor, axis, keep);
    }
  }
  return copy;
}

function takeSlices(tensor: Tensor, axis: number, keep: readonly number[]): Tensor {
  const { dims } = tensor;
  const stride = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const data = tensor
    .float32Values()
    .filter((_, index) => keep.includes(Math.floor(index / stride) % dims[axis]!));
  return Tensor.float32(dims.with(axis, keep.length), data);
}

/** Sum of absolute producer weights. */
export const l1: Criterion = (group, { tensorOf }) => {
  const weight = tensorOf(group.members[0]!.value).float32Values();
  const scores = new Float64Array(group.width);
  weight.forEach((element, index) => {
    scores[Math.floor((index * group.width) / weight.length)]! += Math.abs(element);
  });
  return scores;
};

const feeds = randomFeeds(model, {}, createRandom(5));
const runtime = createRuntime({ threads: 1 });
let reference: RuntimeTensor | undefined;

/** 1 / (1 + mean squared distance from the unpruned model's output), on one "image". */
export const evaluate: Evaluate = async (variant) => {
  reference ??= await outputOf(model);
  const output = await outputOf(variant);
  const expected = reference.data as Float32Array;
  const sum = (output.data as Float32Array).reduce(
    (total, element, index) => total + (element - expected[index]!) ** 2,
    0,
  );
  return { metric: 1 / (1 + sum / expected.length), images: 1 };
};

async function outputOf(variant: Model): Promise<RuntimeTensor> {
  const session = await runtime.load(variant);
  const outputs = await session.run(feeds);
  await session.dispose();
  return Object.values(outputs)[0]!;
}
