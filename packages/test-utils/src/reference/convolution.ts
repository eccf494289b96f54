import { elementCount } from "@ocrslim/graph";
import { float64, type ReferenceKernel, type ReferenceKernels } from "./reference-kernel.ts";
import { pair, readWindow, splitPadding } from "./windows.ts";

/** `[N, C, …]` and `[M, C / group, …kernel]` → `[N, M, …]`. */
const conv: ReferenceKernel = (context) => {
  const [outputs = 1, inner = 1, ...kernel] = context.dims(1);
  const { dims, kernel: sizes, strides, dilations, pads } = readWindow(context, kernel);
  const [batch, channels, height, width] = dims;
  const [kernelHeight, kernelWidth] = sizes;
  const outputDims = context.outputDims();
  const [outHeight, outWidth] = pair(outputDims.slice(2), 1);
  const x = context.numbers(0);
  const weight = context.numbers(1);
  const bias = context.optional(2);
  const perGroup = outputs / context.node.int("group", 1);
  const [top, left] = [pads[0]?.[0] ?? 0, pads[1]?.[0] ?? 0];
  const area = outHeight * outWidth;
  const out = new Float64Array(elementCount(outputDims));
  for (let n = 0; n < batch; n++) {
    for (let m = 0; m < outputs; m++) {
      const to = (n * outputs + m) * area;
      out.fill(bias?.[m] ?? 0, to, to + area);
      const first = Math.floor(m / perGroup) * inner;
      for (let c = 0; c < inner; c++) {
        const plane = (n * channels + first + c) * height * width;
        const taps = (m * inner + c) * kernelHeight * kernelWidth;
        for (let u = 0; u < kernelHeight; u++) {
          for (let v = 0; v < kernelWidth; v++) {
            const factor = weight[taps + u * kernelWidth + v] as number;
            for (let i = 0; i < outHeight; i++) {
              const row = i * strides[0] + u * dilations[0] - top;
              if (row < 0 || row >= height) continue;
              const from = plane + row * width;
              for (let j = 0; j < outWidth; j++) {
                const column = j * strides[1] + v * dilations[1] - left;
                if (column < 0 || column >= width) continue;
                const at = to + i * outWidth + j;
                out[at] = (out[at] as number) + factor * (x[from + column] as number);
              }
            }
          }
        }
      }
    }
  }
  return [float64(outputDims, out)];
};

/** `[N, C, …]` and `[C, M / group, …kernel]` → `[N, M, …]`: every input element is spread. */
const convTranspose: ReferenceKernel = (context) => {
  const { node } = context;
  const [, perGroup = 1, ...kernelShape] = context.dims(1);
  const [batch = 1, channels = 1, ...spatial] = context.dims(0);
  if (spatial.length < 1 || spatial.length > 2) {
    throw context.fail(`${spatial.length} spatial axes are not covered; use 1 or 2`);
  }
  const group = node.int("group", 1);
  const outputDims = context.outputDims();
  const ones = spatial.map(() => 1);
  const strides = pair(node.ints("strides") ?? ones, 1);
  const dilations = pair(node.ints("dilations") ?? ones, 1);
  const [kernelHeight, kernelWidth] = pair(kernelShape, 1);
  const [height, width] = pair(spatial, 1);
  const outSizes = pair(outputDims.slice(2), 1);
  const starts = pair(paddingBefore(context, kernelShape, outputDims.slice(2)), 0);
  const x = context.numbers(0);
  const weight = context.numbers(1);
  const bias = context.optional(2);
  const outputs = perGroup * group;
  const area = outSizes[0] * outSizes[1];
  const out = new Float64Array(elementCount(outputDims));
  if (bias) for (let i = 0; i < out.length; i++) out[i] = bias[Math.floor(i / area) % outputs] ?? 0;
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const firstOutput = Math.floor(c / (channels / group)) * perGroup;
      for (let m = 0; m < perGroup; m++) {
        const plane = (n * outputs + firstOutput + m) * area;
        const taps = (c * perGroup + m) * kernelHeight * kernelWidth;
        for (let i = 0; i < height; i++) {
          for (let j = 0; j < width; j++) {
            const value = x[((n * channels + c) * height + i) * width + j] as number;
            for (let u = 0; u < kernelHeight; u++) {
              const row = i * strides[0] + u * dilations[0] - starts[0];
              if (row < 0 || row >= outSizes[0]) continue;
              for (let v = 0; v < kernelWidth; v++) {
                const column = j * strides[1] + v * dilations[1] - starts[1];
                if (column < 0 || column >= outSizes[1]) continue;
                const to = plane + row * outSizes[1] + column;
                out[to] =
                  (out[to] as number) + value * (weight[taps + u * kernelWidth + v] as number);
              }
            }
          }
        }
      }
    }
  }
  return [float64(outputDims, out)];
};

/** What is cut off before each spatial axis of a ConvTranspose. */
function paddingBefore(
  context: Parameters<ReferenceKernel>[0],
  kernel: readonly number[],
  outSizes: readonly number[],
): readonly number[] {
  const { node } = context;
  const spatial = context.dims(0).slice(2);
  const mode = node.string("auto_pad", "NOTSET") || "NOTSET";
  const extra = node.ints("output_padding");
  const isComputed = node.ints("output_shape") !== undefined || mode.startsWith("SAME");
  return spatial.map((size, axis) => {
    if (!isComputed) return mode === "NOTSET" ? (node.ints("pads")?.[axis] ?? 0) : 0;
    const stride = node.ints("strides")?.[axis] ?? 1;
    const span = ((kernel[axis] ?? 1) - 1) * (node.ints("dilations")?.[axis] ?? 1) + 1;
    const whole = (size - 1) * stride + (extra?.[axis] ?? 0) + span;
    return splitPadding(Math.max(0, whole - (outSizes[axis] ?? 0)), mode === "SAME_UPPER")[0];
  });
}

/** Convolutions over one or two spatial axes. */
export const convolutionKernels: ReferenceKernels = [
  ["Conv", conv],
  ["ConvTranspose", convTranspose],
];
