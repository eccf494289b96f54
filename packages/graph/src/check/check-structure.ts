import { type Graph, listCaptures, listSubgraphs } from "../ir/graph.ts";
import type { Node } from "../ir/node.ts";
import type { Value } from "../ir/value.ts";
import { listNodesInOrder } from "../shapes/node-order.ts";
import type { Issue } from "./issue.ts";

const nameOf = (node: Node): string => node.name || node.key;

/** Order and cycles of the nodes, and values that nothing or more than one thing defines. */
export function* checkStructure(graph: Graph): Generator<Issue> {
  yield* checkProducers(graph);
  yield* checkOrder(graph);
  yield* checkOutputs(graph);
  for (const node of graph.nodes) {
    for (const subgraph of listSubgraphs(node)) yield* checkStructure(subgraph);
  }
}

function* checkProducers(graph: Graph): Generator<Issue> {
  for (const node of graph.nodes) {
    const seen = new Set<Value>();
    for (const output of node.outputs) {
      if (!output) continue;
      if (seen.has(output) || output.producer !== node) {
        yield issue("duplicate-output", `"${output.name}" is an output of more than one place`, {
          node: nameOf(node),
          value: output.name,
        });
      }
      if (output.isInitializer || output.isGraphInput) {
        yield issue(
          "duplicate-output",
          `${node.describe()} computes "${output.name}", which is also an input or initializer`,
          { node: nameOf(node), value: output.name },
        );
      }
      seen.add(output);
    }
    for (const input of node.inputs) {
      if (input && !isDefined(input)) {
        yield issue(
          "dangling-input",
          `${node.describe()} reads "${input.name}", which nothing defines`,
          { node: nameOf(node), value: input.name },
        );
      }
    }
  }
}

/** Removed nodes and values still point at each other, but the graph no longer has them. */
function isDefined(value: Value): boolean {
  if (value.graph.value(value.name) !== value) return false;
  return value.isGraphInput || value.isInitializer || value.producer?.removed === false;
}

function* checkOrder(graph: Graph): Generator<Issue> {
  const seen = new Set<Node>();
  let misplaced: Issue | undefined;
  for (const node of graph.nodes) {
    for (const value of [...node.inputs, ...listCaptures(node)]) {
      const producer = value?.graph === graph ? value.producer : undefined;
      if (!value || !producer || producer.removed || seen.has(producer)) continue;
      misplaced ??= issue(
        "node-order",
        `${node.describe()} stands before ${producer.describe()}, whose output "${value.name}" it reads; sort the graph`,
        { node: nameOf(node), value: value.name },
      );
    }
    seen.add(node);
  }
  if (!misplaced) return;
  const stuck = findCycle(graph);
  yield stuck
    ? issue("cycle", `there is a cycle through ${stuck.describe()}`, { node: nameOf(stuck) })
    : misplaced;
}

/** A node that still stands before one it reads from when all are sorted. */
function findCycle(graph: Graph): Node | undefined {
  const seen = new Set<Node>();
  for (const node of listNodesInOrder(graph)) {
    for (const value of [...node.inputs, ...listCaptures(node)]) {
      const producer = value?.graph === graph ? value.producer : undefined;
      if (producer && !producer.removed && !seen.has(producer)) return node;
    }
    seen.add(node);
  }
  return undefined;
}

function* checkOutputs(graph: Graph): Generator<Issue> {
  if (graph.outputs.length === 0) {
    yield issue("no-outputs", "the graph has no outputs", {});
  }
  for (const output of graph.outputs) {
    if (!isDefined(output)) {
      yield issue("dangling-output", `nothing computes the graph output "${output.name}"`, {
        value: output.name,
      });
    }
  }
  for (const [name, count] of countNames(graph.outputs)) {
    if (count < 2) continue;
    yield issue("duplicate-output", `the graph lists its output "${name}" ${count} times`, {
      value: name,
    });
  }
}

function countNames(values: readonly Value[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { name } of values) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function issue(
  code: string,
  message: string,
  where: { readonly node?: string; readonly value?: string },
): Issue {
  return { severity: "error", code, message: `checkModel: ${message}`, ...where };
}
