import type { ChannelGroup, CriterionContext, GroupMember, Tensor } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";

/** A member of a group that is a constant, with its data. */
export interface WeightMember {
  readonly member: GroupMember;
  readonly tensor: Tensor;
}

/**
 * Chooses the members that a score looks at, out of all constants of the group. Any function of
 * this shape is a selector.
 */
export type MemberSelector = (members: readonly WeightMember[]) => readonly WeightMember[];

/**
 * All weights that multiply the channels: those that compute them, depthwise filters among them, and
 * those that read them. Biases and other parameters with one value per channel do not count.
 */
export const allWeights: MemberSelector = (members) =>
  members.filter(({ member }) => member.role !== "parameter");

/** The weights that compute the channels. */
export const producers: MemberSelector = (members) =>
  members.filter(({ member }) => member.role === "producer");

/** The weights that read the channels. */
export const consumers: MemberSelector = (members) =>
  members.filter(({ member }) => member.role === "consumer");

/** The first weight that computes the channels: PaddleSlim's "master". */
export const firstProducer: MemberSelector = (members) => producers(members).slice(0, 1);

/**
 * The selected constant members of a group.
 * @throws PruneError `not-applicable` if none is selected.
 */
export function selectWeights(
  group: ChannelGroup,
  context: CriterionContext,
  select: MemberSelector,
  criterion: string,
): readonly WeightMember[] {
  const computed = new Set<string>();
  for (const { role, value } of group.members) if (role === "activation") computed.add(value);
  const weights: WeightMember[] = [];
  for (const member of group.members) {
    if (member.role === "activation" || computed.has(member.value)) continue;
    const tensor = context.tensorOf(member.value);
    if (tensor.dims[member.axis] !== member.channelOf.length) {
      throw new PruneError(
        "invalid-group",
        `${criterion}: "${member.value}" has dims [${tensor.dims}], but group "${group.id}" maps ${member.channelOf.length} indices of axis ${member.axis}; find the groups of this model again`,
        { group: group.id, value: member.value },
      );
    }
    weights.push({ member, tensor });
  }
  const selected = select(weights);
  if (selected.length === 0) {
    throw new PruneError(
      "not-applicable",
      `${criterion}: group "${group.id}" has no weights to score by`,
      { group: group.id },
    );
  }
  return selected;
}

/** The elements of a weight; a view where that is possible. */
export function weightValues(tensor: Tensor): Float32Array | Float64Array {
  return tensor.dtype === "float32" ? tensor.float32Values() : tensor.toNumbers();
}

/** How a row-major tensor is traversed along one axis. */
export interface AxisLayout {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** Sizes before, along and after an axis. */
export function axisLayout(dims: readonly number[], axis: number): AxisLayout {
  let outer = 1;
  let inner = 1;
  for (let index = 0; index < axis; index++) outer *= dims[index] ?? 1;
  for (let index = axis + 1; index < dims.length; index++) inner *= dims[index] ?? 1;
  return { outer, length: dims[axis] ?? 1, inner };
}

/** Σ|w| of each slice along an axis. */
export function absoluteSums(tensor: Tensor, axis: number): Float64Array {
  const values = weightValues(tensor);
  const { outer, length, inner } = axisLayout(tensor.dims, axis);
  const out = new Float64Array(length);
  let at = 0;
  for (let before = 0; before < outer; before++) {
    for (let index = 0; index < length; index++) {
      let sum = 0;
      for (const end = at + inner; at < end; at++) sum += Math.abs(values[at] as number);
      out[index] = (out[index] as number) + sum;
    }
  }
  return out;
}

/** Σw² of each slice along an axis. */
export function squareSums(tensor: Tensor, axis: number): Float64Array {
  const values = weightValues(tensor);
  const { outer, length, inner } = axisLayout(tensor.dims, axis);
  const out = new Float64Array(length);
  let at = 0;
  for (let before = 0; before < outer; before++) {
    for (let index = 0; index < length; index++) {
      let sum = 0;
      for (const end = at + inner; at < end; at++) {
        const value = values[at] as number;
        sum += value * value;
      }
      out[index] = (out[index] as number) + sum;
    }
  }
  return out;
}

/** Adds what belongs to the same channel; indices of other groups are left out. */
export function sumByChannel(
  perIndex: Float64Array,
  channelOf: Int32Array,
  width: number,
): Float64Array {
  const out = new Float64Array(width);
  for (let index = 0; index < perIndex.length; index++) {
    const channel = channelOf[index] ?? -1;
    if (channel >= 0) out[channel] = (out[channel] ?? 0) + (perIndex[index] ?? 0);
  }
  return out;
}

/** Averages what belongs to the same channel (PaddleSlim's way with grouped convolutions). */
export function meanByChannel(
  perIndex: Float64Array,
  channelOf: Int32Array,
  width: number,
): Float64Array {
  const counts = new Float64Array(width);
  for (const channel of channelOf) if (channel >= 0) counts[channel] = (counts[channel] ?? 0) + 1;
  return sumByChannel(perIndex, channelOf, width).map(
    (value, channel) => value / Math.max(1, counts[channel] ?? 1),
  );
}
