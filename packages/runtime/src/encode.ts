import {
  cloneModel,
  encodeModel,
  type Graph,
  listSubgraphs,
  type Model,
  Tensor,
} from "@ocrslim/graph";

/** Bytes up to which a protobuf message can be read (2 GB), less some room for the structure. */
const MESSAGE_LIMIT = 2 ** 31 - 2 ** 24;

/** @internal Whether a model's constants fit into one ONNX file. */
export function fitsOneMessage(model: Model, limit: number = MESSAGE_LIMIT): boolean {
  return weightBytes(model.graph) <= limit;
}

function weightBytes(graph: Graph): number {
  let total = 0;
  for (const value of graph.initializers) total += value.tensor?.byteLength ?? 0;
  for (const node of graph.nodes) {
    for (const attribute of node.attributes) {
      if (attribute.type === "tensor") total += attribute.value.byteLength;
    }
    for (const inner of listSubgraphs(node)) total += weightBytes(inner);
  }
  return total;
}

/**
 * @internal The bytes of a model, complete in themselves: constants that lie in other files are
 * taken in, so that ONNX Runtime opens no further file.
 */
export function encodeWhole(model: Model): Uint8Array {
  if (!hasExternal(model.graph)) return encodeModel(model);
  const whole = cloneModel(model);
  takeIn(whole.graph);
  return encodeModel(whole);
}

function hasExternal(graph: Graph): boolean {
  for (const { tensor } of graph.initializers) if (isExternal(tensor)) return true;
  for (const node of graph.nodes) {
    for (const attribute of node.attributes) {
      if (attribute.type === "tensor" && isExternal(attribute.value)) return true;
    }
    if (listSubgraphs(node).some(hasExternal)) return true;
  }
  return false;
}

function takeIn(graph: Graph): void {
  for (const value of graph.initializers) {
    if (isExternal(value.tensor)) value.tensor = inMemory(value.tensor);
  }
  for (const node of graph.nodes) {
    for (const { name, ...content } of node.attributes) {
      if (content.type === "tensor" && isExternal(content.value)) {
        node.setAttribute(name, { type: "tensor", value: inMemory(content.value) });
      }
    }
    for (const inner of listSubgraphs(node)) takeIn(inner);
  }
}

const inMemory = (tensor: Tensor): Tensor => Tensor.from(tensor.dtype, tensor.dims, tensor.bytes);

function isExternal(tensor: Tensor | undefined): tensor is Tensor {
  return tensor?.storage.kind === "external";
}
