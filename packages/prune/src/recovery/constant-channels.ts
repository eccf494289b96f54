import {
  type ChannelGroup,
  constantTensor,
  findChannelGroups,
  type GroupMember,
  inferShapes,
  type Model,
  type Node,
  type PlannedGroup,
  type PruningPlan,
  type ShapeInference,
  type SkippedGroup,
} from "@ocrslim/graph";
import { createCostModel } from "../plan/cost-model.ts";
import { findDataMember } from "../statistics/activation-statistics.ts";
import { inferRanges } from "./ranges/infer-ranges.ts";
import { touchesPadding } from "./ranges/padding.ts";

/** Options of {@link planConstantChannels}. */
export interface PlanConstantChannelsOptions {
  /** Shapes of the inputs, by name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** The channel groups of the model. Default: found at `inputShapes`. */
  readonly groups?: readonly ChannelGroup[];
}

/**
 * Returns a plan that removes every channel which always holds the same number wherever it is read,
 * and whose removal can be made up for exactly: found from the weights alone, by interval
 * arithmetic (a filter of zeros; a ReLU that nothing can open). Carry it out with
 * `foldConstantChannels`, then `pruneChannels`: the outputs stay what they were.
 * @category Analysis
 */
export function planConstantChannels(
  model: Model,
  options: PlanConstantChannelsOptions,
): PruningPlan {
  const shapes = inferShapes(model, { inputShapes: options.inputShapes });
  const groups = options.groups ?? findChannelGroups(model, { shapes });
  const constants = findConstantChannels(model, groups, shapes);
  const planned: PlannedGroup[] = [];
  const skipped: SkippedGroup[] = [];
  for (const group of groups) {
    const constant = constants.get(group.id);
    if (group.blocked !== undefined) {
      skipped.push({ group: group.id, reason: `blocked: ${group.blocked}` });
    } else if (!constant || constant.size === 0 || group.width < 2) {
      skipped.push({ group: group.id, reason: "no channel is constant and can be folded exactly" });
    } else {
      const channels = Array.from({ length: group.width }, (_, channel) => channel);
      const keep = channels.filter((channel) => !constant.has(channel));
      planned.push({ id: group.id, width: group.width, keep: keep.length > 0 ? keep : [0] });
    }
  }
  const cost = createCostModel(model, groups, shapes);
  return {
    formatVersion: 1,
    inputShapes: options.inputShapes,
    groups: planned,
    skipped,
    provenance: {
      criterion: "constantChannels",
      original: cost.original,
      predicted: cost.costOfPlan({ groups: planned }),
    },
  };
}

/**
 * The channels of each group, by id, that are constant at all consumers and can be folded into their
 * biases exactly.
 */
export function findConstantChannels(
  model: Model,
  groups: readonly ChannelGroup[],
  shapes: ShapeInference,
): ReadonlyMap<string, ReadonlySet<number>> {
  const rangeOf = inferRanges(model, shapes);
  const nodes = new Map<string, Node>();
  for (const node of model.graph.nodes) nodes.set(node.key, node);
  const found = new Map<string, ReadonlySet<number>>();
  for (const group of groups) {
    const consumers = group.members.filter(({ role }) => role === "consumer");
    if (group.blocked !== undefined || consumers.length === 0) continue;
    const constant = new Set(Array.from({ length: group.width }, (_, channel) => channel));
    for (const consumer of consumers) {
      const node = nodes.get(consumer.node ?? "");
      const data = node?.input(consumer.input ?? 0);
      const member = data && findDataMember(group, data.name);
      if (!node || !data || !member) {
        constant.clear();
        break;
      }
      const levels = constantLevels(rangeOf(data), member);
      const foldable = foldsAnyConstant(node, consumer);
      const foldsZero = ZERO_FOLDING.has(node.opType);
      member.channelOf.forEach((channel, index) => {
        const level = levels[index] ?? Number.NaN;
        if (!(foldable ? Number.isFinite(level) : foldsZero && level === 0)) {
          constant.delete(channel);
        }
      });
    }
    found.set(group.id, constant);
  }
  return found;
}

/** For each index of a value, the number it always holds; NaN if it varies. */
function constantLevels(
  range: { readonly axis: number; readonly low: Float64Array; readonly high: Float64Array },
  { axis, channelOf }: GroupMember,
): Float64Array {
  const levels = new Float64Array(channelOf.length).fill(Number.NaN);
  if (range.axis !== axis && range.axis >= 0) return levels;
  return levels.map((_, index) => {
    const at = range.axis < 0 ? 0 : index;
    const low = range.low[at];
    return low !== undefined && low === range.high[at] ? low : Number.NaN;
  });
}

const ZERO_FOLDING: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** Whether each output gains the same from a constant input, at all positions. */
function foldsAnyConstant(node: Node, { input }: GroupMember): boolean {
  const operand = node.input(input === 0 ? 1 : 0);
  const weight = operand && constantTensor(operand);
  if (weight?.dtype !== "float32" && weight?.dtype !== "float64") return false;
  const kernel = weight.dims.slice(2);
  const strides = node.ints("strides") ?? [];
  if (node.opType === "Conv") return !touchesPadding(node, kernel);
  if (node.opType === "ConvTranspose") {
    const plain = [...kernel, ...strides].every((size) => size === 1);
    const pads = [...(node.ints("pads") ?? []), ...(node.ints("output_padding") ?? [])];
    return plain && pads.every((pad) => pad === 0) && !node.attribute("output_shape");
  }
  return node.opType === "Gemm" || node.opType === "MatMul";
}
