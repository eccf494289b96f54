import {
  type AttributeContent,
  createRandom,
  Graph,
  Model,
  Tensor,
  type Value,
} from "@ocrslim/graph";

const shapes = new WeakMap<Value, readonly number[]>();
const randoms = new WeakMap<Graph, () => number>();
const opsets = new WeakMap<Graph, number>();

/** What {@link createTestModel} builds from. */
export interface TestModelInit {
  /** Dims of the float32 inputs, by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Default: 17. The builders need 13 or more. */
  readonly opset?: number;
  /** Of the random weights. Default: 1. */
  readonly seed?: number;
  /** Default: `test`. */
  readonly name?: string;
  /** Gets the inputs in order, returns the output or outputs. */
  readonly build: (graph: Graph, ...inputs: Value[]) => Value | readonly Value[];
}

/**
 * A small model with random weights: the same init gives the same bytes. Outputs keep the names of
 * their values, and declare type and shape.
 */
export function createTestModel(init: TestModelInit): Model {
  const graph = new Graph();
  const opset = init.opset ?? 17;
  graph.name = init.name ?? "test";
  randoms.set(graph, createRandom(init.seed ?? 1));
  opsets.set(graph, opset);
  const inputs = Object.entries(init.inputs).map(([name, dims]) => {
    const value = graph.addInput(name, { kind: "tensor", dtype: "float32", shape: dims });
    shapes.set(value, dims);
    return value;
  });
  const built = init.build(graph, ...inputs);
  const outputs = Array.isArray(built) ? (built as readonly Value[]) : [built as Value];
  for (const output of outputs) {
    output.type = { kind: "tensor", dtype: "float32", shape: shapeOf(output) };
  }
  graph.setOutputs(outputs);
  const model = new Model(graph);
  model.setOpset("", opset);
  model.irVersion = opset >= 21 ? 10 : 8;
  return model;
}

/** Dims of a value that a builder made. */
export function shapeOf(value: Value): readonly number[] {
  const shape = shapes.get(value) ?? value.tensor?.dims;
  if (!shape) throw new TypeError(`shapeOf: no builder made "${value.name}"; use addNode()`);
  return shape;
}

/** One dim of a value that a builder made. */
export function dimOf(value: Value, axis: number): number {
  const dim = shapeOf(value)[axis];
  if (dim === undefined) throw new RangeError(`dimOf: "${value.name}" has no axis ${axis}`);
  return dim;
}

/** The opset that the graph is built for. */
export function opsetOf(graph: Graph): number {
  return opsets.get(graph) ?? 17;
}

/** The next number in [0, 1) of the graph's own sequence. */
export function nextRandom(graph: Graph): number {
  const random = randoms.get(graph) ?? createRandom(1);
  randoms.set(graph, random);
  return random();
}

/** Adds a node of one output, whose dims the caller knows. */
export function addNode(
  graph: Graph,
  opType: string,
  inputs: readonly (Value | undefined)[],
  shape: readonly number[],
  attributes: Readonly<Record<string, AttributeContent>> = {},
): Value {
  const { output } = graph.createNode({ opType, inputs, attributes });
  shapes.set(output, shape);
  return output;
}

/** Adds a node of several outputs, whose dims the caller knows. */
export function addMultiNode(
  graph: Graph,
  opType: string,
  inputs: readonly (Value | undefined)[],
  outputShapes: readonly (readonly number[])[],
  attributes: Readonly<Record<string, AttributeContent>> = {},
): readonly Value[] {
  const base = graph.uniqueName(opType);
  const outputs = outputShapes.map((_, index) => graph.uniqueName(`${base}_out${index}`));
  const node = graph.createNode({ opType, inputs, outputs, attributes });
  return node.outputs.flatMap((output, index) => {
    const shape = outputShapes[index];
    if (!output || !shape) return [];
    shapes.set(output, shape);
    return [output];
  });
}

/** A float32 initializer with elements uniform in [low, high). */
export function randomWeight(
  graph: Graph,
  name: string,
  dims: readonly number[],
  low = -1,
  high = 1,
): Value {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: count }, () => low + nextRandom(graph) * (high - low));
  return graph.addInitializer(name, Tensor.float32(dims, data));
}

/** An int64 initializer, one-dimensional. */
export function intConstant(graph: Graph, name: string, values: readonly number[]): Value {
  return graph.addInitializer(name, Tensor.int64(values));
}

/** A float32 initializer. */
export function floatConstant(
  graph: Graph,
  name: string,
  dims: readonly number[],
  values: readonly number[],
): Value {
  return graph.addInitializer(name, Tensor.float32(dims, values));
}
