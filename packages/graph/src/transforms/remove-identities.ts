import { dataTypeFromCode } from "../ir/data-type.ts";
import type { Node } from "../ir/node.ts";
import { constantNumbers, constantScalar, constantTensor } from "./support/constants.ts";
import { bypass } from "./support/edit.ts";
import { knownDtype } from "./support/known-dtype.ts";
import { sliceBounds } from "./support/partial-element-rules.ts";
import type { PartialShapes } from "./support/partial-shapes.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "removeIdentities";

/**
 * Removes nodes that return their input as it is: Identity, Dropout in inference, Cast to the same
 * type, Transpose in order, Reshape to the same shape, empty Pad, whole Slice, Concat and Sum of one,
 * Mul and Div by 1, Add and Sub of 0, Resize by 1, Expand to no more. Only where type and shape are
 * certain to be unchanged at every input size. Graph outputs keep their names.
 *
 * @example
 * ```ts
 * await transform(model, removeIdentities());
 * // Conv → Identity → Dropout → Relu   →   Conv → Relu
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function removeIdentities(): ShapedTransform {
  return shapedTransform(NAME, (model, known) => {
    let removedNodes = 0;
    for (const node of model.graph.nodes) {
      const find = node.domain === "" ? identityRules.get(node.opType) : undefined;
      const index = find?.(node, known, model.opset);
      const replacement = index === undefined ? undefined : node.input(index);
      if (replacement && bypass(node, replacement)) removedNodes++;
    }
    return { modified: removedNodes > 0, counts: { identities: removedNodes } };
  });
}

/** Returns which input a node returns unchanged, if it does. */
type IdentityRule = (node: Node, known: PartialShapes, opset: number) => number | undefined;

const onlyIf = (condition: boolean | undefined): number | undefined => (condition ? 0 : undefined);

const dropout: IdentityRule = (node, _, opset) => {
  if (opset < 12 || !node.input(2)) return 0;
  const mode = constantTensor(node.input(2));
  return onlyIf(mode?.dtype === "bool" && mode.toNumbers()[0] === 0);
};

const cast: IdentityRule = (node) => {
  const dtype = knownDtype(node.input(0));
  return onlyIf(dtype !== undefined && dtype === dataTypeFromCode(node.int("to", 0)));
};

const transpose: IdentityRule = (node) =>
  onlyIf(node.ints("perm")?.every((axis, index) => axis === index) ?? false);

/** All dims of the target but one must be those of the data; the last one then is too. */
const reshape: IdentityRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  const target = known.elementsOf(node.input(1));
  if (!data || target?.items.length !== data.length || node.int("allowzero", 0) !== 0) {
    return undefined;
  }
  const open = target.items.filter(
    (item, axis) => item !== 0 && (item === undefined || item !== data[axis]),
  );
  return onlyIf(open.length === 0 || (open.length === 1 && open[0] === -1 && !data.includes(0)));
};

const flatten: IdentityRule = (node, known) =>
  onlyIf(known.shapeOf(node.input(0))?.length === 2 && node.int("axis", 1) === 1);

const pad: IdentityRule = (node, _, opset) => {
  const pads = opset < 11 ? node.ints("pads") : constantNumbers(node.input(1));
  return onlyIf(pads?.every((count) => count === 0) ?? false);
};

const slice: IdentityRule = (node, known, opset) => {
  const data = known.shapeOf(node.input(0));
  const bounds = sliceBounds(node, opset);
  if (!bounds) return undefined;
  return onlyIf(
    bounds.every(({ axis, start, end, step }) => {
      const size = data?.at(axis);
      const reachesEnd = end >= 2 ** 31 - 1 || (typeof size === "number" && end >= size);
      return step === 1 && start === 0 && reachesEnd;
    }),
  );
};

const ofOne: IdentityRule = (node) => onlyIf(node.inputs.length === 1);

/** A constant of one element, of a rank that does not enlarge the other's. */
function neutral(number: number, indices: readonly number[]): IdentityRule {
  return (node, known) => {
    if (node.inputs.length !== 2) return undefined;
    for (const index of indices) {
      const data = node.input(1 - index);
      const constant = constantTensor(node.input(index));
      if (!constant || constantScalar(node.input(index)) !== number) continue;
      const rank = known.shapeOf(data)?.length ?? 0;
      if (constant.dims.length <= rank) return 1 - index;
    }
    return undefined;
  };
}

const resize: IdentityRule = (node, known, opset) => {
  const scales =
    node.opType === "Upsample" && opset < 9
      ? node.floats("scales")
      : constantNumbers(node.input(opset < 11 ? 1 : 2));
  const isCropping = node.string("coordinate_transformation_mode") === "tf_crop_and_resize";
  const isWhole = scales?.length === known.shapeOf(node.input(0))?.length;
  return onlyIf(!isCropping && isWhole && scales?.every((scale) => scale === 1));
};

const expand: IdentityRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  const target = known.elementsOf(node.input(1));
  if (!data || !target || target.items.length > data.length) return undefined;
  const offset = data.length - target.items.length;
  return onlyIf(
    target.items.every(
      (item, axis) => item === 1 || (item !== undefined && item === data[axis + offset]),
    ),
  );
};

const identityRules: ReadonlyMap<string, IdentityRule> = new Map([
  ["Identity", () => 0],
  ["Dropout", dropout],
  ["Cast", cast],
  ["Transpose", transpose],
  ["Reshape", reshape],
  ["Flatten", flatten],
  ["Pad", pad],
  ["Slice", slice],
  ["Concat", ofOne],
  ["Sum", ofOne],
  ["Max", ofOne],
  ["Min", ofOne],
  ["Mean", ofOne],
  ["Mul", neutral(1, [0, 1])],
  ["Div", neutral(1, [1])],
  ["Add", neutral(0, [0, 1])],
  ["Sub", neutral(0, [1])],
  ["Resize", resize],
  ["Upsample", resize],
  ["Expand", expand],
]);
