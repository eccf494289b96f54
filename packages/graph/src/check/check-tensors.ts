import { GraphError } from "../errors.ts";
import { byteLength } from "../ir/data-type.ts";
import { type Graph, listSubgraphs } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Issue } from "./issue.ts";

/** Initializers and constant attributes: whether their data fits their dims and can be had. */
export function* checkTensors(graph: Graph): Generator<Issue> {
  for (const { name, tensor } of graph.initializers) {
    if (tensor) yield* checkTensor(tensor, `initializer "${name}"`, { value: name });
  }
  for (const node of graph.nodes) {
    const where = { node: node.name || node.key };
    for (const attribute of node.attributes) {
      const what = `attribute "${attribute.name}" of ${node.describe()}`;
      if (attribute.type === "tensor") yield* checkTensor(attribute.value, what, where);
      if (attribute.type === "tensors") {
        for (const tensor of attribute.value) yield* checkTensor(tensor, what, where);
      }
    }
    for (const subgraph of listSubgraphs(node)) yield* checkTensors(subgraph);
  }
}

function* checkTensor(
  tensor: Tensor,
  what: string,
  where: { readonly node?: string; readonly value?: string },
): Generator<Issue> {
  const error = (code: string, message: string): Issue => ({
    severity: "error",
    code,
    message: `checkModel: ${what} ${message}`,
    ...where,
  });
  const { dims, dtype, storage } = tensor;
  if (!dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    yield error(
      "tensor-dims",
      `has dims [${dims.join(", ")}], which should be integers, 0 or more`,
    );
    return;
  }
  if (dtype === "undefined") yield error("tensor-type", "has no element type");
  const expected = byteLength(dtype, dims);
  const actual = readLength(tensor);
  if (actual instanceof GraphError) {
    yield error(storage.kind === "external" ? "external-data" : "tensor-data", actual.message);
  } else if (storage.kind === "strings" ? actual !== tensor.size : actual !== expected) {
    const unit = storage.kind === "strings" ? "strings" : "bytes";
    const needed = storage.kind === "strings" ? tensor.size : expected;
    yield error(
      storage.kind === "external" ? "external-data" : "tensor-size",
      `of dims [${dims.join(", ")}] and type ${dtype} needs ${needed} ${unit}, but has ${actual}`,
    );
  }
}

/** Bytes (or strings) that the tensor really holds; external data is read to find out. */
function readLength(tensor: Tensor): number | GraphError {
  const { storage } = tensor;
  try {
    if (storage.kind === "raw") return storage.source.end - storage.source.start;
    return storage.kind === "strings" ? storage.load().length : tensor.bytes.length;
  } catch (error) {
    if (error instanceof GraphError) return error;
    throw error;
  }
}
