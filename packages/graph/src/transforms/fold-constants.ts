import { GraphError } from "../errors.ts";
import type { Graph } from "../ir/graph.ts";
import type { Node } from "../ir/node.ts";
import { Tensor } from "../ir/tensor.ts";
import type { Value } from "../ir/value.ts";
import { evaluateNode } from "../kernels/evaluate-node.ts";
import { constantTensor } from "./support/constants.ts";
import { isOperator, removeIfUnused } from "./support/edit.ts";
import type { PartialElements, PartialShapes } from "./support/partial-shapes.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "foldConstants";

/** Options of {@link foldConstants}. */
export interface FoldConstantsOptions {
  /** Largest constant that may be created, in elements, 1 or more. Default: 1,048,576. */
  readonly maxElements?: number;
}

export const FOLD_CONSTANTS_DEFAULTS: Required<FoldConstantsOptions> = { maxElements: 1 << 20 };

/** How many bytes a folded constant may take beyond those of what it was computed from. */
const GROWTH_BYTES = 1 << 16;

/**
 * Computes nodes whose inputs are constants. Also computes sizes that follow from the shapes that
 * are the same at every input size (Shape, Gather, Concat, … chains), and writes the target of a
 * Reshape as a constant, with 0 and -1, where at most one of its dims is not known.
 *
 * @example
 * ```ts
 * await transform(model, foldConstants());
 * // Sqrt(constant) → Mul(x, ·)                      →   Mul(x, constant)
 * // Reshape(x, Concat(Shape(x)[0], constant))       →   Reshape(x, [0, constant])
 * ```
 * @throws GraphError `invalid-option` if `maxElements` is not a positive integer.
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function foldConstants(options: FoldConstantsOptions = {}): ShapedTransform {
  const { maxElements } = { ...FOLD_CONSTANTS_DEFAULTS, ...options };
  if (!Number.isInteger(maxElements) || maxElements < 1) {
    throw new GraphError(
      "invalid-option",
      `${NAME}: maxElements must be a positive integer, got ${maxElements}`,
    );
  }
  return shapedTransform(NAME, (model, known) => {
    const { graph, opset } = model;
    let foldedNodes = 0;
    let foldedReshapes = 0;
    for (const node of graph.nodes) {
      if (foldNode(graph, node, known, opset, maxElements)) foldedNodes++;
      else if (foldReshapeTarget(node, known)) foldedReshapes++;
    }
    return {
      modified: foldedNodes + foldedReshapes > 0,
      counts: { foldedNodes, foldedReshapes },
    };
  });
}

function foldNode(
  graph: Graph,
  node: Node,
  known: PartialShapes,
  opset: number,
  maxElements: number,
): boolean {
  if (node.domain !== "" || node.opType === "Constant") return false;
  if (node.outputs.some((output) => output?.isGraphOutput)) return false;
  const results = evaluateConstants(node, opset, maxElements) ?? knownElements(node, known);
  if (!results) return false;
  const outputs = node.outputs.filter((output) => output !== undefined);
  if (results.length < node.outputs.length) return false;
  const inputs = node.inputs;
  const names = outputs.map((output) => output.name);
  const created: Value[] = [];
  for (const [index, output] of node.outputs.entries()) {
    const tensor = results[index];
    if (!output || !tensor) continue;
    const constant = graph.addInitializer(output.name, tensor);
    output.replaceAllUsesWith(constant);
    created.push(constant);
  }
  graph.remove(node);
  for (const [index, constant] of created.entries()) {
    const name = names[index];
    if (constant.uses.length === 0) graph.removeInitializer(constant);
    else if (name !== undefined) constant.name = name;
  }
  for (const input of new Set(inputs)) removeIfUnused(input);
  return true;
}

function evaluateConstants(
  node: Node,
  opset: number,
  maxElements: number,
): readonly Tensor[] | undefined {
  const inputs: (Tensor | undefined)[] = [];
  let inputBytes = 0;
  for (const input of node.inputs) {
    const tensor = constantTensor(input);
    if (input && !tensor) return undefined;
    inputs.push(tensor);
    inputBytes += tensor?.byteLength ?? 0;
  }
  if (inputs.length === 0) return undefined;
  const results = evaluateNode(node, inputs, opset);
  if (!results) return undefined;
  const bytes = results.reduce((sum, tensor) => sum + tensor.byteLength, 0);
  const isSmall = results.every((tensor) => tensor.size <= maxElements);
  return isSmall && bytes <= inputBytes + GROWTH_BYTES ? results : undefined;
}

function knownElements(node: Node, known: PartialShapes): readonly Tensor[] | undefined {
  const elements = node.outputs.length === 1 ? known.elementsOf(node.outputs[0]) : undefined;
  const tensor = elements && toTensor(elements, elements.items);
  return tensor && [tensor];
}

function toTensor(
  { dtype, isScalar }: PartialElements,
  items: PartialElements["items"],
): Tensor | undefined {
  const numbers = items.filter((item) => typeof item === "number");
  if (numbers.length !== items.length) return undefined;
  const dims = isScalar ? [] : [numbers.length];
  if (dtype === "int64") return Tensor.int64(numbers, dims);
  const isInt32 = numbers.every((item) => item === (item | 0));
  return isInt32 ? Tensor.from("int32", dims, Int32Array.from(numbers)) : undefined;
}

/**
 * A computed target of which all dims but one are known numbers, or equal the data's dim at the same
 * place, needs no computing.
 */
function foldReshapeTarget(node: Node, known: PartialShapes): boolean {
  if (!isOperator(node, "Reshape") || node.int("allowzero", 0) !== 0) return false;
  const target = node.input(1);
  if (!target || constantTensor(target)) return false;
  const elements = known.elementsOf(target);
  const data = known.shapeOf(node.input(0));
  if (!elements || elements.isScalar || !data) return false;
  const dims = elements.items.map((item, axis) =>
    typeof item === "string" && item === data[axis] ? 0 : item,
  );
  const isInferred = (dim: (typeof dims)[number]): boolean => typeof dim !== "number" || dim === -1;
  if (dims.filter(isInferred).length > 1) return false;
  const numbers = dims.map((dim) => (typeof dim === "number" ? dim : -1));
  const { graph } = node;
  node.setInput(1, graph.addInitializer(`${node.key}_shape`, Tensor.int64(numbers)));
  return true;
}
