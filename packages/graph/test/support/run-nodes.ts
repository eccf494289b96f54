import {
  type AttributeContent,
  type DataType,
  Graph,
  Model,
  type Node,
  Tensor,
  type TensorData,
} from "@ocrslim/graph";
import { runModel } from "@ocrslim/test-utils";

/** A model of one node. */
export interface SingleNode {
  readonly opType: string;
  readonly attributes?: Readonly<Record<string, AttributeContent>>;
  /** Inputs that are fed, and those that stand in the model as constants; `undefined`: absent. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** Indices of inputs that are initializers. Default: none. */
  readonly constants?: readonly number[];
  readonly outputTypes: readonly DataType[];
  readonly opset?: number;
}

const ARRAYS: Partial<Record<DataType, new (buffer: ArrayBuffer) => TensorData>> = {
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
};

/** The elements of a tensor as the runtime takes them. */
function toElements(tensor: Tensor): TensorData {
  const ElementArray = ARRAYS[tensor.dtype];
  if (!ElementArray) throw new TypeError(`toElements: no array for ${tensor.dtype}`);
  return new ElementArray(Uint8Array.from(tensor.bytes).buffer);
}

/** A model of nodes beside each other; values are named after the node's and the input's index. */
export function nodesModel(specs: readonly SingleNode[]): {
  readonly model: Model;
  readonly nodes: readonly Node[];
} {
  const graph = new Graph();
  const nodes = specs.map((spec, at) => {
    const inputs = spec.inputs.map((tensor, index) => {
      if (!tensor) return undefined;
      if (spec.constants?.includes(index)) return graph.addInitializer(`c${at}_${index}`, tensor);
      const { dtype, dims } = tensor;
      return graph.addInput(`x${at}_${index}`, { kind: "tensor", dtype, shape: dims });
    });
    const node = graph.createNode({
      opType: spec.opType,
      inputs,
      outputs: spec.outputTypes.map((_, index) => `y${at}_${index}`),
      attributes: spec.attributes ?? {},
    });
    node.outputs.forEach((output, index) => {
      if (output) output.type = { kind: "tensor", dtype: spec.outputTypes[index]! };
    });
    return node;
  });
  graph.setOutputs(nodes.flatMap((node) => node.outputs.flatMap((output) => output ?? [])));
  const model = new Model(graph);
  model.setOpset("", specs[0]?.opset ?? 17);
  return { model, nodes };
}

/** What ONNX Runtime computes for each node. */
export async function runNodes(
  specs: readonly SingleNode[],
): Promise<readonly (readonly Tensor[])[]> {
  const { model, nodes } = nodesModel(specs);
  const feeds = Object.fromEntries(
    nodes.flatMap((node, at) =>
      node.inputs.flatMap((value, index) => {
        const tensor = specs[at]?.inputs[index];
        if (!value?.isGraphInput || !tensor) return [];
        const { dtype, dims } = tensor;
        return [[value.name, { dtype, dims, data: toElements(tensor) }]];
      }),
    ),
  );
  const outputs = await runModel(model, feeds);
  return nodes.map((node) =>
    node.outputs.map((output) => {
      const { dtype, dims, data } = outputs[output!.name]!;
      return Tensor.from(dtype, dims, data as TensorData);
    }),
  );
}
