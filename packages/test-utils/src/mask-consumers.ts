import {
  type ChannelGroup,
  cloneModel,
  type Graph,
  type GroupMember,
  int,
  type Model,
  type Node,
  type PruningPlan,
  Tensor,
  tensorAttribute,
  type Value,
} from "@ocrslim/graph";

/**
 * What a pruned model is measured against: a copy of the original in which the channels that a plan
 * removes are zeroed where they enter their consumers. Shapes stay as they are.
 * @throws Error if a consumer can not be found, or a group does not say how its channels lie in what
 * the consumer reads.
 */
export function maskConsumers(
  model: Model,
  groups: readonly ChannelGroup[],
  plan: PruningPlan,
): Model {
  const copy = cloneModel(model);
  const nodes = new Map<string, Node>();
  for (const node of copy.graph.nodes) nodes.set(node.key, node);
  // Of one input and axis: several groups may meet there (a Concat).
  const masks = new Map<string, { node: Node; input: number; axis: number; mask: Float32Array }>();
  for (const { id, width, keep } of plan.groups) {
    const group = groups.find((candidate) => candidate.id === id);
    if (!group) throw new Error(`maskConsumers: the plan names group "${id}", which is not there`);
    if (group.width !== width) {
      throw new Error(
        `maskConsumers: group "${id}" is ${group.width} wide, the plan says ${width}`,
      );
    }
    const kept = new Set(keep);
    for (const member of group.members) {
      if (member.role !== "consumer") continue;
      const { node, input, data } = locate(group, member, nodes);
      for (const { axis, channelOf } of dataMembers(group, member, data)) {
        const key = `${node.key}\n${input}\n${axis}`;
        const entry = masks.get(key) ?? {
          node,
          input,
          axis,
          mask: new Float32Array(channelOf.length).fill(1),
        };
        channelOf.forEach((channel, index) => {
          if (channel >= 0 && !kept.has(channel)) entry.mask[index] = 0;
        });
        masks.set(key, entry);
      }
    }
  }
  for (const { node, input, axis, mask } of masks.values()) {
    const data = node.input(input);
    if (data && mask.includes(0))
      node.setInput(input, insertMask(copy.graph, node, data, axis, mask));
  }
  return copy;
}

function locate(
  group: ChannelGroup,
  member: GroupMember,
  nodes: ReadonlyMap<string, Node>,
): { node: Node; input: number; data: Value } {
  const node = nodes.get(member.node ?? "");
  const input = member.input;
  const data = input === undefined ? undefined : node?.input(input);
  if (!node || input === undefined || !data) {
    throw new Error(
      `maskConsumers: consumer "${member.value}" of group "${group.id}" names node "${member.node}" and input ${member.input}, which lead to no value`,
    );
  }
  return { node, input, data };
}

/** How the group's channels lie in the activation that the consumer reads. */
function dataMembers(
  group: ChannelGroup,
  member: GroupMember,
  data: Value,
): readonly GroupMember[] {
  const found = group.members.filter(
    ({ role, value }) => role === "activation" && value === data.name,
  );
  if (found.length > 0) return found;
  if (member.value === data.name) return [member];
  throw new Error(
    `maskConsumers: group "${group.id}" has consumer "${member.value}" but no activation "${data.name}", which that reads`,
  );
}

/** Mul by a mask along one axis. The rank is asked for at run time, so no shapes are needed. */
function insertMask(
  graph: Graph,
  node: Node,
  data: Value,
  axis: number,
  mask: Float32Array,
): Value {
  const create = (
    opType: string,
    inputs: readonly Value[],
    attributes: Parameters<Graph["createNode"]>[0]["attributes"] = {},
  ): Value => graph.createNode({ opType, inputs, attributes, before: node }).output;
  const constant = (name: string, tensor: Tensor): Value => graph.addInitializer(name, tensor);
  const rank = create("Shape", [create("Shape", [data])]);
  const after = create("Sub", [rank, constant("mask_axis", Tensor.int64([axis + 1]))]);
  const ones = create("ConstantOfShape", [after], { value: tensorAttribute(Tensor.int64([1])) });
  const length = constant("mask_length", Tensor.int64([mask.length]));
  const dims = create("Concat", [length, ones], { axis: int(0) });
  const flat = constant("mask", Tensor.float32([mask.length], mask));
  return create("Mul", [data, create("Reshape", [flat, dims])]);
}
