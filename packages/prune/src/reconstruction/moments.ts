import { Graph, int, ints, Model, type Value } from "@ocrslim/graph";
import type { Runtime, RuntimeTensor, Session } from "@ocrslim/runtime";
import type { Rows } from "./rows.ts";

/** Sums over rows of features x [features] and targets y [targets], in double precision. */
export interface Moments {
  count: number;
  readonly features: number;
  readonly targets: number;
  readonly sumX: Float64Array;
  readonly sumY: Float64Array;
  /** Σ x x', [features, features]. */
  readonly sumXX: Float64Array;
  /** Σ x y', [features, targets]. */
  readonly sumXY: Float64Array;
  /** Σ y², [targets]. */
  readonly sumYY: Float64Array;
}

export function createMoments(features: number, targets: number): Moments {
  return {
    count: 0,
    features,
    targets,
    sumX: new Float64Array(features),
    sumY: new Float64Array(targets),
    sumXX: new Float64Array(features * features),
    sumXY: new Float64Array(features * targets),
    sumYY: new Float64Array(targets),
  };
}

/** Sums rows inside the runtime, whose matrix products are many times faster than a loop here. */
export interface MomentSummer {
  /** Adds rows of features and targets; without targets, the sums of features alone. */
  add(moments: Moments, inputs: Rows, outputs?: Rows): Promise<void>;
  dispose(): Promise<void>;
}

export async function createMomentSummer(runtime: Runtime): Promise<MomentSummer> {
  const session: Session = await runtime.load(productModel());
  return {
    async add(moments, inputs, outputs = { width: 1, count: 0, data: new Float32Array(0) }) {
      const x = tensorOf(inputs);
      // Targets that nobody asks for: one row of zeros.
      const y = outputs.count > 0 ? tensorOf(outputs) : tensorOf(zeros(inputs.count));
      const results = await session.run({ x, y });
      const read = (name: string): Float32Array => results[name]?.data as Float32Array;
      const centred = {
        x: centreOf(read, "x", inputs.count),
        y: centreOf(read, "y", inputs.count),
      };
      addProducts(moments.sumXX, read("xx"), centred.x, centred.x);
      addTo(moments.sumX, centred.x.sum);
      moments.count += inputs.count;
      if (outputs.count === 0) return;
      addProducts(moments.sumXY, read("xy"), centred.x, centred.y);
      addTo(moments.sumY, centred.y.sum);
      const squares = read("yy");
      const { mean, rest, sum } = centred.y;
      for (let target = 0; target < moments.targets; target++) {
        const own = mean[target] as number;
        moments.sumYY[target] =
          (moments.sumYY[target] as number) +
          (squares[target] as number) +
          own * ((sum[target] as number) + (rest[target] as number));
      }
    },
    dispose: () => session.dispose(),
  };
}

/** Float32 means of a batch, and in double precision its sums: count · mean + what remains. */
interface Centre {
  readonly mean: Float32Array;
  /** Σ (x − mean), which rounding leaves. */
  readonly rest: Float32Array;
  readonly sum: Float64Array;
}

function centreOf(read: (name: string) => Float32Array, name: string, count: number): Centre {
  const mean = read(`mean_${name}`);
  const rest = read(`rest_${name}`);
  return {
    mean,
    rest,
    sum: Float64Array.from(mean, (value, at) => value * count + (rest[at] ?? 0)),
  };
}

/** Σ x y' = Σ (x − m)(y − n)' + Σx · n' + m · Σ(y − n)', so that float32 only rounds what varies. */
function addProducts(to: Float64Array, centred: Float32Array, left: Centre, right: Centre): void {
  const columns = right.mean.length;
  left.mean.forEach((mean, row) => {
    const sum = left.sum[row] as number;
    for (let column = 0, at = row * columns; column < columns; column++, at++) {
      to[at] =
        (to[at] as number) +
        (centred[at] as number) +
        sum * (right.mean[column] as number) +
        mean * (right.rest[column] as number);
    }
  });
}

function addTo(to: Float64Array, what: Float64Array): void {
  for (let index = 0; index < to.length; index++)
    to[index] = (to[index] as number) + (what[index] as number);
}

const tensorOf = ({ width, count, data }: Rows): RuntimeTensor => ({
  dtype: "float32",
  dims: [width, count],
  data,
});

const zeros = (count: number): Rows => ({ width: 1, count, data: new Float32Array(count) });

function productModel(): Model {
  const graph = new Graph();
  graph.name = "moments";
  const x = graph.addInput("x", { kind: "tensor", dtype: "float32", shape: [undefined, "rows"] });
  const y = graph.addInput("y", { kind: "tensor", dtype: "float32", shape: [undefined, "rows"] });
  const reduce = (opType: string, value: Value, name: string, keep: number): Value => {
    // ReduceSum took its axes as an attribute up to opset 12.
    const attributes = { axes: ints([1]), keepdims: int(keep) };
    return graph.createNode({ opType, inputs: [value], outputs: [name], attributes }).output;
  };
  const centre = (value: Value, name: string): Value => {
    const mean = reduce("ReduceMean", value, `mean_${name}`, 1);
    const centred = graph.createNode({
      opType: "Sub",
      inputs: [value, mean],
      outputs: [`centred_${name}`],
    }).output;
    reduce("ReduceSum", centred, `rest_${name}`, 0);
    return centred;
  };
  const left = centre(x, "x");
  const right = centre(y, "y");
  const product = (other: Value, name: string): void => {
    const attributes = { transB: int(1) };
    graph.createNode({ opType: "Gemm", inputs: [left, other], outputs: [name], attributes });
  };
  product(left, "xx");
  product(right, "xy");
  reduce("ReduceSumSquare", right, "yy", 0);
  graph.setOutputs(
    ["xx", "xy", "yy", "mean_x", "mean_y", "rest_x", "rest_y"].map((name) => {
      const value = graph.value(name);
      if (!value) throw new RangeError(`moments: "${name}" is missing`);
      value.type = { kind: "tensor", dtype: "float32" };
      return value;
    }),
  );
  const model = new Model(graph);
  model.setOpset("", 12);
  return model;
}

/** Covariances: what remains after the means; or, not centred, second moments with means of 0. */
export interface Covariance {
  readonly meanX: Float64Array;
  readonly meanY: Float64Array;
  /** Cov(x, x), [features, features]. */
  readonly xx: Float64Array;
  /** Cov(x, y), [features, targets]. */
  readonly xy: Float64Array;
  /** Σ over targets of Var(y). */
  readonly varianceY: number;
}

export function covarianceOf(moments: Moments, isCentred = true): Covariance {
  const { count, features, targets } = moments;
  const meanX = moments.sumX.map((sum) => (isCentred ? sum / count : 0));
  const meanY = moments.sumY.map((sum) => (isCentred ? sum / count : 0));
  const xx = new Float64Array(features * features);
  const xy = new Float64Array(features * targets);
  for (let row = 0; row < features; row++) {
    const mean = meanX[row] as number;
    for (let column = 0; column < features; column++) {
      const at = row * features + column;
      xx[at] = (moments.sumXX[at] as number) / count - mean * (meanX[column] as number);
    }
    for (let column = 0; column < targets; column++) {
      const at = row * targets + column;
      xy[at] = (moments.sumXY[at] as number) / count - mean * (meanY[column] as number);
    }
  }
  let varianceY = 0;
  for (let target = 0; target < targets; target++) {
    varianceY += (moments.sumYY[target] as number) / count - (meanY[target] as number) ** 2;
  }
  return { meanX, meanY, xx, xy, varianceY: Math.max(varianceY, 0) };
}
