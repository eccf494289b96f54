import { ints } from "../../ir/attribute.ts";
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import type { ChannelRule, KeptChannels, SpreadContext } from "../channel-rule.ts";
import { replaceConstantInput } from "../rewrite-shape.ts";

function normalizeAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Concat: along its axis each input has its own range of the output. */
export const concat: ChannelRule = {
  spread(node, port, context) {
    const y = node.output;
    const axis = normalizeAxis(node.int("axis", 1), context.shapeOf(y).length);
    let offset = 0;
    for (const input of node.inputs) {
      if (!input) continue;
      const start = offset;
      if (port.axis !== axis) context.couple(input, port.axis, y, port.axis);
      else context.couple(input, axis, y, axis, (index) => start + index);
      offset += context.shapeOf(input)[axis] ?? 0;
    }
  },
};

/** Split: along its axis each output has its own range of the input. */
export const split: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    if (port.side === "input" && port.value !== x) {
      context.block(port.value, port.axis, `${node.describe()} reads it as sizes`);
      return;
    }
    const axis = normalizeAxis(node.int("axis", 0), context.shapeOf(x).length);
    let offset = 0;
    for (const output of node.outputs) {
      if (!output) continue;
      const start = offset;
      if (port.axis !== axis) context.couple(output, port.axis, x, port.axis);
      else context.couple(output, axis, x, axis, (index) => start + index);
      offset += context.shapeOf(output)[axis] ?? 0;
    }
  },
  rewrite(node, kept) {
    const [x] = node.inputs;
    if (!x) return;
    const axis = normalizeAxis(node.int("axis", 0), kept.oldShape(x).length);
    if (!kept.indices(x, axis)) return;
    const sizes = node.outputs.map((output) => (output ? (kept.newShape(output)[axis] ?? 0) : 0));
    if (kept.opset < 13) {
      node.setAttribute("split", ints(sizes));
      return;
    }
    node.setAttribute("num_outputs", undefined);
    replaceConstantInput(node, 1, Tensor.int64(sizes), "split");
  },
};

interface SliceRange {
  readonly start: number;
  readonly step: number;
}

/** Where a Slice begins along each axis that it cuts; `undefined` if that is not constant. */
function sliceRanges(
  node: Node,
  x: Value,
  context: Pick<SpreadContext, "shapeOf" | "constantOf">,
): Map<number, SliceRange> | undefined {
  const shape = context.shapeOf(x);
  const read = (index: number, name: string): readonly number[] | undefined => {
    const value = node.inputs[index];
    if (!value) return node.ints(name);
    const tensor = context.constantOf(value);
    return tensor ? [...tensor.toNumbers()] : undefined;
  };
  const starts = read(1, "starts");
  const axes = read(3, "axes") ?? (node.inputs[3] ? undefined : starts?.map((_, axis) => axis));
  const steps = read(4, "steps") ?? (node.inputs[4] ? undefined : starts?.map(() => 1));
  if (!starts || !axes || !steps) return undefined;
  return new Map(
    axes.map((given, position) => {
      const axis = normalizeAxis(given, shape.length);
      const length = shape[axis] ?? 0;
      const step = steps[position] ?? 1;
      const raw = starts[position] ?? 0;
      const start = Math.min(
        Math.max(raw < 0 ? raw + length : raw, 0),
        step < 0 ? length - 1 : length,
      );
      return [axis, { start, step }];
    }),
  );
}

/** Slice: a range of an axis; steps other than 1 block the axis they are on. */
export const slice: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const ranges = sliceRanges(node, x, context);
    if (!ranges || (port.side === "input" && port.value !== x)) {
      context.block(port.value, port.axis, `the range of ${node.describe()} is computed`);
      return;
    }
    const range = ranges.get(port.axis);
    if (!range || context.shapeOf(x)[port.axis] === context.shapeOf(node.output)[port.axis]) {
      if (range && range.step < 0)
        context.block(port.value, port.axis, `${node.describe()} reverses this axis`);
      else context.couple(x, port.axis, node.output, port.axis);
    } else if (range.step !== 1) {
      context.block(port.value, port.axis, `${node.describe()} takes every ${range.step}th`);
    } else context.couple(node.output, port.axis, x, port.axis, (index) => range.start + index);
  },
  rewrite(node, kept) {
    const [x] = node.inputs;
    if (!x) return;
    const context = {
      shapeOf: (value: Value) => kept.oldShape(value),
      constantOf: (value: Value) => kept.constantOf(value),
    };
    const ranges = sliceRanges(node, x, context);
    if (ranges) rewriteSlice(node, x, ranges, kept);
  },
};

