import type { RuntimeTensor } from "@ocrslim/runtime";
import type { LinearLayer } from "./linear-layer.ts";

/** Points of an image, in fractions (0–1) of its height and width. */
export interface SamplePoints {
  readonly vertical: Float64Array;
  readonly horizontal: Float64Array;
}

/** Rows of a regression: features [rows, features] and, apart, targets. */
export interface Rows {
  readonly count: number;
  readonly width: number;
  readonly data: Float32Array;
}

/**
 * Draws points of an image, each place with weight 1 + `textWeight` · [the map is above 0.1 there],
 * so that text and its borders get more than their share.
 * @param map Probability map [height, width], or undefined for uniform points.
 */
export function drawPoints(
  count: number,
  random: () => number,
  textWeight: number,
  map?: { readonly data: Float32Array; readonly height: number; readonly width: number },
): SamplePoints {
  const vertical = new Float64Array(count);
  const horizontal = new Float64Array(count);
  for (let drawn = 0; drawn < count; ) {
    const y = random();
    const x = random();
    if (map) {
      const at = Math.floor(y * map.height) * map.width + Math.floor(x * map.width);
      const weight = 1 + textWeight * ((map.data[at] ?? 0) > 0.1 ? 1 : 0);
      if (random() * (1 + textWeight) > weight) continue;
    }
    vertical[drawn] = y;
    horizontal[drawn] = x;
    drawn++;
  }
  return { vertical, horizontal };
}

/** Positions of a map [height, width] at the points; all positions where there are no more of them. */
export function positionsAt(points: SamplePoints, height: number, width: number): Int32Array {
  if (height * width <= points.vertical.length)
    return Int32Array.from({ length: height * width }, (_, at) => at);
  return Int32Array.from(points.vertical, (vertical, index) => {
    const row = Math.min(Math.floor(vertical * height), height - 1);
    return row * width + Math.min(Math.floor((points.horizontal[index] ?? 0) * width), width - 1);
  });
}

function spatialDims(tensor: RuntimeTensor): { channels: number; height: number; width: number } {
  const [, channels = 1, height = 1, width = 1] = tensor.dims;
  return { channels, height, width };
}

/**
 * How many positions a layer computes: those of the output for a convolution, of the input for a
 * transposed one, of all but the last axis for a matrix.
 */
export function gridOf(
  layer: LinearLayer,
  data: RuntimeTensor,
  output: RuntimeTensor,
): { height: number; width: number } {
  if (layer.kind === "matrix")
    return { height: data.dims.slice(0, -1).reduce((product, dim) => product * dim, 1), width: 1 };
  const { height, width } = spatialDims(layer.kind === "transposed" ? data : output);
  return { height, width };
}

/**
 * The windows that a layer reads at the positions: [rows, channels × taps], in the order of the
 * weight's last three axes.
 */
export function gatherInputs(
  layer: LinearLayer,
  tensor: RuntimeTensor,
  positions: Int32Array,
  gridWidth: number,
): Rows {
  const data = tensor.data as Float32Array;
  if (layer.kind === "matrix") {
    const width = tensor.dims[tensor.dims.length - 1] ?? 1;
    return gatherVectors(data, positions, width);
  }
  const { channels, height, width } = spatialDims(tensor);
  const [kernelY, kernelX] = layer.kind === "transposed" ? [1, 1] : layer.kernel;
  const [strideY, strideX] = layer.kind === "transposed" ? [1, 1] : layer.strides;
  const taps = kernelY * kernelX;
  const features = channels * taps;
  const rows = new Float32Array(positions.length * features);
  const plane = height * width;
  positions.forEach((position, row) => {
    const top = Math.floor(position / gridWidth) * strideY - layer.pads[0];
    const left = (position % gridWidth) * strideX - layer.pads[1];
    let to = row * features;
    for (let tapY = 0; tapY < kernelY; tapY++) {
      const y = top + tapY * layer.dilations[0];
      for (let tapX = 0; tapX < kernelX; tapX++) {
        const x = left + tapX * layer.dilations[1];
        if (y >= 0 && y < height && x >= 0 && x < width) {
          let from = y * width + x;
          for (let channel = 0; channel < channels; channel++, from += plane) {
            rows[to + channel * taps] = data[from] as number;
          }
        }
        to++;
      }
    }
  });
  return { count: positions.length, width: features, data: rows };
}

/** A layer's outputs at the positions: [rows, channels], or [rows, taps × channels] if transposed. */
export function gatherOutputs(
  layer: LinearLayer,
  tensor: RuntimeTensor,
  positions: Int32Array,
  gridWidth: number,
): Rows {
  const data = tensor.data as Float32Array;
  if (layer.kind === "matrix")
    return gatherVectors(data, positions, tensor.dims[tensor.dims.length - 1] ?? 1);
  const { channels, height, width } = spatialDims(tensor);
  const [kernelY, kernelX] = layer.kind === "transposed" ? layer.kernel : [1, 1];
  const columns = channels * kernelY * kernelX;
  const rows = new Float32Array(positions.length * columns);
  const plane = height * width;
  positions.forEach((position, row) => {
    const top = Math.floor(position / gridWidth) * kernelY;
    const left = (position % gridWidth) * kernelX;
    let to = row * columns;
    for (let tapY = 0; tapY < kernelY; tapY++) {
      for (let tapX = 0; tapX < kernelX; tapX++) {
        let from = (top + tapY) * width + left + tapX;
        for (let channel = 0; channel < channels; channel++, from += plane)
          rows[to++] = data[from] as number;
      }
    }
  });
  return { count: positions.length, width: columns, data: rows };
}

function gatherVectors(data: Float32Array, positions: Int32Array, width: number): Rows {
  const rows = new Float32Array(positions.length * width);
  positions.forEach((position, row) => {
    rows.set(data.subarray(position * width, (position + 1) * width), row * width);
  });
  return { count: positions.length, width, data: rows };
}
