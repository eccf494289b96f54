import type { Graph, Value } from "@ocrslim/graph";
import { conv, matMul, unary } from "./layers.ts";
import { concat, globalAveragePool, hardSigmoid, transpose } from "./reshaping.ts";
import { addNode, dimOf, shapeOf } from "./test-graph.ts";

/** Add of two values of which one may be broadcast over the other: `b` over `a`. */
export function add(graph: Graph, a: Value, b: Value): Value {
  return addNode(graph, "Add", [a, b], broadcast(a, b));
}

/** Mul of two values of which one may be broadcast over the other. */
export function mul(graph: Graph, a: Value, b: Value): Value {
  return addNode(graph, "Mul", [a, b], broadcast(a, b));
}

function broadcast(a: Value, b: Value): readonly number[] {
  const other = shapeOf(b);
  return shapeOf(a).map((dim, axis) => Math.max(dim, other[axis] ?? 1));
}

/** x + branch(x). */
export function residual(graph: Graph, x: Value, branch: (x: Value) => Value): Value {
  return add(graph, branch(x), x);
}

/** Concat of what the branches make of x. */
export function concatBranches(
  graph: Graph,
  x: Value,
  branches: readonly ((x: Value) => Value)[],
): Value {
  return concat(
    graph,
    branches.map((branch) => branch(x)),
  );
}

/** Squeeze and excitation: GlobalAveragePool, 1×1, Relu, 1×1, HardSigmoid, Mul. */
export function seGate(graph: Graph, x: Value, options: { readonly squeeze: number }): Value {
  const mean = globalAveragePool(graph, x);
  const squeezed = unary(graph, "Relu", conv(graph, mean, { out: options.squeeze, kernel: 1 }));
  const gate = hardSigmoid(graph, conv(graph, squeezed, { out: dimOf(x, 1), kernel: 1 }));
  return mul(graph, x, gate);
}

/** A linear layer over channels in NHWC: Transpose, MatMul, Transpose. */
export function channelLinear(graph: Graph, x: Value, options: { readonly out: number }): Value {
  const last = transpose(graph, x, [0, 2, 3, 1]);
  return transpose(graph, matMul(graph, last, options), [0, 3, 1, 2]);
}
