import type { Issue } from "../check/issue.ts";
import { GraphError } from "../errors.ts";
import { type DataType, elementCount } from "../ir/data-type.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Value } from "../ir/value.ts";
import { runKernel } from "../kernels/evaluate-node.ts";
import { readInputShapes } from "./input-shapes.ts";
import { listNodesInOrder } from "./node-order.ts";
import type { InferredOutput, ShapeRule, ShapeRuleContext } from "./shape-rule.ts";
import { operatorName, shapeRules } from "./shape-rules.ts";
import type { ShapeInference } from "./types.ts";

/** How {@link inferShapes} works. */
export interface InferShapesOptions {
  /** Shapes of inputs, by name; needed for those with symbolic or unknown dims. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Rules that are added or win, by `opType`, or `domain:opType` for other domains. */
  readonly rules?: ReadonlyMap<string, ShapeRule>;
  /** Largest tensor, in elements, that is computed from constants. Default: 1024. */
  readonly maxConstantSize?: number;
}

/** What is known of one value. */
interface Facts {
  readonly dims: readonly number[] | undefined;
  readonly dtype: DataType | undefined;
  readonly constant: Tensor | undefined;
}

const UNKNOWN: Facts = { dims: undefined, dtype: undefined, constant: undefined };

/** The first with broadcasting as NumPy has it. */
const OLDEST_OPSET = 7;

/** Constants are computed from at most this many times `maxConstantSize` elements. */
const INPUT_FACTOR = 64;

/**
 * Computes dims and element types of all values at concrete input shapes, and the content of small
 * values that the shapes determine (`Shape → Gather → Concat → Reshape`). The model is not changed.
 * Operators without a rule, If and Loop give unknown shapes and an issue, and so do shapes that
 * contradict each other; nodes that stand before those they read from are visited after them.
 * Operator set 7 and up.
 *
 * @throws GraphError `invalid-option` if an input's shape is not fixed and not given,
 * `shape-mismatch` if a given one contradicts the declared one.
 * @category Analysis
 * @example
 * ```ts
 * const shapes = inferShapes(model, { inputShapes: { x: [1, 3, 640, 640] } });
 * shapes.shapeOf(model.graph.outputs[0]); // → [1, 1, 640, 640]
 * ```
 */
export function inferShapes(model: Model, options: InferShapesOptions = {}): ShapeInference {
  const inputShapes = readInputShapes(model, options.inputShapes);
  const facts = new Map<Value, Facts>();
  const issues: Issue[] = [];
  const maxSize = options.maxConstantSize ?? 1024;

  const factsOf = (value: Value): Facts => {
    const known = facts.get(value);
    if (known) return known;
    const tensor = value.tensor;
    const found: Facts = tensor
      ? { dims: tensor.dims, dtype: tensor.dtype, constant: tensor }
      : value.producer
        ? UNKNOWN
        : declaredFacts(value, inputShapes);
    facts.set(value, found);
    return found;
  };

  const opset = model.opsetImports.get("");
  if (opset !== undefined && opset < OLDEST_OPSET) {
    issues.push({
      severity: "warning",
      code: "old-opset",
      message: `inferShapes: the model imports opset ${opset}; shapes are right from ${OLDEST_OPSET} on`,
    });
  }
  for (const node of listNodesInOrder(model.graph)) {
    const context = createContext(node, model, factsOf, issues);
    const outputs = applyRule(node, model, context, options.rules, issues);
    const constants = computeConstants(context, outputs, factsOf, maxSize);
    node.outputs.forEach((value, index) => {
      if (!value) return;
      const output = outputs[index];
      facts.set(value, {
        dims: output?.dims,
        dtype: output?.dtype ?? declaredType(value),
        constant: output?.constant ?? constants?.[index],
      });
    });
  }
  return {
    shapeOf: (value) => factsOf(value).dims,
    dtypeOf: (value) => factsOf(value).dtype,
    constantOf: (value) => factsOf(value).constant,
    inputShapes,
    issues,
  };
}

function declaredType(value: Value): DataType | undefined {
  return value.type?.kind === "tensor" ? value.type.dtype : undefined;
}

function declaredFacts(
  value: Value,
  inputShapes: Readonly<Record<string, readonly number[]>>,
): Facts {
  const dims = value.isGraphInput && Object.hasOwn(inputShapes, value.name);
  return {
    dims: dims ? inputShapes[value.name] : undefined,
    dtype: declaredType(value),
    constant: undefined,
  };
}

function createContext(
  node: Node,
  model: Model,
  factsOf: (value: Value) => Facts,
  issues: Issue[],
): ShapeRuleContext {
  const { inputs } = node;
  const find = (index: number): Facts => {
    const value = inputs[index];
    return value ? factsOf(value) : UNKNOWN;
  };
  return {
    node,
    opset: node.domain === "" ? model.opset : (model.opsetImports.get(node.domain) ?? 1),
    dims: (index) => find(index).dims,
    dtype: (index) => find(index).dtype,
    constant: (index) => find(index).constant,
    numbers: (index) => {
      const tensor = find(index).constant;
      return tensor && tensor.dtype !== "string" ? [...tensor.toNumbers()] : undefined;
    },
    warn: (code, reason) => {
      issues.push({
        severity: "warning",
        code,
        message: `${node.describe()}: ${reason}`,
        node: node.name || node.key,
      });
    },
  };
}

function applyRule(
  node: Node,
  model: Model,
  context: ShapeRuleContext,
  rules: ReadonlyMap<string, ShapeRule> | undefined,
  issues: Issue[],
): readonly InferredOutput[] {
  const name = operatorName(node);
  const own = model.hasFunction(node.domain, node.opType) ? undefined : shapeRules.get(name);
  const rule = rules?.get(name) ?? own;
  if (!rule) {
    const holdsGraph = node.attributes.some(({ type }) => type === "graph" || type === "graphs");
    if (holdsGraph) context.warn("subgraph", `the shapes of ${name} are not inferred`);
    else context.warn("unknown-operator", `there is no shape rule for the operator ${name}`);
    return [];
  }
  try {
    return rule(context);
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    issues.push({
      severity: "error",
      code: error.code,
      message: error.message,
      node: node.name || node.key,
    });
    return [];
  }
}

/** The outputs' content, if all inputs are constant and it is small. */
function computeConstants(
  context: ShapeRuleContext,
  outputs: readonly InferredOutput[],
  factsOf: (value: Value) => Facts,
  maxSize: number,
): readonly Tensor[] | undefined {
  const { node } = context;
  if (outputs.length === 0 || outputs.some((output) => output.constant)) return undefined;
  const inputs: (Tensor | undefined)[] = [];
  let inputSize = 0;
  for (const value of node.inputs) {
    const constant = value ? factsOf(value).constant : undefined;
    if (value && !constant) return undefined;
    inputs.push(constant);
    inputSize += constant?.size ?? 0;
  }
  if (inputs.length === 0 || inputSize > INPUT_FACTOR * maxSize) return undefined;
  let outputSize = 0;
  for (const { dims } of outputs) outputSize += dims ? elementCount(dims) : inputSize;
  if (outputSize > maxSize) return undefined;
  try {
    return runKernel({ node, opset: context.opset, numbers: context.numbers, inputs, outputs });
  } catch (error) {
    // External data that is not there, or types without plain numbers.
    if (!(error instanceof GraphError)) throw error;
    context.warn("unreadable-constant", error.message);
    return undefined;
  }
}
