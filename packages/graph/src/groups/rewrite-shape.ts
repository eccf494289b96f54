import { constantTensor } from "../ir/constants.ts";
import type { Node } from "../ir/node.ts";
import { Tensor } from "../ir/tensor.ts";
import type { Value } from "../ir/value.ts";
import type { KeptChannels } from "./channel-rule.ts";

/**
 * Gives an input of a node a constant of its own. The old one stays for its other readers; where
 * there are none it is left for clean-up.
 */
export function replaceConstantInput(
  node: Node,
  index: number,
  tensor: Tensor,
  name: string,
): void {
  const old = node.inputs[index];
  const base = old?.name ?? `${node.key}_${name}`;
  node.setInput(index, node.graph.addInitializer(base, tensor));
  if (old?.tensor && old.uses.length === 0 && !old.isGraphOutput && !old.isGraphInput) {
    old.graph.removeInitializer(old);
  }
}

interface ElementHolder {
  readonly node: Node;
  readonly input: number;
  readonly position: number;
}

/**
 * Sets elements of a shape that a node reads. Where the shape is put together from parts (Concat of
 * constants and of dims taken from other values), the constant part that holds the element is
 * replaced; elements that are computed from other values' shapes follow those by themselves.
 */
export function rewriteShapeInput(
  node: Node,
  input: number,
  elements: ReadonlyMap<number, number>,
  kept: KeptChannels,
): void {
  const byHolder = new Map<Node, Map<number, Map<number, number>>>();
  const originals = new Map<Value, Value>();
  const lengthOf = (value: Value): number => kept.oldShape(originals.get(value) ?? value)[0] ?? 0;
  for (const [position, dim] of elements) {
    const holder = findHolder(node, input, position, lengthOf, originals);
    if (!holder) continue;
    const inputs = byHolder.get(holder.node) ?? new Map<number, Map<number, number>>();
    byHolder.set(holder.node, inputs);
    const positions = inputs.get(holder.input) ?? new Map<number, number>();
    inputs.set(holder.input, positions);
    positions.set(holder.position, dim);
  }
  for (const [holder, inputs] of byHolder) {
    for (const [index, positions] of inputs) {
      const value = holder.inputs[index];
      const tensor = value && constantTensor(value);
      if (!tensor) continue;
      const dims = [...tensor.toNumbers()].map((old, position) =>
        old > 0 ? (positions.get(position) ?? old) : old,
      );
      const fresh =
        tensor.dtype === "int64"
          ? Tensor.int64(dims, tensor.dims)
          : Tensor.from("int32", tensor.dims, Int32Array.from(dims));
      replaceConstantInput(holder, index, fresh, "shape");
    }
  }
}

/** Operators that pass a list of dims on unchanged. */
const PASSES: ReadonlySet<string> = new Set([
  "Identity",
  "Cast",
  "Unsqueeze",
  "Squeeze",
  "Reshape",
]);

function findHolder(
  node: Node,
  input: number,
  position: number,
  lengthOf: (value: Value) => number,
  originals: Map<Value, Value>,
): ElementHolder | undefined {
  const value = node.inputs[input];
  if (!value) return undefined;
  if (constantTensor(value)) return { node, input, position };
  const isPass = value.producer !== undefined && PASSES.has(value.producer.opType);
  if (!isPass && value.producer?.opType !== "Concat") return undefined;
  const producer = ownProducer(node, input, value, originals);
  if (isPass) return findHolder(producer, 0, position, lengthOf, originals);
  let offset = 0;
  for (let index = 0; index < producer.inputs.length; index++) {
    const part = producer.inputs[index];
    const length = part ? lengthOf(part) : 0;
    if (position < offset + length)
      return findHolder(producer, index, position - offset, lengthOf, originals);
    offset += length;
  }
  return undefined;
}

/** The node that computes an input, made anew if others read its value too: they keep theirs. */
function ownProducer(node: Node, input: number, value: Value, originals: Map<Value, Value>): Node {
  const { producer } = value;
  if (!producer) throw new TypeError(`ownProducer: nothing computes "${value.name}"`);
  if (value.uses.length === 1 && !value.isGraphOutput) return producer;
  const copy = node.graph.createNode({
    opType: producer.opType,
    domain: producer.domain,
    inputs: producer.inputs,
    outputs: [node.graph.uniqueName(value.name)],
    attributes: Object.fromEntries(
      producer.attributes.map(({ name, source: _, ...content }) => [name, content]),
    ),
    before: node,
  });
  originals.set(copy.output, originals.get(value) ?? value);
  node.setInput(input, copy.output);
  return copy;
}
