import type { DataType, Node } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Tfjs, TfTensor } from "./tfjs.ts";

/** A node to be computed with TensorFlow.js. */
export interface LoweringContext {
  readonly tf: Tfjs;
  readonly node: Node;
  /** Version of the standard operators of the graph, 18 or newer. */
  readonly opset: number;
  /** Input `index`; its dims are its `shape`. @throws TrainError `unsupported` if it is absent. */
  input(index: number): TfTensor;
  /** Input `index`, if it is there. */
  optional(index: number): TfTensor | undefined;
  /** Elements of an input that is constant, such as axes; `undefined` if it is absent. */
  numbers(index: number): readonly number[] | undefined;
  /** Dims of output `index`, by shape inference. Default: the first. */
  outputDims(index?: number): readonly number[];
  outputDtype(index?: number): DataType;
  /** A tensor that this node needs in each step, made in the first one. */
  cached(name: string, make: () => TfTensor): TfTensor;
  /** The error for a form of the operator that is not covered. */
  fail(what: string): TrainError;
}

/**
 * Computes one operator's outputs with operations of TensorFlow.js that have a gradient there (or with
 * `tf.customGrad`), in output order; dims are those of ONNX (NCHW). It runs in `tf.tidy`. Outputs of
 * integers and bools are cut off from the gradient.
 */
export type Lowering = (context: LoweringContext) => readonly TfTensor[];

/** A lowering by operator name. */
export type LoweringEntry = readonly [opType: string, lowering: Lowering];

/** The error for a form of an operator that its lowering does not cover. */
export function notLowered(node: Node, what: string): TrainError {
  return new TrainError(
    "unsupported",
    `createTfjsEngine: ${node.describe()}: ${what}; rewrite the node, give a lowering of your own for ${node.opType} (option rules), or train on ONNX Runtime`,
    { node: node.name || node.key },
  );
}

/** An axis counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Product of dims. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
