import { type Lowering, type LoweringEntry, positiveAxis, sizeOf } from "../lowering.ts";
import { expand } from "../operations.ts";
import type { TfTensor } from "../tfjs.ts";

const reshape: Lowering = ({ tf, input, outputDims }) => [tf.reshape(input(0), [...outputDims()])];

const transpose: Lowering = ({ tf, node, input }) => {
  const x = input(0);
  const order = node.ints("perm") ?? x.shape.map((_, axis) => x.rank - 1 - axis);
  return [tf.transpose(x, [...order])];
};

const tile: Lowering = ({ tf, input, numbers }) => {
  let x = input(0);
  (numbers(1) ?? []).forEach((count, axis) => {
    if (count > 1) x = tf.concat(new Array<TfTensor>(count).fill(x), axis);
  });
  return [x];
};

const concat: Lowering = ({ tf, node, input }) => {
  const values = node.inputs.map((_, index) => input(index));
  const [first] = values;
  const filled = values.filter((value) => value.size > 0);
  if (!first || filled.length < 2) return [filled[0] ?? input(0)];
  return [tf.concat(filled, positiveAxis(node.int("axis", 0), first.rank))];
};

const split: Lowering = ({ tf, node, input, outputDims }) => {
  const x = input(0);
  const axis = positiveAxis(node.int("axis", 0), x.rank);
  const sizes = node.outputs.map((_, index) => outputDims(index)[axis] ?? 0);
  return sizes.length === 1 ? [x] : tf.split(x, sizes, axis);
};

/** DCR: the block comes before the channel in the channel axis, CRD: after it. */
const depthToSpace: Lowering = ({ tf, node, input }) => {
  const x = input(0);
  const [batch = 1, channels = 1, height = 1, width = 1] = x.shape;
  const block = node.int("blocksize", 1);
  const depth = channels / block ** 2;
  const isDcr = node.string("mode", "DCR") === "DCR";
  const parts = tf.reshape(
    x,
    isDcr
      ? [batch, block, block, depth, height, width]
      : [batch, depth, block, block, height, width],
  );
  const moved = tf.transpose(parts, isDcr ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]);
  return [tf.reshape(moved, [batch, depth, height * block, width * block])];
};

const spaceToDepth: Lowering = ({ tf, node, input }) => {
  const x = input(0);
  const [batch = 1, channels = 1, height = 1, width = 1] = x.shape;
  const block = node.int("blocksize", 1);
  const [rows, columns] = [height / block, width / block];
  const parts = tf.reshape(x, [batch, channels, rows, block, columns, block]);
  const moved = tf.transpose(parts, [0, 3, 5, 1, 2, 4]);
  return [tf.reshape(moved, [batch, channels * block ** 2, rows, columns])];
};

const dropout: Lowering = ({ tf, node, input, numbers, fail }) => {
  const ratio = node.input(1) ? (numbers(1)?.[0] ?? 0.5) : 0.5;
  if (numbers(2)?.[0] && ratio > 0) throw fail("dropout in training mode is random");
  const x = input(0);
  return node.outputs[1] ? [x, tf.ones(x.shape, "bool")] : [x];
};

const trilu: Lowering = ({ tf, node, input, numbers, cached }) => {
  const x = input(0);
  const [rows = 1, columns = 1] = x.shape.slice(-2);
  const diagonal = numbers(1)?.[0] ?? 0;
  const isUpper = node.int("upper", 1) !== 0;
  const mask = cached("mask", () => {
    const keeps = Array.from({ length: sizeOf([rows, columns]) }, (_, at) => {
      const distance = (at % columns) - Math.floor(at / columns) - diagonal;
      return (isUpper ? distance >= 0 : distance <= 0) ? 1 : 0;
    });
    return tf.tensor2d(keeps, [rows, columns], x.dtype === "bool" ? "int32" : (x.dtype as "int32"));
  });
  return [tf.cast(tf.mul(x, mask), x.dtype)];
};

/** Operators that move elements without changing them. */
export const reshapingLowerings: readonly LoweringEntry[] = [
  ["Identity", ({ input }) => [input(0)]],
  ["Dropout", dropout],
  ["Reshape", reshape],
  ["Flatten", reshape],
  ["Squeeze", reshape],
  ["Unsqueeze", reshape],
  ["Transpose", transpose],
  ["Expand", ({ tf, input, outputDims }) => [expand(tf, input(0), outputDims())]],
  ["Tile", tile],
  ["Concat", concat],
  ["Split", split],
  ["DepthToSpace", depthToSpace],
  ["SpaceToDepth", spaceToDepth],
  ["Trilu", trilu],
];
