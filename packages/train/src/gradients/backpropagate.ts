import { listSubgraphs, type Node, operatorName, type Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Ops } from "../ops/ops.ts";
import type { GradientRule } from "./gradient-rule.ts";
import { gradientRules } from "./gradient-rules.ts";

/** What {@link backpropagate} differentiates. */
export interface BackpropagateOptions {
  /** A float scalar, or a value of one element, of the graph. */
  readonly loss: Value;
  /** Values to differentiate with respect to: initializers, inputs or inner values. */
  readonly wrt: readonly Value[];
  /** Rules that are added or win, by `opType`, or `domain:opType` for other domains. */
  readonly rules?: ReadonlyMap<string, GradientRule>;
}

/**
 * Adds the nodes that compute the gradient of `loss` with respect to each of `wrt`: one pass from
 * the loss back over the nodes between them (reverse mode; Griewank and Walther, "Evaluating
 * Derivatives", ch. 3). Values that a loss does not depend on are left out of the result.
 * @throws TrainError `unknown-operator` if a node on the way has no rule; `invalid-loss` if the loss
 *   is not a scalar.
 */
export function backpropagate(ops: Ops, options: BackpropagateOptions): ReadonlyMap<Value, Value> {
  const { loss } = options;
  if (ops.dims(loss).some((dim) => dim !== 1) || !isFloat(ops, loss)) {
    throw new TrainError(
      "invalid-loss",
      `differentiate: the loss "${loss.name}" is ${ops.dtype(loss)} of dims [${ops.dims(loss)}], not a float scalar; reduce it (ops.mean, ops.sum)`,
      { value: loss.name },
    );
  }
  const targets = new Set(options.wrt);
  const path = findPath(ops, loss, targets);
  const gradients = new Map<Value, Value>();
  const pending = new Map<Value, Value[]>();
  const settle = (value: Value): Value | undefined => {
    const done = gradients.get(value);
    if (done) return done;
    const parts = pending.get(value);
    if (!parts) return undefined;
    const [first] = parts;
    const sum = parts.length === 1 && first ? first : ops.node("Sum", parts);
    const total = ops.expand(sum, ops.dims(value));
    gradients.set(value, total);
    return total;
  };
  pending.set(loss, [ops.expand(ops.scalar(1, ops.dtype(loss)), ops.dims(loss))]);
  for (const node of path.nodes) {
    const rule = findRule(node, options.rules);
    if (!node.outputs.some((output) => output && pending.has(output))) continue;
    const results = rule({
      node,
      ops,
      gradient: (index) => {
        const output = node.outputs[index];
        return output ? settle(output) : undefined;
      },
      needs: (index) => {
        const input = node.input(index);
        return input !== undefined && path.active.has(input);
      },
    });
    node.inputs.forEach((input, index) => {
      const result = results[index];
      if (!input || !result || !path.active.has(input)) return;
      assertDims(ops, node, input, result);
      const parts = pending.get(input);
      if (parts) parts.push(result);
      else pending.set(input, [result]);
    });
  }
  const found = new Map<Value, Value>();
  for (const value of options.wrt) {
    const gradient = settle(value);
    if (gradient) found.set(value, gradient);
  }
  return found;
}

/** The nodes between the targets and the loss, last first, and the values that carry gradients. */
function findPath(
  ops: Ops,
  loss: Value,
  targets: ReadonlySet<Value>,
): { readonly nodes: readonly Node[]; readonly active: ReadonlySet<Value> } {
  const active = new Set<Value>(targets);
  const ordered: Node[] = [];
  for (const node of ops.graph.nodes) {
    if (!node.inputs.some((input) => input && active.has(input))) continue;
    let carries = false;
    for (const output of node.outputs) {
      if (!output || !isFloat(ops, output)) continue;
      active.add(output);
      carries = true;
    }
    if (carries) ordered.push(node);
  }
  const needed = new Set<Value>([loss]);
  const nodes: Node[] = [];
  for (const node of ordered.reverse()) {
    if (!node.outputs.some((output) => output && needed.has(output))) continue;
    for (const input of node.inputs) if (input && active.has(input)) needed.add(input);
    nodes.push(node);
  }
  return { nodes, active };
}

function isFloat(ops: Ops, value: Value): boolean {
  return ops.dtype(value).startsWith("float");
}

function findRule(node: Node, rules: ReadonlyMap<string, GradientRule> | undefined): GradientRule {
  const name = operatorName(node);
  const rule = rules?.get(name) ?? gradientRules.get(name);
  if (rule) return rule;
  const what = listSubgraphs(node).length > 0 ? "holds subgraphs" : `has no gradient rule`;
  throw new TrainError(
    "unknown-operator",
    `differentiate: ${node.describe()} lies between a parameter and the loss and ${what}; freeze the parameters before it, or give a rule for ${name} (option rules)`,
    { node: node.name || node.key },
  );
}

/** A rule may leave out the repetition along axes of which all elements have the same gradient. */
function assertDims(ops: Ops, node: Node, input: Value, gradient: Value): void {
  const expected = ops.dims(input);
  const got = ops.dims(gradient);
  const fits =
    expected.length === got.length &&
    expected.every((dim, axis) => dim === got[axis] || got[axis] === 1);
  if (fits) return;
  throw new TrainError(
    "not-differentiable",
    `differentiate: the rule of ${node.describe()} gave a gradient of dims [${got}] for input "${input.name}" of dims [${expected}]; correct the rule`,
    { node: node.name || node.key, value: input.name },
  );
}
