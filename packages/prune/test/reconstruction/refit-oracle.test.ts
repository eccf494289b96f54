import { constantTensor, type Model, type Node } from "@ocrslim/graph";
import type { Feeds } from "@ocrslim/runtime";
import { evaluateModel } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { reconstructLayers } from "../../src/reconstruction/reconstruct.ts";
import { chainTo, feedsOf, firstGroup, layerKinds, planOf, prune, runtime } from "./support.ts";

const DAMPING = 0.02;

/** One equation: coefficients of the unknowns, and what they should give. */
interface Row {
  readonly x: readonly number[];
  readonly y: number;
}

interface Value {
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

function readValue(model: Model, feed: Feeds, name: string): Value {
  const input = {
    dims: feed["x"]!.dims,
    data: Float64Array.from(feed["x"]!.data as Float32Array),
  };
  return evaluateModel(model, { x: input }, { values: [name] })[name]!;
}

/** The layer at the end of a chain, and the value that holds its output with the bias. */
function lastLayer(model: Model): { node: Node; bias: Node | undefined; output: string } {
  const end = model.graph.outputs[0]!.producer!;
  const node = end.opType === "Add" ? end.input(0)!.producer! : end;
  const bias = node.opType === "MatMul" ? (end.opType === "Add" ? end : undefined) : node;
  return { node, bias, output: end.output.name };
}

/**
 * The equations of each output channel, from the definitions of the operators: unknowns are the
 * weights of that channel in the tensor's order, then the bias.
 */
function equationsOf(node: Node, x: Value, y: Value): readonly (readonly Row[])[] {
  const dims = constantTensor(node.input(1)!)!.dims;
  if (node.opType === "Gemm" || node.opType === "MatMul") {
    const width = x.dims[x.dims.length - 1]!;
    const targets = y.dims[y.dims.length - 1]!;
    return Array.from({ length: targets }, (_, target) =>
      Array.from({ length: x.data.length / width }, (_row, row) => ({
        x: [...x.data.subarray(row * width, (row + 1) * width), 1],
        y: y.data[row * targets + target]!,
      })),
    );
  }
  const [, inputs = 0, height = 0, width = 0] = x.dims;
  const [, targets = 0, outHeight = 0, outWidth = 0] = y.dims;
  const [stride = 1] = node.ints("strides") ?? [];
  const [dilation = 1] = node.ints("dilations") ?? [];
  const [pad = 0] = node.ints("pads") ?? [];
  const groups = node.int("group", 1);
  const [kernelY = 1, kernelX = 1] = dims.slice(2);
  const isTransposed = node.opType === "ConvTranspose";
  const perGroup = inputs / groups;
  return Array.from({ length: targets }, (_, target) => {
    const rows: Row[] = [];
    const from = Math.floor(target / (targets / groups)) * perGroup;
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        const coefficients: number[] = [];
        for (let input = from; input < from + perGroup; input++) {
          for (let tapY = 0; tapY < kernelY; tapY++) {
            for (let tapX = 0; tapX < kernelX; tapX++) {
              // A transposed convolution reads the input that this tap spreads to this output.
              const inY = isTransposed
                ? (row - tapY) / stride
                : row * stride - pad + tapY * dilation;
              const inX = isTransposed
                ? (column - tapX) / stride
                : column * stride - pad + tapX * dilation;
              const isInside =
                Number.isInteger(inY) &&
                Number.isInteger(inX) &&
                inY >= 0 &&
                inX >= 0 &&
                inY < height &&
                inX < width;
              coefficients.push(isInside ? x.data[(input * height + inY) * width + inX]! : 0);
            }
          }
        }
        rows.push({
          x: [...coefficients, 1],
          y: y.data[(target * outHeight + row) * outWidth + column]!,
        });
      }
    }
    return rows;
  });
}

