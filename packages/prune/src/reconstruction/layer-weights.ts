import { constantTensor, type Model, type Node, setConstantTensor, Tensor } from "@ocrslim/graph";
import type { LinearLayer } from "./linear-layer.ts";
import type { LinearFunction } from "./solve-layer.ts";

/** The node of a layer in a model; a pruned model has the nodes of the original. */
export function findLayerNode(model: Model, layer: LinearLayer): Node | undefined {
  return model.graph.value(layer.output)?.producer;
}

/**
 * A layer's weights as a linear function: weight [features, targets] in the order in which
 * `gatherInputs` and `gatherOutputs` lay out their rows; a bias of zeros where there is none.
 */
export function readLayer(node: Node, layer: LinearLayer): LinearFunction | undefined {
  const weightValue = node.inputs[1];
  const tensor = weightValue && constantTensor(weightValue);
  if (!tensor) return undefined;
  const values = tensor.float32Values();
  const { rows, columns, at } = layoutOf(layer, tensor.dims);
  const weight = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      weight[row * columns + column] = values[at(row, column)] as number;
  }
  const taps = layer.kind === "transposed" ? layer.kernel[0] * layer.kernel[1] : 1;
  const biasValue = node.opType === "MatMul" ? undefined : node.inputs[2];
  const given = biasValue && constantTensor(biasValue)?.toNumbers();
  const channels = columns / taps;
  const bias = Float64Array.from({ length: columns }, (_, column) =>
    given ? (given[given.length === 1 ? 0 : column % channels] as number) : 0,
  );
  return { weight, bias };
}

/** Writes weights back; `bias` has one number per channel, and is made where there was none. */
export function writeLayer(node: Node, layer: LinearLayer, { weight, bias }: LinearFunction): void {
  const weightValue = node.inputs[1];
  const tensor = weightValue && constantTensor(weightValue);
  if (!weightValue || !tensor) return;
  const values = new Float32Array(weight.length);
  const { rows, columns, at } = layoutOf(layer, tensor.dims);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      values[at(row, column)] = weight[row * columns + column] as number;
  }
  replaceConstant(node, 1, Tensor.float32(tensor.dims, values), `${layer.key}_weight`);
  replaceConstant(
    node,
    2,
    Tensor.float32([bias.length], Float32Array.from(bias)),
    `${layer.key}_bias`,
  );
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

function layoutOf(layer: LinearLayer, dims: readonly number[]): Layout {
  const [first = 1, second = 1, height = 1, width = 1] = dims;
  switch (layer.kind) {
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
