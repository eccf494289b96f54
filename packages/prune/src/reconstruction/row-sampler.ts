import {
  type AttributeContent,
  int,
  ints,
  type Model,
  string,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import type { RuntimeTensor } from "@ocrslim/runtime";
import type { Grid } from "./image-geometry.ts";
import type { LinearLayer } from "./linear-layer.ts";

/** An input and an output that a sampler appended to a model. */
export interface RowSampler {
  /** Input, int32: which elements to take. */
  readonly indices: string;
  /** Output [features or targets, rows]. */
  readonly rows: string;
}

/**
 * Appends nodes that gather the windows that a layer reads, [features, rows], features in the
 * weight's order, at positions that are fed ({@link windowIndices}). Only these leave the runtime,
 * not the whole value. Works for any image size, one image a run.
 */
export function addInputSampler(model: Model, layer: LinearLayer, features: number): RowSampler {
  return addSampler(model, layer.data, {
    channels: features / tapsOf(layer),
    taps: tapsOf(layer),
    isLastAxis: layer.kind === "matrix",
    pads: paddingOf(layer),
  });
}

/**
 * Appends nodes that gather a layer's outputs, [channels × taps, rows], at positions that are fed
 * ({@link outputIndices}); taps only for a transposed convolution.
 */
export function addOutputSampler(model: Model, layer: LinearLayer, channels: number): RowSampler {
  return addSampler(model, layer.output, {
    channels,
    taps: outputTapsOf(layer),
    isLastAxis: layer.kind === "matrix",
    pads: [0, 0, 0, 0],
  });
}

function addSampler(
  model: Model,
  name: string,
  what: {
    readonly channels: number;
    readonly taps: number;
    readonly isLastAxis: boolean;
    /** Zeros before rows and columns, then after them. */
    readonly pads: readonly [number, number, number, number];
  },
): RowSampler {
  const { graph } = model;
  const { channels, taps } = what;
  const base = graph.uniqueName(`${name}/rows`);
  const data = graph.value(name) as Value;
  const node = (
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeContent>> = {},
  ): Value =>
    graph.createNode({
      opType,
      inputs,
      attributes,
      outputs: [graph.uniqueName(`${base}/${opType}`)],
    }).output;
  const integers = (values: readonly number[]): Value =>
    graph.addInitializer(`${base}/integers`, Tensor.int64(values));
  const indices = graph.addInput(`${base}/indices`, {
    kind: "tensor",
    dtype: "int32",
    shape: [`${base}/count`],
  });
  let rows: Value;
  if (what.isLastAxis) {
    const vectors = node("Reshape", [data, integers([-1, channels])]);
    rows = node("Transpose", [node("Gather", [vectors, indices], { axis: int(0) })]);
  } else {
    const [top, left, bottom, right] = what.pads;
    const pads = [0, 0, top, left, 0, 0, bottom, right];
    const mode = string("constant");
    const padded = pads.every((pad) => pad === 0)
      ? data
      : model.opset >= 11
        ? node("Pad", [data, integers(pads)], { mode })
        : node("Pad", [data], { mode, pads: ints(pads) });
    const planes = node("Reshape", [padded, integers([channels, -1])]);
    const taken = node("Gather", [planes, indices], { axis: int(1) });
    rows = taps === 1 ? taken : node("Reshape", [taken, integers([channels * taps, -1])]);
  }
  rows.name = base;
  rows.type = { kind: "tensor", dtype: "float32" };
  graph.setOutputs([...graph.outputs, rows]);
  return { indices: indices.name, rows: base };
}

/** For each tap, where in the padded planes the window of each position has it. */
export function windowIndices(
  layer: LinearLayer,
  grid: Grid,
  positions: Int32Array,
): RuntimeTensor {
  const [, left, , right] = paddingOf(layer);
  const width = (grid.data[3] ?? 1) + left + right;
  return layer.kind === "convolution"
    ? tapIndices(positions, grid.width, layer.strides, width, layer.kernel, layer.dilations)
    : { dtype: "int32", dims: [positions.length], data: positions };
}

/** For each tap, where in the output's planes each position has it. */
export function outputIndices(
  layer: LinearLayer,
  grid: Grid,
  positions: Int32Array,
): RuntimeTensor {
  if (layer.kind !== "transposed")
    return { dtype: "int32", dims: [positions.length], data: positions };
  const { kernel } = layer;
  return tapIndices(positions, grid.width, kernel, grid.width * kernel[1], kernel, [1, 1]);
}

function tapIndices(
  positions: Int32Array,
  gridWidth: number,
  strides: readonly [number, number],
  width: number,
  kernel: readonly [number, number],
  dilations: readonly [number, number],
): RuntimeTensor {
  const count = positions.length;
  const data = new Int32Array(count * kernel[0] * kernel[1]);
  const corners = positions.map((position) => {
    const row = Math.floor(position / gridWidth);
    return row * strides[0] * width + (position - row * gridWidth) * strides[1];
  });
  for (let tapY = 0; tapY < kernel[0]; tapY++) {
    for (let tapX = 0; tapX < kernel[1]; tapX++) {
      const shift = tapY * dilations[0] * width + tapX * dilations[1];
      const base = (tapY * kernel[1] + tapX) * count;
      for (let row = 0; row < count; row++) data[base + row] = (corners[row] as number) + shift;
    }
  }
  return { dtype: "int32", dims: [data.length], data };
}

/** Taps of the window that a layer reads at a position. */
export function tapsOf(layer: LinearLayer): number {
  return layer.kind === "convolution" ? layer.kernel[0] * layer.kernel[1] : 1;
}

/** Outputs of one channel that a layer computes at a position. */
export function outputTapsOf(layer: LinearLayer): number {
  return layer.kind === "transposed" ? layer.kernel[0] * layer.kernel[1] : 1;
}

function paddingOf(layer: LinearLayer): readonly [number, number, number, number] {
  return layer.kind === "convolution" ? [...layer.pads, ...layer.padsAfter] : [0, 0, 0, 0];
}
