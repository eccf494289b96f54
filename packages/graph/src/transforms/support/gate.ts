/* Reads the product of a value and a gate computed from it, as in HardSwish and GELU. */
import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import { readScalarAffine } from "./affine.ts";
import { onlyConsumer } from "./edit.ts";
import type { PartialShapes } from "./partial-shapes.ts";

/** A value as scale · base + shift, and the nodes that compute it, last first. */
interface ScalarChain {
  readonly base: Value;
  readonly scale: number;
  readonly shift: number;
  readonly nodes: readonly Node[];
}

/**
 * Follows scalar Mul, Div, Add and Sub upwards from a value, through nodes that are read by nothing
 * else, until `stop` (if given) or the first other node.
 */
export function readScalarChain(value: Value, known: PartialShapes, stop?: Value): ScalarChain {
  let base = value;
  let scale = 1;
  let shift = 0;
  const nodes: Node[] = [];
  while (base !== stop) {
    const step = readScalarAffine(base.producer, known);
    const node = base.producer;
    if (!step || !node || !onlyConsumer(base)) break;
    shift += scale * step.shift;
    scale *= step.scale;
    base = step.data;
    nodes.push(node);
  }
  return { base, scale, shift, nodes };
}

/** A factor that follows a node, with nothing else reading in between. */
export function readTrailingScale(
  node: Node,
  known: PartialShapes,
): { readonly node: Node; readonly scale: number } | undefined {
  const next = onlyConsumer(node.output);
  const step = readScalarAffine(next, known);
  return next && step && step.shift === 0 ? { node: next, scale: step.scale } : undefined;
}

/** The two ways in which a Mul's inputs can be value and gate. */
export function listFactorPairs(node: Node): readonly (readonly [Value, Value])[] {
  const [left, right] = node.inputs;
  if (!left || !right || node.inputs.length !== 2 || left === right) return [];
  return [
    [left, right],
    [right, left],
  ];
}
