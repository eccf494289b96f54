import {
  type Lowering,
  type LoweringContext,
  type LoweringEntry,
  positiveAxis,
  sizeOf,
} from "../lowering.ts";
import { detach, onLastAxis } from "../operations.ts";
import type { Tfjs, TfTensor, TfVector } from "../tfjs.ts";

/** Indices counted from the front, int32. */
function fromFront(tf: Tfjs, indices: TfTensor, size: number): TfTensor {
  const integers = tf.cast(indices, "int32");
  // A plain number would make floats of them.
  const turned = tf.add(integers, tf.scalar(size, "int32"));
  return tf.where(tf.less(integers, 0), turned, integers);
}

const gather: Lowering = ({ tf, node, input, outputDims }) => {
  const x = input(0);
  const axis = positiveAxis(node.int("axis", 0), x.rank);
  const indices = fromFront(tf, input(1), x.shape[axis] ?? 1);
  const flat = tf.reshape(indices, [indices.size]);
  return [tf.reshape(tf.gather(x, flat, axis), [...outputDims()])];
};

/** Flat index of each element that indices along one axis point to. */
function flatIndices(
  { tf, cached }: LoweringContext,
  dims: readonly number[],
  axis: number,
  indices: TfTensor,
): TfTensor {
  const stride = sizeOf(dims.slice(axis + 1));
  const others = cached("others", () => {
    const { shape } = indices;
    const places = Int32Array.from({ length: indices.size }, (_, element) => {
      let rest = element;
      let place = 0;
      for (let at = shape.length - 1; at >= 0; at--) {
        const size = shape[at] ?? 1;
        if (at !== axis) place += (rest % size) * sizeOf(dims.slice(at + 1));
        rest = Math.floor(rest / size);
      }
      return place;
    });
    return tf.tensor(places, shape, "int32");
  });
  return tf.add(
    tf.mul(fromFront(tf, indices, dims[axis] ?? 1), tf.scalar(stride, "int32")),
    others,
  );
}

const gatherElements: Lowering = (context) => {
  const { tf, node, input } = context;
  const x = input(0);
  const indices = input(1);
  const axis = positiveAxis(node.int("axis", 0), x.rank);
  const flat = flatIndices(context, x.shape, axis, indices);
  const found = tf.gather(tf.reshape(x, [x.size]), tf.reshape(flat, [flat.size]));
  return [tf.reshape(found, indices.shape)];
};

/** Index of the row that each tuple of indices points to. */
function rowIndices(tf: Tfjs, dims: readonly number[], indices: TfTensor): TfTensor {
  const depth = indices.shape.at(-1) ?? 1;
  const columns = tf.split(tf.reshape(indices, [-1, depth]), depth, 1);
  let total: TfTensor = tf.zeros([indices.size / depth], "int32");
  columns.forEach((column, axis) => {
    const own = fromFront(tf, tf.reshape(column, [-1]), dims[axis] ?? 1);
    const stride = sizeOf(dims.slice(axis + 1, depth));
    total = tf.add(total, tf.mul(own, tf.scalar(stride, "int32")));
  });
  return total;
}

const gatherNd: Lowering = ({ tf, node, input, outputDims, fail }) => {
  if (node.int("batch_dims", 0) !== 0) throw fail("batch_dims is not covered");
  const x = input(0);
  const indices = input(1);
  const depth = indices.shape.at(-1) ?? 1;
  const rows = tf.reshape(x, [sizeOf(x.shape.slice(0, depth)), -1]);
  return [tf.reshape(tf.gather(rows, rowIndices(tf, x.shape, indices)), [...outputDims()])];
};

