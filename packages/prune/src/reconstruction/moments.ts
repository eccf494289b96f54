import { Graph, int, ints, Model } from "@ocrslim/graph";
import type { Runtime, Session } from "@ocrslim/runtime";
import type { Rows } from "./sample-rows.ts";

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
  add(moments: Moments, inputs: Rows, outputs: Rows): Promise<void>;
  dispose(): Promise<void>;
}

export async function createMomentSummer(runtime: Runtime): Promise<MomentSummer> {
  const session: Session = await runtime.load(productModel());
  return {
    async add(moments, inputs, outputs) {
      const x = {
        dtype: "float32",
        dims: [inputs.count, inputs.width],
        data: inputs.data,
      } as const;
      const y = {
        dtype: "float32",
        dims: [outputs.count, outputs.width],
        data: outputs.data,
      } as const;
      const results = await session.run({ x, y });
      accumulate(moments.sumXX, results["xx"]?.data as Float32Array);
      accumulate(moments.sumXY, results["xy"]?.data as Float32Array);
      accumulate(moments.sumX, results["sumX"]?.data as Float32Array);
      accumulate(moments.sumY, results["sumY"]?.data as Float32Array);
      accumulate(moments.sumYY, results["yy"]?.data as Float32Array);
      moments.count += inputs.count;
    },
    dispose: () => session.dispose(),
  };
}

function accumulate(to: Float64Array, from: Float32Array): void {
  for (let index = 0; index < to.length; index++)
    to[index] = (to[index] as number) + (from[index] as number);
}

function productModel(): Model {
  const graph = new Graph();
  graph.name = "moments";
  const matrix = { kind: "tensor", dtype: "float32", shape: ["rows", undefined] } as const;
  const x = graph.addInput("x", matrix);
  const y = graph.addInput("y", matrix);
  const product = (left: typeof x, right: typeof x, name: string): void => {
    graph.createNode({
      opType: "Gemm",
      inputs: [left, right],
      outputs: [name],
      attributes: { transA: int(1) },
    });
  };
  const sum = (opType: string, value: typeof x, name: string): void => {
    const attributes = { axes: ints([0]), keepdims: int(0) };
    graph.createNode({ opType, inputs: [value], outputs: [name], attributes });
  };
  product(x, x, "xx");
  product(x, y, "xy");
  // ReduceSum took its axes as an attribute up to opset 12.
  sum("ReduceSum", x, "sumX");
  sum("ReduceSum", y, "sumY");
  sum("ReduceSumSquare", y, "yy");
  graph.setOutputs(
    ["xx", "xy", "sumX", "sumY", "yy"].map((name) => {
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

/** Covariances: what remains after the means. */
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

export function covarianceOf(moments: Moments): Covariance {
  const { count, features, targets } = moments;
  const meanX = moments.sumX.map((sum) => sum / count);
  const meanY = moments.sumY.map((sum) => sum / count);
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
