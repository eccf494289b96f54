import {
  inferShapes,
  listSubgraphs,
  type Model,
  type Node,
  operatorName,
  type ShapeInference,
  type Tensor,
  type Value,
} from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import { type Lowering, type LoweringContext, notLowered } from "./lowering.ts";
import { lowerings } from "./lowerings.ts";
import { detach } from "./operations.ts";
import { makeTensor, type Tfjs, type TfTensor, tfDtype } from "./tfjs.ts";

/** A model as a function of TensorFlow.js tensors. */
export interface LoweredModel {
  /**
   * Computes the outputs, by name; all inputs are to be given. Call it within `tf.tidy`: inner values
   * are not disposed of.
   */
  run(feeds: Readonly<Record<string, TfTensor>>): Readonly<Record<string, TfTensor>>;
  /** Frees constants. */
  dispose(): void;
}

/** Options of {@link lowerModel}. */
export interface LowerModelOptions {
  /** Lowerings that are added or win, by `opType`, or `domain:opType` for other domains. */
  readonly rules?: ReadonlyMap<string, Lowering>;
}

interface LoweredNode {
  readonly node: Node;
  readonly lowering: Lowering;
  readonly cache: Map<string, TfTensor>;
}

/** Larger constants are computed in each step. */
const MAX_CONSTANT_SIZE = 1 << 16;

/**
 * Prepares a model of static shapes for TensorFlow.js. What is constant is computed beforehand.
 * @throws TrainError `unknown-operator` if an operator has no lowering; `unknown-shape` if a shape is
 *   not static.
 */
export function lowerModel(tf: Tfjs, model: Model, options: LowerModelOptions = {}): LoweredModel {
  const shapes = inferShapes(model, { maxConstantSize: MAX_CONSTANT_SIZE });
  const program = findNodes(model, shapes).map(
    (node): LoweredNode => ({
      node,
      lowering: findLowering(node, options.rules),
      cache: new Map(),
    }),
  );
  const constants = new Map<Value, TfTensor>();
  const constantOf = (value: Value): TfTensor | undefined => {
    const known = constants.get(value);
    if (known) return known;
    const tensor = shapes.constantOf(value);
    if (!tensor) return undefined;
    const made = tf.keep(constantTensor(tf, tensor));
    constants.set(value, made);
    return made;
  };
  return {
    run(feeds) {
      const known = new Map<Value, TfTensor>();
      for (const input of model.graph.inputs) {
        const feed = feeds[input.name];
        if (feed) known.set(input, feed);
      }
      const read = (value: Value): TfTensor | undefined => known.get(value) ?? constantOf(value);
      for (const lowered of program) {
        const { node, lowering } = lowered;
        const outputs = lowering(createContext(tf, model, shapes, lowered, read));
        node.outputs.forEach((value, index) => {
          const output = outputs[index];
          if (!value) return;
          if (!output) throw notLowered(node, `output ${index} is not computed`);
          known.set(value, output.dtype === "float32" ? output : detach(tf, output));
        });
      }
      return Object.fromEntries(
        model.graph.outputs.flatMap((value) => {
          const tensor = read(value);
          return tensor ? [[value.name, tensor]] : [];
        }),
      );
    },
    dispose() {
      for (const tensor of constants.values()) tensor.dispose();
      constants.clear();
      for (const { cache } of program) {
        for (const tensor of cache.values()) tensor.dispose();
        cache.clear();
      }
    },
  };
}

function createContext(
  tf: Tfjs,
  model: Model,
  shapes: ShapeInference,
  { node, cache }: LoweredNode,
  read: (value: Value) => TfTensor | undefined,
): LoweringContext {
  const fail = (what: string): TrainError => notLowered(node, what);
  const outputAt = (index: number): Value => {
    const value = node.outputs[index];
    if (!value) throw fail(`it has no output ${index}`);
    return value;
  };
  const optional = (index: number): TfTensor | undefined => {
    const value = node.input(index);
    if (!value) return undefined;
    const tensor = read(value);
    if (tensor) return tensor;
    throw fail(`its input "${value.name}" is not there`);
  };
  return {
    tf,
    node,
    opset: model.opset,
    fail,
    optional,
    input(index) {
      const tensor = optional(index);
      if (tensor) return tensor;
      throw fail(`it has no input ${index}`);
    },
    numbers(index) {
      const value = node.input(index);
      if (!value) return undefined;
      const tensor = shapes.constantOf(value);
      if (tensor) return [...tensor.toNumbers()];
      throw fail(`its input "${value.name}" is not constant`);
    },
    outputDims(index = 0) {
      const value = outputAt(index);
      const dims = shapes.shapeOf(value);
      if (dims) return dims;
      throw new TrainError(
        "unknown-shape",
        `createTfjsEngine: the shape of "${value.name}", output of ${node.describe()}, is not static; training needs fixed shapes: give them with inputShapes`,
        { value: value.name, node: node.name || node.key },
      );
    },
    outputDtype: (index = 0) => shapes.dtypeOf(outputAt(index)) ?? "float32",
    cached(name, make) {
      const found = cache.get(name);
      if (found) return found;
      const made = tf.keep(make());
      cache.set(name, made);
      return made;
    },
  };
}

/** The nodes that the outputs need and that are not constant, in order. */
function findNodes(model: Model, shapes: ShapeInference): readonly Node[] {
  const needed = new Set<Node>();
  const open = [...model.graph.outputs];
  for (let value = open.pop(); value; value = open.pop()) {
    const node = value.producer;
    if (!node || needed.has(node) || shapes.constantOf(value)) continue;
    needed.add(node);
    for (const input of node.inputs) if (input) open.push(input);
  }
  return [...model.graph.nodes].filter((node) => needed.has(node));
}

function findLowering(node: Node, rules: ReadonlyMap<string, Lowering> | undefined): Lowering {
  const name = operatorName(node);
  const lowering = rules?.get(name) ?? lowerings.get(name);
  if (lowering) return lowering;
  const what = listSubgraphs(node).length > 0 ? "holds subgraphs" : "has no lowering";
  throw new TrainError(
    "unknown-operator",
    `createTfjsEngine: ${node.describe()} ${what} to TensorFlow.js; give one for ${name} (option rules), or train on ONNX Runtime`,
    { node: node.name || node.key },
  );
}

function constantTensor(tf: Tfjs, tensor: Tensor): TfTensor {
  const dtype = tfDtype(tensor.dtype);
  const numbers = tensor.dtype === "float32" ? tensor.float32Values() : tensor.toNumbers();
  return makeTensor(tf, dtype, tensor.dims, numbers);
}
