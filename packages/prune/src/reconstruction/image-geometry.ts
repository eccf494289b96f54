import { inferShapes, type Model, type Value } from "@ocrslim/graph";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import type { LinearLayer } from "./linear-layer.ts";

/** Dims of a model's values for one image. */
export type DimsOf = (value: string) => readonly number[] | undefined;

/** Dims of inner values for each of the feeds; those of equal shapes share one inference. */
export function inferImageDims(model: Model, feeds: readonly Feeds[]): readonly DimsOf[] {
  const known = new Map<string, DimsOf>();
  return feeds.map((feed) => {
    const inputShapes = Object.fromEntries(
      Object.entries(feed).map(([name, tensor]) => [name, tensor.dims]),
    );
    const key = JSON.stringify(inputShapes);
    const found = known.get(key);
    if (found) return found;
    const shapes = inferShapes(model, { inputShapes });
    const dimsOf: DimsOf = (name) => shapes.shapeOf(model.graph.value(name) as Value);
    known.set(key, dimsOf);
    return dimsOf;
  });
}

/** The positions that a layer computes: as many as height × width. */
export interface Grid {
  readonly height: number;
  readonly width: number;
  /** Dims of the value that the layer reads. */
  readonly data: readonly number[];
}

/**
 * The grid of positions that a layer computes of an image: of the output for a convolution, of the
 * input for a transposed one, of all but the last axis for a matrix; `undefined` if it is not known,
 * or for several images at once.
 */
export function gridOf(layer: LinearLayer, dimsOf: DimsOf): Grid | undefined {
  const data = dimsOf(layer.data);
  const output = dimsOf(layer.output);
  if (!data || !output) return undefined;
  if (layer.kind === "matrix")
    return { height: data.slice(0, -1).reduce((product, dim) => product * dim, 1), width: 1, data };
  if (data[0] !== 1) return undefined;
  const [, , height = 1, width = 1] = layer.kind === "transposed" ? data : output;
  return { height, width, data };
}