function rewriteSlice(
  node: Node,
  x: Value,
  ranges: Map<number, SliceRange>,
  kept: KeptChannels,
): void {
  const axes = [...ranges.keys()];
  if (!axes.some((axis) => kept.indices(x, axis))) return;
  const oldEnds = (axis: number): number => {
    const range = ranges.get(axis) ?? { start: 0, step: 1 };
    const length = kept.oldShape(node.output)[axis] ?? 0;
    // The end of a reversed slice that runs to the first index is "before 0".
    const end = range.start + range.step * length;
    return end < 0 ? -(kept.oldShape(x)[axis] ?? 0) - 1 : end;
  };
  const starts: number[] = [];
  const ends: number[] = [];
  for (const axis of axes) {
    const range = ranges.get(axis) ?? { start: 0, step: 1 };
    const indices = kept.indices(x, axis);
    if (!indices) {
      starts.push(range.start);
      ends.push(oldEnds(axis));
      continue;
    }
    const start = indices.filter((index) => index < range.start).length;
    starts.push(start);
    ends.push(start + (kept.newShape(node.output)[axis] ?? 0));
  }
  const steps = axes.map((axis) => ranges.get(axis)?.step ?? 1);
  if (kept.opset < 10) {
    node.setAttribute("starts", ints(starts));
    node.setAttribute("ends", ints(ends));
    node.setAttribute("axes", ints(axes));
    return;
  }
  replaceConstantInput(node, 1, Tensor.int64(starts), "starts");
  replaceConstantInput(node, 2, Tensor.int64(ends), "ends");
  replaceConstantInput(node, 3, Tensor.int64(axes), "axes");
  replaceConstantInput(node, 4, Tensor.int64(steps), "steps");
}

/** Gather with constant indices along the channel axis; other axes pass. */
export const gather: ChannelRule = {
  spread(node, port, context) {
    const [data, indices] = node.inputs;
    if (!data || !indices) return;
    const rank = context.shapeOf(data).length;
    const axis = normalizeAxis(node.int("axis", 0), rank);
    const indexRank = context.shapeOf(indices).length;
    if (port.side === "input" && port.value !== data) {
      context.block(port.value, port.axis, `${node.describe()} reads it as indices`);
      return;
    }
    const isOutput = port.side === "output";
    const dataAxis = !isOutput || port.axis < axis ? port.axis : port.axis - indexRank + 1;
    if (isOutput ? port.axis < axis || port.axis >= axis + indexRank : port.axis !== axis) {
      const outputAxis = dataAxis < axis ? dataAxis : dataAxis + indexRank - 1;
      context.couple(data, dataAxis, node.output, outputAxis);
      return;
    }
    const constant = context.constantOf(indices)?.toNumbers();
    if (!constant || indexRank > 1) {
      context.block(
        port.value,
        port.axis,
        `the indices of ${node.describe()} are computed or not a list`,
      );
      return;
    }
    const length = context.shapeOf(data)[axis] ?? 0;
    const at = (position: number): number => normalizeAxis(constant[position] ?? 0, length);
    if (indexRank === 0) context.block(data, axis, `${node.describe()} picks it`, at(0));
    else context.couple(node.output, axis, data, axis, at);
  },
  rewrite(node, kept) {
    const [data, indices] = node.inputs;
    if (!data || !indices) return;
    const rank = kept.oldShape(data).length;
    const axis = normalizeAxis(node.int("axis", 0), rank);
    const keptData = kept.indices(data, axis);
    const constant = kept.constantOf(indices);
    if (!keptData || !constant) return;
    const length = kept.oldShape(data)[axis] ?? 0;
    const newPosition = new Map([...keptData].map((index, position) => [index, position]));
    const old = [...constant.toNumbers()].map((index) => normalizeAxis(index, length));
    const fresh = old.map((index) => newPosition.get(index)).filter((index) => index !== undefined);
    replaceConstantInput(
      node,
      1,
      Tensor.int64(fresh, constant.dims.length === 0 ? [] : [fresh.length]),
      "indices",
    );
  },
};
