import { type Graph, listCaptures } from "../ir/graph.ts";
import type { Node } from "../ir/node.ts";

/**
 * The nodes, each after those it reads from as far as there is such an order; the graph is not
 * changed. Where nodes form a cycle they keep the graph's order.
 */
export function listNodesInOrder(graph: Graph): readonly Node[] {
  const nodes = [...graph.nodes];
  const seen = new Set<Node>();
  const isReady = (node: Node): boolean => {
    for (const value of node.inputs) {
      if (value?.producer && value.graph === graph && !seen.has(value.producer)) return false;
    }
    return true;
  };
  let isSorted = true;
  for (const node of nodes) {
    if (!isReady(node)) {
      isSorted = false;
      break;
    }
    seen.add(node);
  }
  return isSorted ? nodes : depthFirstOrder(graph, nodes);
}

function depthFirstOrder(graph: Graph, nodes: readonly Node[]): readonly Node[] {
  const sorted: Node[] = [];
  const entered = new Set<Node>();
  for (const root of nodes) {
    const stack: { node: Node; isDone: boolean }[] = [{ node: root, isDone: false }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      if (top.isDone) {
        sorted.push(top.node);
        continue;
      }
      if (entered.has(top.node)) continue;
      entered.add(top.node);
      stack.push({ node: top.node, isDone: true });
      for (const value of [...top.node.inputs, ...listCaptures(top.node)]) {
        const producer = value?.graph === graph ? value.producer : undefined;
        if (producer && !entered.has(producer)) stack.push({ node: producer, isDone: false });
      }
    }
  }
  return sorted;
}
