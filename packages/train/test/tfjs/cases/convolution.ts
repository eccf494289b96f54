import { int, ints, string, type Value } from "@ocrslim/graph";
import { type ConvOptions, conv, convTranspose } from "@ocrslim/test-utils";
import { type TfjsCase, weighted } from "./tfjs-case.ts";

function convolution(x: readonly number[], options: ConvOptions): TfjsCase {
  return {
    name: `Conv [${x}] ${JSON.stringify(options)}`,
    inputs: [x],
    build: (graph, value) => conv(graph, value as Value, options),
  };
}

function transposed(x: readonly number[], options: ConvOptions): TfjsCase {
  return {
    name: `ConvTranspose [${x}] ${JSON.stringify(options)}`,
    inputs: [x],
    build: (graph, value) => convTranspose(graph, value as Value, options),
  };
}

export const convolutionCases: readonly TfjsCase[] = [
  convolution([2, 3, 6, 7], { out: 4 }),
  convolution([2, 3, 6, 7], { out: 4, kernel: 1, bias: false }),
  convolution([1, 3, 7, 8], { out: 2, stride: 2 }),
  convolution([1, 3, 7, 8], { out: 2, kernel: 2, stride: 3, pad: 1 }),
  convolution([1, 2, 9, 8], { out: 3, dilation: 2 }),
  convolution([1, 2, 9, 9], { out: 3, dilation: 2, stride: 2, pad: 1 }),
  convolution([2, 4, 6, 5], { out: 4, group: 4 }),
  convolution([2, 4, 7, 7], { out: 8, group: 4, stride: 2, kernel: 5 }),
  convolution([1, 4, 9, 9], { out: 4, group: 4, dilation: 2 }),
  convolution([2, 4, 6, 5], { out: 6, group: 2 }),
  weighted("Conv", [2, 3, 8], [[4, 3, 3], [4]], [2, 4, 4], {
    strides: ints([2]),
    pads: ints([1, 0]),
  }),
  weighted("Conv", [1, 2, 6, 7], [[2, 2, 3, 2]], [1, 2, 7, 4], {
    strides: ints([1, 2]),
    pads: ints([2, 0, 1, 1]),
  }),
  weighted("Conv", [1, 2, 6, 7], [[2, 1, 3, 2]], [1, 2, 7, 4], {
    group: int(2),
    strides: ints([1, 2]),
    pads: ints([2, 0, 1, 1]),
  }),
  weighted("Conv", [1, 2, 6, 7], [[2, 2, 3, 2]], [1, 2, 3, 4], {
    strides: ints([2, 2]),
    auto_pad: string("SAME_UPPER"),
  }),
];

export const convTransposeCases: readonly TfjsCase[] = [
  transposed([2, 3, 3, 4], { out: 4 }),
  transposed([1, 3, 3, 4], { out: 2, kernel: 3, stride: 2, pad: 1, bias: false }),
  transposed([1, 3, 3, 4], { out: 2, kernel: 3, stride: 1, pad: 1 }),
  transposed([1, 4, 3, 3], { out: 6, kernel: 3, group: 2 }),
  transposed([1, 4, 3, 3], { out: 4, kernel: 4, group: 4, pad: 1 }),
  transposed([1, 2, 3, 3], { out: 2, kernel: 3, dilation: 2 }),
  weighted("ConvTranspose", [1, 2, 3, 4], [[2, 3, 3, 3], [3]], [1, 3, 6, 8], {
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
    output_padding: ints([1, 1]),
  }),
  weighted("ConvTranspose", [1, 2, 3, 4], [[2, 3, 2, 3]], [1, 3, 6, 8], {
    strides: ints([2, 2]),
    auto_pad: string("SAME_UPPER"),
  }),
  weighted("ConvTranspose", [1, 2, 3, 4], [[2, 3, 4, 4]], [1, 3, 7, 9], {
    strides: ints([2, 2]),
    output_shape: ints([7, 9]),
  }),
  weighted("ConvTranspose", [1, 2, 5], [[2, 3, 3]], [1, 3, 10], {
    strides: ints([2]),
    pads: ints([0, 1]),
  }),
];
