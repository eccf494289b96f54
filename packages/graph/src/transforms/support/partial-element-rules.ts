import type { Node } from "../../ir/node.ts";
import { constantNumbers } from "./constants.ts";
import type { PartialDim, PartialElements, PartialRule } from "./partial-shapes.ts";

type ElementRule = PartialRule<PartialElements>;

const same: ElementRule = (node, known) => known.elementsOf(node.input(0));

const shape: ElementRule = (node, known) => {
  const dims = known.shapeOf(node.input(0));
  if (!dims) return undefined;
  const items = dims.slice(node.int("start", 0), node.int("end", dims.length));
  return { dtype: "int64", isScalar: false, items };
};

const gather: ElementRule = (node, known) => {
  const data = known.elementsOf(node.input(0));
  const indices = known.elementsOf(node.input(1));
  if (!data || data.isScalar || !indices || node.int("axis", 0) !== 0) return undefined;
  const items = indices.items.map((index) =>
    typeof index === "number" ? data.items.at(index) : undefined,
  );
  return { dtype: data.dtype, isScalar: indices.isScalar, items };
};

/** Longest list of dims that is followed element by element. */
const MAX_ITEMS = 1024;

const slice: ElementRule = (node, known, opset) => {
  const data = known.elementsOf(node.input(0));
  const bounds = sliceBounds(node, opset);
  if (!data || !bounds || bounds.length !== 1) return undefined;
  const [bound] = bounds;
  if (bound?.step !== 1) return undefined;
  return { ...data, items: data.items.slice(bound.start, bound.end) };
};

const concat: ElementRule = (node, known) => {
  const items: PartialDim[] = [];
  const first = known.elementsOf(node.input(0));
  for (const input of node.inputs) {
    const part = known.elementsOf(input);
    if (part) items.push(...part.items);
    else {
      const length = known.shapeOf(input)?.[0];
      // Lists of dims are short; a file may claim anything.
      if (typeof length !== "number" || !(length >= 0 && length <= MAX_ITEMS)) return undefined;
      items.push(...Array.from({ length }, () => undefined));
    }
  }
  return first && { dtype: first.dtype, isScalar: false, items };
};

const cast: ElementRule = (node, known) => {
  const data = known.elementsOf(node.input(0));
  const to = node.int("to");
  if (!data || (to !== 7 && to !== 6)) return undefined;
  return { ...data, dtype: to === 7 ? "int64" : "int32" };
};

const unsqueeze: ElementRule = (node, known) => {
  const data = known.elementsOf(node.input(0));
  return data?.isScalar ? { ...data, isScalar: false } : undefined;
};

const squeeze: ElementRule = (node, known) => {
  const data = known.elementsOf(node.input(0));
  return data && !data.isScalar && data.items.length === 1
    ? { ...data, isScalar: true }
    : undefined;
};

const reshape: ElementRule = (node, known) => {
  const data = known.elementsOf(node.input(0));
  const target = known.elementsOf(node.input(1));
  if (!data || !target || target.items.length > 1) return undefined;
  return { ...data, isScalar: target.items.length === 0 };
};

function arithmetic(compute: (a: number, b: number) => number): ElementRule {
  return (node, known) => {
    const a = known.elementsOf(node.input(0));
    const b = known.elementsOf(node.input(1));
    if (!a || !b) return undefined;
    const length = a.items.length === 1 ? b.items.length : a.items.length;
    if (b.items.length !== length && b.items.length !== 1) return undefined;
    const items = Array.from({ length }, (_, index) => {
      const left = a.items[a.items.length === 1 ? 0 : index];
      const right = b.items[b.items.length === 1 ? 0 : index];
      if (typeof left !== "number" || typeof right !== "number") return undefined;
      const result = compute(left, right);
      return Number.isSafeInteger(result) ? result : undefined;
    });
    return { dtype: a.dtype, isScalar: a.isScalar && b.isScalar, items };
  };
}

export const elementRules: ReadonlyMap<string, ElementRule> = new Map(
  Object.entries({
    Shape: shape,
    Gather: gather,
    Slice: slice,
    Concat: concat,
    Cast: cast,
    Identity: same,
    Unsqueeze: unsqueeze,
    Squeeze: squeeze,
    Reshape: reshape,
    Add: arithmetic((a, b) => a + b),
    Sub: arithmetic((a, b) => a - b),
    Mul: arithmetic((a, b) => a * b),
    Div: arithmetic((a, b) => Math.trunc(a / b)),
  }),
);

/** One axis of a Slice. */
interface SliceBound {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** The constant bounds of a Slice, at every opset; `undefined` if they are computed. */
export function sliceBounds(node: Node, opset: number): readonly SliceBound[] | undefined {
  const read = (name: string, index: number): readonly number[] | undefined =>
    opset < 10 ? node.ints(name) : constantNumbers(node.input(index));
  const starts = read("starts", 1);
  const ends = read("ends", 2);
  if (!starts || !ends) return undefined;
  const isGiven = (name: string, index: number): boolean =>
    opset < 10 ? node.attribute(name) !== undefined : node.input(index) !== undefined;
  const axes = read("axes", 3);
  const steps = opset < 10 ? undefined : read("steps", 4);
  if ((isGiven("axes", 3) && !axes) || (opset >= 10 && node.input(4) && !steps)) return undefined;
  return starts.map((start, index) => ({
    axis: axes?.[index] ?? index,
    start,
    end: ends[index] ?? 0,
    step: steps?.[index] ?? 1,
  }));
}

/** The axes of Squeeze, Unsqueeze or a reduction: an attribute, or a constant input since `since`. */
export function constantAxes(
  node: Node,
  opset: number,
  since: number,
): { readonly axes: readonly number[] | undefined } | undefined {
  if (opset < since) return { axes: node.ints("axes") };
  const input = node.input(1);
  if (!input) return { axes: undefined };
  const axes = constantNumbers(input);
  return axes && { axes };
}
