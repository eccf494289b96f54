import { elementCount } from "../../ir/data-type.ts";
import { broadcastDims, formatDims, normalizeAxis } from "../dims.ts";
import { dependsOnData, mismatch, type ShapeRule, type ShapeRuleContext } from "../shape-rule.ts";

const reshape: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const target = node.ints("shape") ?? context.numbers(1);
  if (!target) return context.dims(1) ? dependsOnData(context, "shape") : [{ dtype }];
  const allowZero = node.int("allowzero", 0) !== 0;
  const hasCopies = !allowZero && target.includes(0);
  if (!dims && (hasCopies || target.includes(-1))) return [{ dtype }];
  const output = target.map((dim, axis) => {
    if (dim !== 0 || allowZero) return dim;
    const copied = dims?.[axis];
    if (copied !== undefined) return copied;
    throw mismatch(
      node,
      `shape ${formatDims(target)} copies axis ${axis}, which input ${formatDims(dims ?? [])} lacks`,
    );
  });
  const open = output.indexOf(-1);
  if (open !== output.lastIndexOf(-1)) {
    throw mismatch(node, `shape ${formatDims(target)} has more than one -1`);
  }
  if (dims) {
    const count = elementCount(dims);
    if (open >= 0) {
      const known = -elementCount(output);
      output[open] = known === 0 ? 0 : count / known;
    }
    const fits = elementCount(output) === count && output.every((dim) => Number.isInteger(dim));
    if (!fits) {
      throw mismatch(
        node,
        `input ${formatDims(dims)} of ${count} elements does not fit shape ${formatDims(target)}`,
      );
    }
  }
  return [{ dims: output, dtype }];
};

const flatten: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  if (!dims) return [{ dtype: context.dtype(0) }];
  const axis = node.int("axis", 1);
  const at = axis < 0 ? axis + dims.length : axis;
  if (at < 0 || at > dims.length) {
    throw mismatch(node, `axis ${axis} is out of range for input ${formatDims(dims)}`);
  }
  return [
    {
      dims: [elementCount(dims.slice(0, at)), elementCount(dims.slice(at))],
      dtype: context.dtype(0),
    },
  ];
};

/** Axes from the attribute (before opset 13) or the input; `"unknown"` if they are computed. */
function readAxes(context: ShapeRuleContext): readonly number[] | undefined | "unknown" {
  const { node } = context;
  const attribute = node.ints("axes");
  if (attribute) return attribute;
  return node.input(1) ? (context.numbers(1) ?? "unknown") : undefined;
}

const squeeze: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const axes = readAxes(context);
  if (axes === "unknown") return dependsOnData(context, "axes");
  if (!dims) return [{ dtype }];
  if (!axes) return [{ dims: dims.filter((dim) => dim !== 1), dtype }];
  const dropped = new Set(axes.map((axis) => normalizeAxis(node, axis, dims.length)));
  for (const axis of dropped) {
    if (dims[axis] !== 1) {
      throw mismatch(node, `axis ${axis} of input ${formatDims(dims)} is not 1`);
    }
  }
  return [{ dims: dims.filter((_, axis) => !dropped.has(axis)), dtype }];
};

const unsqueeze: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const axes = readAxes(context);
  if (axes === "unknown") return dependsOnData(context, "axes");
  if (!dims || !axes) return [{ dtype }];
  const rank = dims.length + axes.length;
  const inserted = new Set(axes.map((axis) => normalizeAxis(node, axis, rank)));
  if (inserted.size !== axes.length) {
    throw mismatch(node, `axes ${formatDims(axes)} name an axis twice`);
  }
  let next = 0;
  return [
    {
      dims: Array.from({ length: rank }, (_, axis) =>
        inserted.has(axis) ? 1 : (dims[next++] ?? 1),
      ),
      dtype,
    },
  ];
};

const transpose: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype }];
  const order = node.ints("perm") ?? [...dims.keys()].reverse();
  if (order.length !== dims.length || new Set(order).size !== order.length) {
    throw mismatch(
      node,
      `perm ${formatDims(order)} is not an order of the axes of ${formatDims(dims)}`,
    );
  }
  return [{ dims: order.map((axis) => dims[normalizeAxis(node, axis, dims.length)] ?? 0), dtype }];
};

const expand: ShapeRule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const target = context.numbers(1);
  if (!target) return context.dims(1) ? dependsOnData(context, "shape") : [{ dtype }];
  return [{ dims: dims && broadcastDims(context.node, [dims, target]), dtype }];
};

const tile: ShapeRule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const repeats = context.numbers(1);
  if (!repeats) return context.dims(1) ? dependsOnData(context, "repeats") : [{ dtype }];
  if (!dims) return [{ dtype }];
  if (repeats.length !== dims.length) {
    throw mismatch(
      context.node,
      `repeats ${formatDims(repeats)} does not fit input ${formatDims(dims)}`,
    );
  }
  return [{ dims: dims.map((dim, axis) => dim * (repeats[axis] ?? 1)), dtype }];
};

/** Operators that give the same elements in other dims. */
export const reshapeRules: readonly (readonly [string, ShapeRule])[] = [
  ["Reshape", reshape],
  ["Flatten", flatten],
  ["Squeeze", squeeze],
  ["Unsqueeze", unsqueeze],
  ["Transpose", transpose],
  ["Expand", expand],
  ["Tile", tile],
];
