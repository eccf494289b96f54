import type { Node } from "../../ir/node.ts";
import type { ChannelRule, KeptChannels, Port, SpreadContext } from "../channel-rule.ts";
import { rewriteShapeInput } from "../rewrite-shape.ts";

/** Transpose: axes change places. */
export const transpose: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const rank = context.shapeOf(x).length;
    const perm = node.ints("perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
    if (port.side === "output") context.couple(x, perm[port.axis] ?? 0, node.output, port.axis);
    else context.couple(x, port.axis, node.output, perm.indexOf(port.axis));
  },
};

/** Axes of one shape and of another whose elements are the same, in the same order. */
interface Segment {
  readonly first: number;
  readonly end: number;
  readonly otherFirst: number;
  readonly otherEnd: number;
}

/** The segment of `shape` with `axis`, and its counterpart in `other`. */
function findSegment(
  shape: readonly number[],
  other: readonly number[],
  axis: number,
): Segment | undefined {
  let at = 0;
  let otherAt = 0;
  while (at < shape.length && otherAt < other.length) {
    const first = at;
    const otherFirst = otherAt;
    let product = shape[at++] ?? 1;
    let otherProduct = other[otherAt++] ?? 1;
    while (product !== otherProduct) {
      if (product < otherProduct && at < shape.length) product *= shape[at++] ?? 1;
      else if (otherAt < other.length) otherProduct *= other[otherAt++] ?? 1;
      else return undefined;
    }
    if (axis < at) return { first, end: at, otherFirst, otherEnd: otherAt };
  }
  return undefined;
}

function product(shape: readonly number[], from: number, to: number): number {
  let result = 1;
  for (let axis = from; axis < to; axis++) result *= shape[axis] ?? 1;
  return result;
}

/** How many steps are walked at most to see what a reshape couples. */
const MAX_STEPS = 2 ** 20;

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * Pairs (index along one axis, index along the other) that share an element of the segment. The
 * elements are walked in steps within which neither index changes.
 */
function* sharedIndices(
  size: number,
  stride: number,
  length: number,
  otherStride: number,
  otherLength: number,
): Generator<readonly [number, number]> {
  const step = greatestCommonDivisor(stride, otherStride);
  for (let flat = 0; flat < size; flat += step) {
    yield [Math.floor(flat / stride) % length, Math.floor(flat / otherStride) % otherLength];
  }
}

/** Number of sets that the pairs divide the indices of the first axis into. */
function countSets(
  pairs: Iterable<readonly [number, number]>,
  length: number,
  otherLength: number,
): number {
  const parents = Array.from({ length: length + otherLength }, (_, index) => index);
  const root = (index: number): number => {
    let at = index;
    while (parents[at] !== at) at = parents[at] ?? at;
    return at;
  };
  let sets = length + otherLength;
  for (const [a, b] of pairs) {
    const left = root(a);
    const right = root(length + b);
    if (left === right) continue;
    parents[right] = left;
    sets--;
  }
  return sets;
}

/**
 * Reshape, Flatten, Squeeze, Unsqueeze: elements keep their order. An axis that is merged with
 * others owns several indices of the merged one. One that is split couples to the part that leaves
 * the most channels free; so a channel shuffle (Reshape, Transpose, Reshape) couples the channels
 * that stand at the same place of each shuffle group.
 */