/** Puts rows in place of those of x [R, W], or adds them. */
function scatter(
  { tf, node, fail }: LoweringContext,
  x: TfTensor,
  indices: TfTensor,
  updates: TfTensor,
): TfTensor {
  const reduction = node.string("reduction", "none");
  if (reduction !== "none" && reduction !== "add")
    throw fail(`reduction ${reduction} is not covered`);
  const count = x.shape[0] ?? 1;
  const added = tf.unsortedSegmentSum(updates, indices as TfVector, count);
  if (reduction === "add") return tf.add(x, added);
  const hits = tf.unsortedSegmentSum(tf.ones([indices.size, 1]), indices as TfVector, count);
  const isKept = detach(tf, tf.cast(tf.equal(hits, 0), x.dtype));
  return tf.add(tf.mul(x, isKept), added);
}

const scatterNd: Lowering = (context) => {
  const { tf, input } = context;
  const x = input(0);
  const indices = input(1);
  const rows = tf.reshape(x, [sizeOf(x.shape.slice(0, indices.shape.at(-1) ?? 1)), -1]);
  const places = rowIndices(tf, x.shape, indices);
  const updates = tf.reshape(input(2), [places.size, rows.shape[1] ?? 1]);
  return [tf.reshape(scatter(context, rows, places, updates), x.shape)];
};

const scatterElements: Lowering = (context) => {
  const { tf, node, input } = context;
  const x = input(0);
  const axis = positiveAxis(node.int("axis", 0), x.rank);
  const flat = flatIndices(context, x.shape, axis, input(1));
  const places = tf.reshape(flat, [flat.size]);
  const updates = tf.reshape(input(2), [flat.size, 1]);
  return [tf.reshape(scatter(context, tf.reshape(x, [x.size, 1]), places, updates), x.shape)];
};

/** Values are gathered by the indices found, so that they carry a gradient. */
const topK: Lowering = ({ tf, node, input, numbers, outputDims }) => {
  const x = input(0);
  const axis = positiveAxis(node.int("axis", -1), x.rank);
  const count = outputDims()[axis] ?? numbers(1)?.[0] ?? 1;
  const isLargest = node.int("largest", 1) !== 0;
  let indices: TfTensor | undefined;
  const values = onLastAxis(tf, x, axis, (moved) => {
    const size = moved.shape.at(-1) ?? 1;
    const rows = moved.size / size;
    const keys = isLargest ? moved : tf.neg(moved);
    const found = detach(tf, tf.topk(detach(tf, keys), count, true).indices);
    indices = found;
    const starts = tf.mul(tf.range(0, rows, 1, "int32"), tf.scalar(size, "int32"));
    const flat = tf.add(tf.reshape(found, [rows, count]), tf.reshape(starts, [rows, 1]));
    const taken = tf.gather(tf.reshape(moved, [moved.size]), tf.reshape(flat, [rows * count]));
    return tf.reshape(taken, moved.shape.with(-1, count));
  });
  if (!indices) return [values];
  // They were found with the axis at the end.
  const last = x.rank - 1;
  const order = Array.from({ length: x.rank }, (_, at) => at);
  [order[axis], order[last]] = [last, axis];
  return [values, axis === last ? indices : tf.transpose(indices, order)];
};

const cumulativeSum: Lowering = ({ tf, node, input, numbers }) => {
  const x = input(0);
  const axis = positiveAxis(numbers(1)?.[0] ?? 0, x.rank);
  const isOn = (name: string): boolean => node.int(name, 0) !== 0;
  // The gradient of tf.cumsum along other axes than the last is wrong.
  return [
    onLastAxis(tf, x, axis, (moved) =>
      tf.cumsum(moved, moved.rank - 1, isOn("exclusive"), isOn("reverse")),
    ),
  ];
};

/** Operators that read or write by index. */
export const indexingLowerings: readonly LoweringEntry[] = [
  ["Gather", gather],
  ["GatherElements", gatherElements],
  ["GatherND", gatherNd],
  ["ScatterND", scatterNd],
  ["ScatterElements", scatterElements],
  ["TopK", topK],
  ["CumSum", cumulativeSum],
];
