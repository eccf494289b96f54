import { formatDims, normalizeAxis } from "../dims.ts";
import { dependsOnData, mismatch, type ShapeRule } from "../shape-rule.ts";

const gather: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const indices = context.dims(1);
  const dtype = context.dtype(0);
  if (!dims || !indices) return [{ dtype }];
  const axis = normalizeAxis(node, node.int("axis", 0), dims.length);
  return [{ dims: [...dims.slice(0, axis), ...indices, ...dims.slice(axis + 1)], dtype }];
};

const gatherElements: ShapeRule = (context) => {
  const dims = context.dims(0);
  const indices = context.dims(1);
  if (dims && indices && dims.length !== indices.length) {
    throw mismatch(
      context.node,
      `indices ${formatDims(indices)} should have the rank of the input ${formatDims(dims)}`,
    );
  }
  return [{ dims: indices, dtype: context.dtype(0) }];
};

const gatherNd: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const indices = context.dims(1);
  const dtype = context.dtype(0);
  if (!dims || !indices) return [{ dtype }];
  const batchRank = node.int("batch_dims", 0);
  const depth = indices[indices.length - 1] ?? 0;
  if (batchRank + depth > dims.length) {
    throw mismatch(
      node,
      `indices ${formatDims(indices)} point deeper than the input ${formatDims(dims)}`,
    );
  }
  return [{ dims: [...indices.slice(0, -1), ...dims.slice(batchRank + depth)], dtype }];
};

const oneHot: ShapeRule = (context) => {
  const { node } = context;
  const indices = context.dims(0);
  const depth = context.numbers(1)?.[0];
  const dtype = context.dtype(2);
  if (!indices) return [{ dtype }];
  if (depth === undefined) return dependsOnData(context, "depth", dtype);
  const axis = normalizeAxis(node, node.int("axis", -1), indices.length + 1);
  return [{ dims: [...indices.slice(0, axis), depth, ...indices.slice(axis)], dtype }];
};

const topK: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const count = node.int("k") ?? context.numbers(1)?.[0];
  if (!dims) return [{ dtype }, { dtype: "int64" }];
  if (count === undefined) return [...dependsOnData(context, "k"), { dtype: "int64" }];
  const axis = normalizeAxis(node, node.int("axis", -1), dims.length);
  const size = dims[axis] ?? 0;
  if (count > size) throw mismatch(node, `k = ${count} is more than axis ${axis} has (${size})`);
  const output = dims.map((dim, i) => (i === axis ? count : dim));
  return [
    { dims: output, dtype },
    { dims: output, dtype: "int64" },
  ];
};

const nonZero: ShapeRule = (context) => dependsOnData(context, "the input's content", "int64");

const compress: ShapeRule = (context) => dependsOnData(context, "condition");

const unique: ShapeRule = (context) => [
  ...dependsOnData(context, "the input's content"),
  { dtype: "int64" },
  { dtype: "int64" },
  { dtype: "int64" },
];

const nonMaxSuppression: ShapeRule = (context) =>
  dependsOnData(context, "the input's content", "int64");

/** Operators that pick elements by index. */
export const indexingRules: readonly (readonly [string, ShapeRule])[] = [
  ["Gather", gather],
  ["GatherElements", gatherElements],
  ["GatherND", gatherNd],
  ["OneHot", oneHot],
  ["TopK", topK],
  ["NonZero", nonZero],
  ["Compress", compress],
  ["Unique", unique],
  ["NonMaxSuppression", nonMaxSuppression],
];
