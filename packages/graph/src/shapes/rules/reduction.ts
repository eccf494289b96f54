import { normalizeAxis } from "../dims.ts";
import { dependsOnData, type ShapeRule, type ShapeRuleContext } from "../shape-rule.ts";

/**
 * The axes that a ReduceX reduces, sorted; all of them where none are given, unless
 * `noop_with_empty_axes`. `undefined` if they are computed.
 */
export function readReducedAxes(
  context: Pick<ShapeRuleContext, "node" | "numbers">,
  rank: number,
): readonly number[] | undefined {
  const { node } = context;
  const given = node.ints("axes") ?? context.numbers(1);
  if (!given && node.input(1)) return undefined;
  if (given && given.length > 0) {
    return [...new Set(given.map((axis) => normalizeAxis(node, axis, rank)))].sort((a, b) => a - b);
  }
  return node.int("noop_with_empty_axes", 0) !== 0 ? [] : [...new Array<number>(rank).keys()];
}

const reduce: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype }];
  const axes = readReducedAxes(context, dims.length);
  if (!axes) return dependsOnData(context, "axes");
  const keepsDims = node.int("keepdims", 1) !== 0;
  const output = keepsDims
    ? dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
    : dims.filter((_, axis) => !axes.includes(axis));
  return [{ dims: output, dtype }];
};

const argReduce: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  if (!dims) return [{ dtype: "int64" }];
  const axis = normalizeAxis(node, node.int("axis", 0), dims.length);
  const output =
    node.int("keepdims", 1) !== 0
      ? dims.map((dim, i) => (i === axis ? 1 : dim))
      : dims.filter((_, i) => i !== axis);
  return [{ dims: output, dtype: "int64" }];
};

/** Reductions. */
export const reductionRules: readonly (readonly [string, ShapeRule])[] = [
  ...["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"].map(
    (name): [string, ShapeRule] => [`Reduce${name}`, reduce],
  ),
  ["ArgMax", argReduce],
  ["ArgMin", argReduce],
];
