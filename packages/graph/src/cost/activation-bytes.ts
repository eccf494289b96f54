import { byteLength } from "../ir/data-type.ts";
import { listCaptures } from "../ir/graph.ts";
import type { Model } from "../ir/model.ts";
import type { Value } from "../ir/value.ts";
import { listNodesInOrder } from "../shapes/node-order.ts";
import type { ShapeInference } from "../shapes/types.ts";

/** Bytes of a value at its inferred shape (float32 if its type is unknown); 0 if it is constant. */
export function valueBytes(value: Value, shapes: ShapeInference): number {
  const dims = shapes.shapeOf(value);
  if (!dims || shapes.constantOf(value)) return 0;
  return byteLength(shapes.dtypeOf(value) ?? "float32", dims);
}

/**
 * Most bytes of values alive at once when the nodes run in order: a value lives from the node that
 * makes it (inputs: from the start) to the last that reads it (outputs: to the end).
 */
export function computePeakBytes(model: Model, shapes: ShapeInference): number {
  const nodes = listNodesInOrder(model.graph);
  const lastUse = new Map<Value, number>();
  nodes.forEach((node, at) => {
    for (const value of node.inputs) if (value) lastUse.set(value, at);
    if (node.attributes.some(({ type }) => type === "graph" || type === "graphs")) {
      for (const value of listCaptures(node)) lastUse.set(value, at);
    }
  });
  for (const value of model.graph.outputs) lastUse.set(value, nodes.length);
  const freedAt = new Map<number, number>();
  let live = 0;
  const begin = (value: Value, at: number): void => {
    const bytes = valueBytes(value, shapes);
    const end = lastUse.get(value) ?? at;
    live += bytes;
    freedAt.set(end, (freedAt.get(end) ?? 0) + bytes);
  };
  for (const value of model.graph.inputs) if (!value.isInitializer) begin(value, 0);
  let peak = live;
  nodes.forEach((node, at) => {
    for (const value of node.outputs) if (value) begin(value, at);
    peak = Math.max(peak, live);
    live -= freedAt.get(at) ?? 0;
  });
  return peak;
}
