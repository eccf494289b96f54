import {
  type AttributeContent,
  type Graph,
  int,
  ints,
  type Model,
  Tensor,
  type Value,
} from "@ocrslim/graph";

/** Names of the outputs that {@link addReductionOutputs} appends for one value. */
export interface ReductionOutputs {
  /** float32 `[6 · C]`: mean, variance, mean of |x|, fraction not 0, minimum, maximum. */
  readonly moments: Value;
  /** int64 scalar: number of elements. */
  readonly size: Value;
}

const FLOAT = 1;
const BOOL = 9;

/**
 * Appends nodes that reduce a value over all axes but one. Only these small vectors leave the
 * runtime, not the value; the variance is computed around the image's own mean.
 */
export function addReductionOutputs(
  model: Model,
  value: Value,
  axis: number,
  width: number,
): ReductionOutputs {
  const { graph } = model;
  // A 0 copies the dim in its place: this works for any rank, with what lies behind the axis as one.
  const shape = [...Array<number>(axis).fill(0), width, -1];
  const axes = shape.map((_, index) => index).filter((index) => index !== axis);
  const node = (
    opType: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, AttributeContent>> = {},
  ): Value =>
    graph.createNode({
      opType,
      inputs,
      attributes,
      outputs: [graph.uniqueName(`${value.name}/${axis}/${opType}`)],
    }).output;
  const cast = (input: Value, to: number): Value => node("Cast", [input], { to: int(to) });
  const reduce = (opType: string, input: Value, keep: boolean): Value =>
    model.opset >= 18
      ? node(opType, [input, integers(graph, axes)], { keepdims: int(keep ? 1 : 0) })
      : node(opType, [input], { axes: ints(axes), keepdims: int(keep ? 1 : 0) });
  const x = node("Reshape", [cast(value, FLOAT), integers(graph, shape)]);
  const centered = node("Sub", [x, reduce("ReduceMean", x, true)]);
  const nonzero = cast(cast(x, BOOL), FLOAT);
  const parts = [
    reduce("ReduceMean", x, false),
    reduce("ReduceMean", node("Mul", [centered, centered]), false),
    reduce("ReduceMean", node("Abs", [x]), false),
    reduce("ReduceMean", nonzero, false),
    reduce("ReduceMin", x, false),
    reduce("ReduceMax", x, false),
  ];
  const moments = node("Concat", parts, { axis: int(0) });
  moments.type = { kind: "tensor", dtype: "float32" };
  const size = node("Size", [value]);
  size.type = { kind: "tensor", dtype: "int64" };
  return { moments, size };
}

function integers(graph: Graph, values: readonly number[]): Value {
  return graph.addInitializer("integers", Tensor.int64(values));
}
