import type { Graph, NodeInit } from "../../ir/graph.ts";
import type { Node } from "../../ir/node.ts";
import type { Use, Value } from "../../ir/value.ts";

/** Whether a node is one of these standard operators. */
export function isOperator(node: Node | undefined, ...opTypes: readonly string[]): node is Node {
  return node !== undefined && node.domain === "" && opTypes.includes(node.opType);
}

/** The one place that reads a value, or `undefined` if there are more, or the graph returns it. */
export function onlyUse(value: Value): Use | undefined {
  return value.uses.length === 1 && !value.isGraphOutput ? value.uses[0] : undefined;
}

/** The one node of this graph that reads a value, once. */
export function onlyConsumer(value: Value): Node | undefined {
  const node = onlyUse(value)?.node;
  return node?.graph === value.graph ? node : undefined;
}

/** Whether nothing reads a node's outputs beyond the first. */
export function usesOnlyFirstOutput(node: Node): boolean {
  return node.outputs
    .slice(1)
    .every((output) => !output || (output.uses.length === 0 && !output.isGraphOutput));
}

/**
 * Removes a node, and lets everything that reads its first output read `replacement`. A graph output
 * keeps its name: the replacement takes it over. Returns false, and changes nothing, where that
 * cannot be done: a graph output cannot become an input, an initializer or another output.
 */
export function bypass(node: Node, replacement: Value): boolean {
  if (!canBypass(node, replacement)) return false;
  const { graph, output } = node;
  const returned = output.isGraphOutput;
  const { name, type } = output;
  output.replaceAllUsesWith(replacement);
  graph.remove(node);
  if (returned) {
    replacement.name = name;
    if (type) replacement.type = type;
  }
  return true;
}

/** Whether {@link bypass} would succeed. */
export function canBypass(node: Node, replacement: Value): boolean {
  const { graph, output } = node;
  if (!usesOnlyFirstOutput(node) || output === replacement) return false;
  return !output.isGraphOutput || canReturn(graph, output, replacement);
}

function canReturn(graph: Graph, output: Value, replacement: Value): boolean {
  const count = graph.outputs.filter((value) => value === output).length;
  return (
    count === output._outputCount &&
    replacement.graph === graph &&
    replacement.producer !== undefined &&
    !replacement.isGraphOutput
  );
}

/**
 * Puts a new node in the place of another; its output keeps the old one's name and type.
 * Returns `undefined`, and changes nothing, if another output of the old node is read.
 */
export function replaceNode(
  node: Node,
  init: Omit<NodeInit, "outputs" | "before" | "after">,
): Node | undefined {
  const { graph, output } = node;
  const { name, type } = output;
  if (!usesOnlyFirstOutput(node)) return undefined;
  const fresh = graph.createNode({
    ...init,
    name: init.name ?? node.name,
    outputs: [graph.uniqueName(name)],
    before: node,
  });
  if (!bypass(node, fresh.output)) {
    graph.remove(fresh);
    return undefined;
  }
  if (fresh.output.name !== name) fresh.output.name = name;
  if (type && fresh.output.type !== type) fresh.output.type = type;
  return fresh;
}

/** Removes a constant that nothing reads any more. */
export function removeIfUnused(value: Value | undefined): void {
  if (!value || value.uses.length > 0 || value.isGraphOutput || value.isGraphInput) return;
  if (value.isInitializer) value.graph.removeInitializer(value);
  else if (value.producer?.opType === "Constant" && value.producer.domain === "") {
    value.graph.remove(value.producer);
  }
}
