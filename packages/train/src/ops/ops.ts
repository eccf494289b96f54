import {
  type AttributeContent,
  type DataType,
  Graph,
  type InferredOutput,
  inferShapes,
  Model,
  type Node,
  operatorName,
  type ShapeRuleContext,
  shapeRules,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import { createShorthands, type Shorthands } from "./shorthands.ts";

/** The version of the standard operators that training graphs are written in, at least. */
export const TRAINING_OPSET = 18;

/** Attributes of a node, by name. */
export type NodeAttributes = Readonly<Record<string, AttributeContent>>;

/** The least that writes into a graph; {@link Ops} adds a shorthand for each common operator. */
export interface OpsCore {
  readonly graph: Graph;
  /** Version of the standard operators of the graph: {@link TRAINING_OPSET} or newer. */
  readonly opset: number;
  /** Dims of a value of the graph, all known. @throws TrainError `unknown-shape`. */
  dims(value: Value): readonly number[];
  dtype(value: Value): DataType;
  /** Elements of a value that the graph knows to be constant, as numbers. */
  numbers(value: Value): readonly number[] | undefined;
  /**
   * Adds a node with one output at the end of the graph; its shape is inferred at once.
   * @throws TrainError `unknown-shape` if it is not static.
   */
  node(opType: string, inputs: readonly (Value | undefined)[], attributes?: NodeAttributes): Value;
  /** Adds a node with several outputs. */
  nodes(
    opType: string,
    inputs: readonly (Value | undefined)[],
    outputCount: number,
    attributes?: NodeAttributes,
  ): readonly Value[];
  /** A float32 scalar (or of `dtype`); equal ones are made once. */
  scalar(value: number, dtype?: DataType): Value;
  /** A one-dimensional int64 constant; equal ones are made once. */
  ints(values: readonly number[]): Value;
  /** A constant. */
  constant(tensor: Tensor, name?: string): Value;
  /** A new input of the graph, of fixed dims. @throws TrainError `invalid-option` if the name is taken. */
  input(name: string, dims: readonly number[], dtype?: DataType): Value;
}

/**
 * Small functions that add standard ONNX operators to a graph and know every shape. Gradient rules,
 * losses and optimizers are written with them. Everything broadcasts as ONNX (NumPy) does.
 */
export interface Ops extends OpsCore, Shorthands {}

/**
 * Opens a model for writing. What is added goes to the end of its graph.
 * @throws TrainError `invalid-option` if the model's opset is older than {@link TRAINING_OPSET}.
 */
export function createOps(
  model: Model,
  options: { readonly inputShapes?: Readonly<Record<string, readonly number[]>> } = {},
): Ops {
  const { graph, opset } = model;
  if (opset < TRAINING_OPSET) {
    throw new TrainError(
      "invalid-option",
      `createOps: the model imports opset ${opset}; convert it to ${TRAINING_OPSET} first (upgradeOpset)`,
    );
  }
  const shapes = inferShapes(model, { ...options, maxConstantSize: 1 << 16 });
  const known = new Map<Value, InferredOutput>();
  const scalars = new Map<string, Value>();
  const vectors = new Map<string, Value>();

  const factsOf = (value: Value): InferredOutput => {
    const own = known.get(value);
    if (own) return own;
    if (value.tensor)
      return { dims: value.tensor.dims, dtype: value.tensor.dtype, constant: value.tensor };
    return {
      dims: shapes.shapeOf(value),
      dtype: shapes.dtypeOf(value),
      constant: shapes.constantOf(value),
    };
  };

  const infer = (node: Node): void => {
    const facts = node.inputs.map((value) => (value ? factsOf(value) : undefined));
    const context: ShapeRuleContext = {
      node,
      opset,
      dims: (index) => facts[index]?.dims,
      dtype: (index) => facts[index]?.dtype,
      constant: (index) => facts[index]?.constant,
      numbers: (index) => {
        const tensor = facts[index]?.constant;
        return tensor && tensor.dtype !== "string" ? [...tensor.toNumbers()] : undefined;
      },
      warn: () => {},
    };
    const rule = node.domain === "" ? shapeRules.get(operatorName(node)) : undefined;
    const outputs = rule?.(context) ?? [];
    node.outputs.forEach((value, index) => {
      if (value) known.set(value, outputs[index] ?? {});
    });
  };

  const nodes: Ops["nodes"] = (opType, inputs, outputCount, attributes = {}) => {
    const base = graph.uniqueName(opType);
    const outputs = Array.from({ length: outputCount }, (_, index) =>
      graph.uniqueName(index === 0 ? base : `${base}_${index}`),
    );
    const node = graph.createNode({ opType, inputs, outputs, attributes });
    infer(node);
    return node.outputs.flatMap((output) => output ?? []);
  };

  const core: OpsCore = {
    graph,
    opset,
    dims(value) {
      const { dims } = factsOf(value);
      if (dims) return dims;
      throw new TrainError(
        "unknown-shape",
        `the shape of "${value.name}"${value.producer ? `, output of ${value.producer.describe()},` : ""} is not static; training needs fixed shapes: give them with inputShapes`,
        { value: value.name },
      );
    },
    dtype(value) {
      const { dtype } = factsOf(value);
      if (dtype) return dtype;
      throw new TrainError("unknown-shape", `the type of "${value.name}" is not known`, {
        value: value.name,
      });
    },
    numbers(value) {
      const { constant } = factsOf(value);
      return constant && constant.dtype !== "string" ? [...constant.toNumbers()] : undefined;
    },
    node(opType, inputs, attributes) {
      const [output] = nodes(opType, inputs, 1, attributes);
      return output as Value;
    },
    nodes,
    scalar(value, dtype = "float32") {
      const key = `${dtype}:${Object.is(value, -0) ? "-0" : value}`;
      const found = scalars.get(key);
      if (found) return found;
      const made = graph.addInitializer("scalar", scalarTensor(value, dtype));
      scalars.set(key, made);
      return made;
    },
    ints(values) {
      const key = values.join();
      const found = vectors.get(key);
      if (found) return found;
      const made = graph.addInitializer("ints", Tensor.int64(values));
      vectors.set(key, made);
      return made;
    },
    constant: (tensor, name = "constant") => graph.addInitializer(name, tensor),
    input(name, dims, dtype = "float32") {
      if (graph.value(name)) {
        throw new TrainError(
          "invalid-option",
          `input: the graph has a value "${name}" already; take another name`,
          { value: name },
        );
      }
      const value = graph.addInput(name, { kind: "tensor", dtype, shape: dims });
      known.set(value, { dims, dtype });
      return value;
    },
  };
  return { ...core, ...createShorthands(core) };
}

/** A graph of its own, to write into from nothing. */
export function createEmptyOps(name: string): { readonly model: Model; readonly ops: Ops } {
  const model = new Model(new Graph());
  model.graph.name = name;
  model.setOpset("", TRAINING_OPSET);
  model.irVersion = 8;
  return { model, ops: createOps(model) };
}

function scalarTensor(value: number, dtype: DataType): Tensor {
  switch (dtype) {
    case "float32":
      return Tensor.float32([], [value]);
    case "float64":
      return Tensor.from("float64", [], Float64Array.of(value));
    case "int64":
      return Tensor.int64([value], []);
    case "int32":
      return Tensor.from("int32", [], Int32Array.of(value));
    case "bool":
      return Tensor.from("bool", [], Uint8Array.of(value));
    default:
      throw new TrainError("unsupported", `scalar: ${dtype} is not supported; use float32`);
  }
}
