import type { Node, ShapeInference, Value } from "@ocrslim/graph";

/** @internal The axis of a value along which its channels lie, 0 or more. */
export type FindAxis = (value: Value) => number;

/** Operators that always have their channels on axis 1 of the output. */
const CHANNELS_FIRST: ReadonlySet<string> = new Set([
  "AveragePool",
  "BatchNormalization",
  "Conv",
  "ConvTranspose",
  "DepthToSpace",
  "Gemm",
  "GlobalAveragePool",
  "GlobalMaxPool",
  "GroupNormalization",
  "InstanceNormalization",
  "MaxPool",
  "SpaceToDepth",
]);

/**
 * @internal Follows channels through a graph: axis 1 after convolutions, the last one after matrix
 * products, moved by Transpose, and where the first computed input has them otherwise.
 */
export function axisFinder(shapes: ShapeInference): FindAxis {
  const known = new Map<Value, number>();
  const find = (value: Value): number => {
    const stack = [value];
    for (let next = stack.at(-1); next; next = stack.at(-1)) {
      const source = known.has(next) ? undefined : sourceOf(next, shapes);
      if (source && !known.has(source)) {
        stack.push(source);
        continue;
      }
      stack.pop();
      if (!known.has(next)) known.set(next, axisOf(next, source, known, shapes));
    }
    return known.get(value) ?? 0;
  };
  return find;
}

const isStandard = (node: Node): boolean => node.domain === "";

/** The input that a value has its channel axis from, if it has it from one. */
function sourceOf(value: Value, shapes: ShapeInference): Value | undefined {
  const node = value.producer;
  if (!node || (isStandard(node) && CHANNELS_FIRST.has(node.opType))) return undefined;
  if (isStandard(node) && node.opType === "MatMul") return undefined;
  const computed = node.inputs.filter(
    (input): input is Value => input !== undefined && !shapes.constantOf(input),
  );
  const rank = shapes.shapeOf(value)?.length;
  return computed.find((input) => shapes.shapeOf(input)?.length === rank) ?? computed[0];
}

function axisOf(
  value: Value,
  source: Value | undefined,
  known: ReadonlyMap<Value, number>,
  shapes: ShapeInference,
): number {
  const shape = shapes.shapeOf(value) ?? [];
  const last = Math.max(0, shape.length - 1);
  const node = value.producer;
  if (node?.opType === "MatMul" && isStandard(node)) return last;
  if (!node || !source) return Math.min(1, last);
  const axis = known.get(source) ?? 0;
  if (node.opType === "Transpose") {
    const permutation = node.ints("perm");
    return permutation ? Math.max(0, permutation.indexOf(axis)) : last - axis;
  }
  const before = shapes.shapeOf(source) ?? [];
  if (before.length === shape.length || shape[axis] === before[axis]) return Math.min(axis, last);
  const moved = shape.lastIndexOf(before[axis] ?? -1);
  return moved >= 0 ? moved : last;
}
