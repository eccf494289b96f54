import type { Graph } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";

/** Every tensor of a graph and its subgraphs: initializers, and those in attributes. */
export function* listTensors(graph: Graph): Generator<Tensor> {
  for (const value of graph._initializers) if (value.tensor) yield value.tensor;
  for (const node of graph.nodes) {
    for (const attribute of node.attributes) {
      if (attribute.type === "tensor") yield attribute.value;
      else if (attribute.type === "tensors") yield* attribute.value;
      else if (attribute.type === "graph") yield* listTensors(attribute.value);
      else if (attribute.type === "graphs")
        for (const inner of attribute.value) yield* listTensors(inner);
    }
  }
}
