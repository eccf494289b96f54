import type { ChannelGroup } from "../contracts/channel-group.ts";
import { GraphError } from "../errors.ts";
import { cloneModel } from "../ir/clone.ts";
import { constantTensor, setConstantTensor } from "../ir/constants.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { takeIndices } from "../ir/take.ts";
import type { Value } from "../ir/value.ts";
import { inferShapes } from "../shapes/infer-shapes.ts";
import type { ShapeRule } from "../shapes/shape-rule.ts";
import { operatorName } from "../shapes/shape-rules.ts";
import type { ShapeInference } from "../shapes/types.ts";
import type { ChannelRule, KeptChannels } from "./channel-rule.ts";
import { channelRules } from "./channel-rules.ts";

/** What {@link removeChannels} works from. */
export interface RemoveChannelsOptions {
  /** Groups as `findChannelGroups` gives them for this very model. */
  readonly groups: readonly ChannelGroup[];
  /** Channels that stay, ascending, by group id; groups that are not named stay whole. */
  readonly keep: ReadonlyMap<string, readonly number[]>;
  /** Shapes as inferred for this very model. */
  readonly shapes: ShapeInference;
  /** Rules by operator; the table that the groups were found with. Default: `channelRules`. */
  readonly rules?: ReadonlyMap<string, ChannelRule>;
  /** Shape rules that `shapes` was inferred with, for the check of the result. Default: `shapeRules`. */
  readonly shapeRules?: ReadonlyMap<string, ShapeRule>;
}

/**
 * Removes channels from a model, in place: every member of each group is sliced along its axis, and
 * attributes and shape constants are rewritten. It is tried on a copy first, and the shapes of the
 * result are checked, so the model is changed only if all goes well.
 *
 * The result computes what the original would with the removed channels set to zero wherever they
 * are consumed.
 * @throws GraphError `invalid-option` if a group is unknown or blocked, or its channels are not
 *   ascending indices of which at least one stays; `unsupported` if the result would be inconsistent.
 */
export function removeChannels(model: Model, options: RemoveChannelsOptions): void {
  const kept = keptIndices(options.groups, options.keep);
  if (kept.size === 0) return;
  const trial = cloneModel(model);
  const twin = (value: Value): Value => model.graph.value(value.name) ?? value;
  const trialShapes: Pick<ShapeInference, "shapeOf" | "constantOf"> = {
    shapeOf: (value) => options.shapes.shapeOf(twin(value)),
    constantOf: (value) => options.shapes.constantOf(twin(value)),
  };
  const rules = options.rules ?? channelRules;
  const expected = apply(trial, kept, trialShapes, rules);
  verify(
    trial,
    (value) => expected.get(value) ?? trialShapes.shapeOf(value),
    options.shapes,
    options.shapeRules,
  );
  apply(model, kept, options.shapes, rules);
}

type KeptAxes = ReadonlyMap<number, Int32Array>;

function invalid(message: string): GraphError {
  return new GraphError("invalid-option", `removeChannels: ${message}`);
}

/**
 * Which indices stay on each axis of each value, ascending, for the channels that stay of each group;
 * values and axes that lose nothing are absent.
 * @throws GraphError `invalid-option` as {@link removeChannels}.
 */
export function keptIndices(
  groups: readonly ChannelGroup[],
  keep: RemoveChannelsOptions["keep"],
): ReadonlyMap<string, ReadonlyMap<number, Int32Array>> {
  const byId = new Map(groups.map((group) => [group.id, group]));
  const removed = new Map<string, Map<number, Uint8Array>>();
  for (const [id, channels] of keep) {
    const group = byId.get(id);
    if (!group) throw invalid(`there is no group "${id}" in this model; find the groups again`);
    if (channels.length === group.width) continue;
    if (group.blocked !== undefined)
      throw invalid(`group "${id}" is blocked (${group.blocked}); leave it whole`);
    const isKept = keptFlags(group, channels);
    for (const { value, axis, channelOf } of group.members) {
      const axes = removed.get(value) ?? new Map<number, Uint8Array>();
      removed.set(value, axes);
      const flags = axes.get(axis) ?? new Uint8Array(channelOf.length);
      axes.set(axis, flags);
      for (let index = 0; index < channelOf.length; index++) {
        const channel = channelOf[index] ?? -1;
        if (channel >= 0 && !isKept[channel]) flags[index] = 1;
      }
    }
  }
  return new Map(
    [...removed].map(([value, axes]) => [
      value,
      new Map([...axes].map(([axis, flags]) => [axis, indicesOf(flags)])),
    ]),
  );
}

