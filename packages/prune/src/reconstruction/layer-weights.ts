import { constantTensor, type Model, type Node, setConstantTensor, Tensor } from "@ocrslim/graph";
import { findBiasSum, type LinearLayer } from "./linear-layer.ts";
import { outputTapsOf } from "./row-sampler.ts";
import type { LinearFunction } from "./solve-layer.ts";

/** The node of a layer in a model; a pruned model has the nodes of the original. */
export function findLayerNode(model: Model, layer: LinearLayer): Node | undefined {
  return model.graph.value(layer.key)?.producer;
}

/**
 * A layer's weights as a linear function: weight [features, targets] in the order in which
 * the rows that are sampled lie; a bias of zeros where there is none. Of a convolution with groups,
 * the features are those of one group.
 */
export function readLayer(node: Node, layer: LinearLayer): LinearFunction | undefined {
  const weightValue = node.inputs[1];
  const tensor = weightValue && constantTensor(weightValue);
  if (!tensor) return undefined;
  const values = tensor.float32Values();
  const layout = layoutOf(layer, tensor.dims);
  if (!layout) return undefined;
  const { rows, columns, at } = layout;
  const weight = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      weight[row * columns + column] = values[at(row, column)] as number;
  }
  const own = readBias(node, columns / outputTapsOf(layer));
  if (!own) return undefined;
  const bias = Float64Array.from({ length: columns }, (_, column) => own[column % own.length] ?? 0);
  return { weight, bias };
}

/** Where a node's bias is, or would be; `undefined` for a MatMul without an Add. */
function biasSlot(node: Node, channels: number): { node: Node; index: number } | undefined {
  if (node.opType !== "MatMul") return { node, index: 2 };
  const sum = findBiasSum(node, channels);
  return sum && { node: sum, index: sum.input(0) === node.output ? 1 : 0 };
}

/** A node's bias, one number per channel: zeros where there is none, `undefined` if it is computed. */
export function readBias(node: Node, channels: number): Float64Array | undefined {
  const slot = biasSlot(node, channels);
  const value = slot?.node.input(slot.index);
  if (!value) return new Float64Array(channels);
  const given = constantTensor(value)?.toNumbers();
  if (given?.length === 1) return new Float64Array(channels).fill(given[0] ?? 0);
  return given?.length === channels ? given : undefined;
}

/** Writes a bias, one number per channel; it is made where there was none and the node takes one. */
export function writeBias(node: Node, bias: Float64Array): void {
  const slot = biasSlot(node, bias.length);
  if (!slot) return;
  const old = slot.node.input(slot.index);
  const dims = (old && constantTensor(old)?.dims) ?? [];
  const isVector = dims[dims.length - 1] === bias.length;
  const tensor = Tensor.float32(isVector ? dims : [bias.length], Float32Array.from(bias));
  replaceConstant(slot.node, slot.index, tensor, `${node.key}_bias`);
}

/** Writes weights back; `bias` has one number per channel. */
export function writeLayer(node: Node, layer: LinearLayer, { weight, bias }: LinearFunction): void {
  const weightValue = node.inputs[1];
  const tensor = weightValue && constantTensor(weightValue);
  const layout = tensor && layoutOf(layer, tensor.dims);
  if (!tensor || !layout) return;
  const values = new Float32Array(weight.length);
  const { rows, columns, at } = layout;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      values[at(row, column)] = weight[row * columns + column] as number;
  }
  replaceConstant(node, 1, Tensor.float32(tensor.dims, values), `${layer.key}_weight`);
  writeBias(node, bias);
}

/** A constant that other nodes read too gets a twin, so that only this node changes. */
export function replaceConstant(node: Node, index: number, tensor: Tensor, name: string): void {
  const value = node.inputs[index];
  if (value && value.uses.length === 1 && value.tensor && !value.isGraphInput)
    setConstantTensor(value, tensor);
  else node.setInput(index, node.graph.addInitializer(value?.name ?? name, tensor));
}

interface Layout {
  readonly rows: number;
  readonly columns: number;
  /** Where in the tensor the weight of a feature (row) and a target (column) stands. */
  readonly at: (row: number, column: number) => number;
}

function layoutOf(layer: LinearLayer, dims: readonly number[]): Layout | undefined {
  const [first = 1, second = 1, height = 1, width = 1] = dims;
  switch (layer.kind) {
    case "other":
      return undefined;
    case "convolution": {
      const rows = second * height * width;
      return { rows, columns: first, at: (row, column) => column * rows + row };
    }
    case "transposed": {
      // Targets are ordered tap by tap, channels within.
      const taps = height * width;
      return {
        rows: first,
        columns: second * taps,
        at: (row, column) =>
          (row * second + (column % second)) * taps + Math.floor(column / second),
      };
    }
    case "matrix":
      return layer.isTransposed
        ? { rows: second, columns: first, at: (row, column) => column * second + row }
        : { rows: first, columns: second, at: (row, column) => row * second + column };
  }
}