function spreadReshape(node: Node, port: Port, context: SpreadContext): void {
  const [x] = node.inputs;
  if (!x) return;
  if (port.side === "input" && port.value !== x) {
    context.block(port.value, port.axis, `${node.describe()} reads it as a shape`);
    return;
  }
  const other = port.side === "input" ? node.output : x;
  const shape = context.shapeOf(port.value);
  const otherShape = context.shapeOf(other);
  const segment = findSegment(shape, otherShape, port.axis);
  const length = shape[port.axis] ?? 1;
  if (!segment || length === 1) {
    context.block(port.value, port.axis, `${node.describe()} mixes it with other axes`);
    return;
  }
  const size = product(shape, segment.first, segment.end);
  const stride = product(shape, port.axis + 1, segment.end);
  let best:
    | {
        axis: number;
        sets: number;
        isReached: boolean;
        pairs: () => Iterable<readonly [number, number]>;
      }
    | undefined;
  for (let axis = segment.otherFirst; axis < segment.otherEnd; axis++) {
    const otherLength = otherShape[axis] ?? 1;
    if (otherLength === 1) continue;
    const otherStride = product(otherShape, axis + 1, segment.otherEnd);
    if (size / greatestCommonDivisor(stride, otherStride) > MAX_STEPS) {
      context.block(port.value, port.axis, `${node.describe()} reshapes ${size} elements`);
      return;
    }
    const pairs = (): Iterable<readonly [number, number]> =>
      sharedIndices(size, stride, length, otherStride, otherLength);
    const sets = countSets(pairs(), length, otherLength);
    // Of several axes the one that channels came from, else the one that leaves the most free.
    const isReached = sets > 1 && context.hasReached(other, axis);
    if (!best || (isReached === best.isReached ? sets > best.sets : isReached)) {
      best = { axis, sets, isReached, pairs };
    }
  }
  if (!best || best.sets < 2) {
    context.block(port.value, port.axis, `${node.describe()} mixes all its channels`);
    return;
  }
  const partners: number[][] = Array.from({ length }, () => []);
  for (const [a, b] of best.pairs()) partners[a]?.push(b);
  const most = Math.max(...partners.map((list) => list.length));
  for (let round = 0; round < most; round++) {
    context.couple(
      port.value,
      port.axis,
      other,
      best.axis,
      (index) => partners[index]?.[round] ?? -1,
    );
  }
}

/** Flatten, Squeeze, Unsqueeze: a reshape that states no sizes. */
export const flatten: ChannelRule = { spread: spreadReshape };

/** Reshape: as flatten, and its target shape is rewritten. */
export const reshape: ChannelRule = {
  spread: spreadReshape,
  rewrite(node: Node, kept: KeptChannels): void {
    const [x, shapeValue] = node.inputs;
    if (!x || !shapeValue) return;
    const oldShape = kept.oldShape(node.output);
    const newShape = kept.newShape(node.output);
    const changed = new Map<number, number>();
    newShape.forEach((dim, axis) => {
      if (dim !== oldShape[axis]) changed.set(axis, dim);
    });
    if (changed.size > 0) rewriteShapeInput(node, 1, changed, kept);
  },
};

/** Expand: axes that keep their length pass; others are made here, and their length is rewritten. */
export const expand: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    if (port.side === "input" && port.value !== x) {
      context.block(port.value, port.axis, `${node.describe()} reads it as a shape`);
      return;
    }
    const shape = context.shapeOf(x);
    const outputShape = context.shapeOf(node.output);
    const shift = outputShape.length - shape.length;
    const outputAxis = port.side === "output" ? port.axis : port.axis + shift;
    const axis = outputAxis - shift;
    if (axis >= 0 && shape[axis] === outputShape[outputAxis])
      context.couple(x, axis, node.output, outputAxis);
    else if (port.side === "input")
      context.block(x, port.axis, `${node.describe()} spreads one channel over many`);
  },
  rewrite(node, kept) {
    const shapeValue = node.inputs[1];
    if (!shapeValue) return;
    const outputShape = kept.newShape(node.output);
    const shift = outputShape.length - (kept.oldShape(shapeValue)[0] ?? 0);
    const changed = new Map<number, number>();
    outputShape.forEach((dim, axis) => {
      if (kept.indices(node.output, axis) && axis >= shift) changed.set(axis - shift, dim);
    });
    if (changed.size > 0) rewriteShapeInput(node, 1, changed, kept);
  },
};

/** Tile: repeated indices are the same channel. */
export const tile: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const length = context.shapeOf(x)[port.axis] ?? 1;
    if (port.side === "input" && port.value !== x)
      context.block(port.value, port.axis, `${node.describe()} reads it as counts`);
    else context.couple(node.output, port.axis, x, port.axis, (index) => index % length);
  },
};