/** min Σ (w'x + b − y)² / rows + λ‖w − old‖², by Gaussian elimination with pivots; b is last. */
function ridge(
  rows: readonly Row[],
  old: readonly number[],
  lambda: number,
  hasBias: boolean,
): number[] {
  const size = old.length + 1;
  const matrix = Array.from({ length: size }, () => new Array<number>(size + 1).fill(0));
  for (const { x, y } of rows) {
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) matrix[a]![b]! += x[a]! * x[b]!;
      matrix[a]![size]! += x[a]! * y;
    }
  }
  old.forEach((value, index) => {
    matrix[index]![index]! += lambda * rows.length;
    matrix[index]![size]! += lambda * rows.length * value;
  });
  if (!hasBias) {
    for (const row of matrix) row[size - 1] = 0;
    matrix[size - 1] = [...new Array<number>(size - 1).fill(0), 1, 0];
  }
  for (let pivot = 0; pivot < size; pivot++) {
    const best = matrix.findLast((row) => row === greatest(matrix, pivot))!;
    const at = matrix.indexOf(best);
    [matrix[pivot], matrix[at]] = [matrix[at]!, matrix[pivot]!];
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const factor = matrix[row]![pivot]! / matrix[pivot]![pivot]!;
      for (let column = pivot; column <= size; column++)
        matrix[row]![column]! -= factor * matrix[pivot]![column]!;
    }
  }
  return matrix.map((row, index) => row[size]! / row[index]!);
}

/** The row from `pivot` on whose element there is greatest. */
function greatest(matrix: readonly number[][], pivot: number): number[] {
  return matrix
    .slice(pivot)
    .reduce((best, row) => (Math.abs(row[pivot]!) > Math.abs(best[pivot]!) ? row : best));
}

/** Weights of a target in the order of its equations. */
function weightsOf(node: Node, target: number): number[] {
  const tensor = constantTensor(node.input(1)!)!;
  const values = [...tensor.toNumbers()];
  const [first = 1, second = 1, ...kernel] = tensor.dims;
  const taps = kernel.reduce((product, dim) => product * dim, 1);
  if (node.opType === "Conv" || (node.opType === "Gemm" && node.int("transB", 0) === 1))
    return values.slice(target * second * taps, (target + 1) * second * taps);
  return Array.from({ length: first }, (_, input) =>
    values.slice((input * second + target) * taps, (input * second + target + 1) * taps),
  ).flat();
}

/** Mean over features of their variance, or of their mean square, over the windows of a layer. */
function meanVariance(rows: readonly Row[], taps: number, isCentred: boolean): number {
  const features = rows[0]!.x.length - 1;
  let total = 0;
  for (let feature = 0; feature < features; feature++) {
    let [sum, squares] = [0, 0];
    for (const { x } of rows) {
      sum += x[feature]!;
      squares += x[feature]! ** 2;
    }
    // A tap of a transposed convolution is one of several rows, the others hold zeros for it.
    const count = rows.length / taps;
    total += squares / count - (isCentred ? (sum / count) ** 2 : 0);
  }
  return total / features;
}

describe("a refit equals normal equations that are set up and solved in a plain way", () => {
  it.each(layerKinds)("%s", async (_name, build, images) => {
    const teacher = chainTo(build, 3);
    const plan = planOf({ [firstGroup(teacher).id]: [0, 2, 3, 5, 8, 9, 11] }, teacher);
    const student = await prune(teacher, plan);
    const old = lastLayer(student).node;
    const feeds = feedsOf(images);
    const oldWeights = (target: number): number[] => weightsOf(old, target);
    const before = Array.from({ length: 4 }, (_, target) => oldWeights(target));
    await reconstructLayers(student, { teacher, plan, feeds, runtime, damping: DAMPING });
    const { node, bias, output } = lastLayer(student);
    const equations = feeds.map((feed) =>
      equationsOf(
        node,
        readValue(student, feed, node.input(0)!.name),
        readValue(teacher, feed, output),
      ),
    );
    const targets = equations[0]!.length;
    const taps = node.opType === "ConvTranspose" ? 4 : 1;
    const biasValue = bias?.input(bias.opType === "Add" ? 1 : 2);
    const biases = biasValue && constantTensor(biasValue)!.toNumbers();
    for (let target = 0; target < targets; target++) {
      const rows = equations.flatMap((image) => image[target]!);
      const lambda = DAMPING * meanVariance(rows, taps, biases !== undefined);
      // λ is stated per row of the fit; a transposed convolution has one for each tap here.
      const solution = ridge(rows, before[target]!, lambda / taps, biases !== undefined);
      const expected = solution.slice(0, -1);
      const actual = weightsOf(node, target);
      const size = Math.max(...expected.map(Math.abs));
      actual.forEach((value, index) => {
        expect(Math.abs(value - expected[index]!)).toBeLessThan(2e-4 * size);
      });
      if (biases) expect(Math.abs(biases[target]! - solution.at(-1)!)).toBeLessThan(2e-4);
    }
  });
});