function keptFlags(group: ChannelGroup, channels: readonly number[]): Uint8Array {
  if (channels.length === 0) {
    throw invalid(`group "${group.id}" would keep 0 of ${group.width} channels; keep at least one`);
  }
  const flags = new Uint8Array(group.width);
  let previous = -1;
  for (const channel of channels) {
    if (!Number.isInteger(channel) || channel <= previous || channel >= group.width) {
      throw invalid(
        `group "${group.id}" keeps channel ${channel} after ${previous}; channels must be ascending and below its width, ${group.width}`,
      );
    }
    flags[channel] = 1;
    previous = channel;
  }
  return flags;
}

function indicesOf(removed: Uint8Array): Int32Array {
  const indices: number[] = [];
  for (let index = 0; index < removed.length; index++) if (!removed[index]) indices.push(index);
  return Int32Array.from(indices);
}

/** Edits the model; returns the shapes its values should have now. */
function apply(
  model: Model,
  kept: ReadonlyMap<string, KeptAxes>,
  shapes: Pick<ShapeInference, "shapeOf" | "constantOf">,
  rules: ReadonlyMap<string, ChannelRule>,
): ReadonlyMap<Value, readonly number[]> {
  const axesOf = (value: Value): KeptAxes | undefined =>
    value.graph === model.graph ? kept.get(value.name) : undefined;
  const newShape = (value: Value): readonly number[] =>
    (shapes.shapeOf(value) ?? []).map((dim, axis) => axesOf(value)?.get(axis)?.length ?? dim);
  const context: KeptChannels = {
    opset: model.opset,
    indices: (value, axis) => axesOf(value)?.get(axis),
    oldShape: (value) => shapes.shapeOf(value) ?? [],
    newShape,
    constantOf: (value) => shapes.constantOf(value),
  };
  const affected = [...kept.keys()]
    .map((name) => model.graph.value(name))
    .filter((value) => value !== undefined);
  const expected = new Map(affected.map((value) => [value, newShape(value)]));
  for (const value of affected) sliceConstant(value, axesOf(value));
  const nodes = new Set<Node>();
  for (const node of model.graph.nodes) {
    if ([...node.inputs, ...node.outputs].some((value) => value && axesOf(value))) nodes.add(node);
  }
  for (const node of nodes) {
    const rule = rules.get(operatorName(node));
    rule?.rewrite?.(node, context);
  }
  for (const value of affected) {
    const { type } = value;
    if (type?.kind !== "tensor" || !type.shape) continue;
    const axes = axesOf(value);
    value.type = {
      ...type,
      shape: type.shape.map((dim, axis) =>
        typeof dim === "number" ? (axes?.get(axis)?.length ?? dim) : dim,
      ),
    };
  }
  return expected;
}

function sliceConstant(value: Value, axes: KeptAxes | undefined): void {
  let tensor = constantTensor(value);
  if (!tensor || !axes) return;
  for (const [axis, indices] of axes) {
    if (indices.length < (tensor.dims[axis] ?? 0)) tensor = takeIndices(tensor, axis, indices);
  }
  setConstantTensor(value, tensor);
}

/**
 * Infers the shapes of the edited copy, and compares them with what they should be: also those of
 * values without channels that go, which an edit may have reached by mistake.
 */
function verify(
  model: Model,
  expectedOf: (value: Value) => readonly number[] | undefined,
  before: ShapeInference,
  shapeRules: ReadonlyMap<string, ShapeRule> | undefined,
): void {
  const after = inferShapes(model, {
    inputShapes: before.inputShapes,
    ...(shapeRules ? { rules: shapeRules } : {}),
  });
  for (const value of model.graph.values) {
    const shape = expectedOf(value);
    if (!shape || (value.producer === undefined && value.tensor === undefined)) continue;
    const actual = after.shapeOf(value);
    if (!actual || actual.join() !== shape.join()) {
      const cause = after.issues.find((issue) => issue.severity === "error");
      throw new GraphError(
        "unsupported",
        `removeChannels: "${value.name}" would be [${actual ?? "unknown"}] instead of [${shape}]${cause ? ` (${cause.message})` : ""}; the model is unchanged; exclude the group it belongs to, and report this`,
        { value: value.name },
      );
    }
  }
}
