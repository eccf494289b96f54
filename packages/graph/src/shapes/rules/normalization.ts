import { formatDims, normalizeAxis } from "../dims.ts";
import { mismatch, type ShapeRule, type ShapeRuleContext } from "../shape-rule.ts";

/** Every per-channel input must have as many elements as the input has channels (axis 1). */
function assertPerChannel(context: ShapeRuleContext, indices: readonly number[]): void {
  const dims = context.dims(0);
  if (!dims) return;
  const channelCount = dims.length > 1 ? dims[1] : 1;
  for (const index of indices) {
    const own = context.dims(index);
    if (own && (own.length !== 1 || own[0] !== channelCount)) {
      throw mismatch(
        context.node,
        `input ${index} has shape ${formatDims(own)}, but the input ${formatDims(dims)} has ${channelCount} channels`,
      );
    }
  }
}

const batchNormalization: ShapeRule = (context) => {
  assertPerChannel(context, [1, 2, 3, 4]);
  const statistics = { dims: context.dims(3), dtype: context.dtype(3) };
  return [
    { dims: context.dims(0), dtype: context.dtype(0) },
    statistics,
    statistics,
    statistics,
    statistics,
  ];
};

const instanceNormalization: ShapeRule = (context) => {
  assertPerChannel(context, [1, 2]);
  return [{ dims: context.dims(0), dtype: context.dtype(0) }];
};

const groupNormalization: ShapeRule = (context) => {
  const dims = context.dims(0);
  const groupCount = context.node.int("num_groups", 1);
  const channelCount = dims?.[1];
  if (channelCount !== undefined && channelCount % groupCount !== 0) {
    throw mismatch(
      context.node,
      `${channelCount} channels cannot be split into num_groups = ${groupCount}`,
    );
  }
  if (context.opset >= 21) assertPerChannel(context, [1, 2]);
  return [{ dims, dtype: context.dtype(0) }];
};

/** Also gives the mean and the inverse deviation, with the normalised axes reduced to 1. */
const layerNormalization: ShapeRule = (context) => {
  const dims = context.dims(0);
  if (!dims) return [{ dtype: context.dtype(0) }];
  const axis = normalizeAxis(context.node, context.node.int("axis", -1), dims.length);
  const reduced = { dims: dims.map((dim, i) => (i < axis ? dim : 1)), dtype: "float32" as const };
  return [{ dims, dtype: context.dtype(0) }, reduced, reduced];
};

/** Normalisations. */
export const normalizationRules: readonly (readonly [string, ShapeRule])[] = [
  ["BatchNormalization", batchNormalization],
  ["InstanceNormalization", instanceNormalization],
  ["GroupNormalization", groupNormalization],
  ["LayerNormalization", layerNormalization],
  ["RMSNormalization", layerNormalization],
];
