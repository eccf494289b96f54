import { constantTensor, type Node, type Tensor } from "@ocrslim/graph";
import { weightValues } from "../criteria/weight-members.ts";

/** What a node adds to its outputs for a constant input. */
export interface ConsumerResponse {
  /** One number per output channel. */
  readonly delta: Float64Array;
  /** Axis of the output along which they lie, counted from the end (−1 = last) or from the start. */
  readonly axis: number;
}

/** What enters a consumer. */
export interface ConsumerInput {
  readonly node: Node;
  /** Which input of the node carries the data. */
  readonly input: number;
  /** Axis of the data along which the channels lie. */
  readonly axis: number;
  readonly rank: number;
  /** One number per channel of the data: what to respond to, 0 for channels that stay. */
  readonly levels: Float64Array;
}

type ResponseRule = (entry: ConsumerInput, weight: Tensor) => ConsumerResponse | string;

/**
 * Returns what a consumer's output gains from inputs that are constant over all positions, away from
 * zero padding: Σ_taps W · level. A transposed convolution with strides has a gain per phase; this
 * is their mean. A text says why a consumer has no such answer.
 */
export function respond(entry: ConsumerInput): ConsumerResponse | string {
  const { node, input } = entry;
  const rule = node.domain === "" ? responseRules.get(node.opType) : undefined;
  if (!rule) return `${node.opType} mixes channels without weights`;
  const operand = node.input(input === 0 ? 1 : 0);
  const weight = operand && constantTensor(operand);
  if (!weight) return `the weights of ${node.describe()} are computed`;
  if (weight.dtype !== "float32" && weight.dtype !== "float64") {
    return `the weights of ${node.describe()} are ${weight.dtype}`;
  }
  return rule(entry, weight);
}

const convolution: ResponseRule = ({ node, input, axis, levels }, weight) => {
  const [rows = 0, perGroup = 0, ...kernel] = weight.dims;
  const convGroups = node.int("group", 1);
  if (input !== 0 || axis !== 1 || levels.length !== perGroup * convGroups) {
    return `the channels do not lie along axis 1 of ${node.describe()}'s input`;
  }
  const taps = kernel.reduce((product, size) => product * size, 1);
  const values = weightValues(weight);
  const delta = new Float64Array(rows);
  for (let row = 0, at = 0; row < rows; row++) {
    const first = Math.floor(row / (rows / convGroups)) * perGroup;
    for (let index = 0; index < perGroup; index++, at += taps) {
      const level = levels[first + index] ?? 0;
      if (level === 0) continue;
      for (let tap = 0; tap < taps; tap++) {
        delta[row] = (delta[row] ?? 0) + (values[at + tap] as number) * level;
      }
    }
  }
  return { delta, axis: 1 };
};

const transposedConvolution: ResponseRule = ({ node, input, axis, levels }, weight) => {
  const [rows = 0, perGroup = 0, ...kernel] = weight.dims;
  if (input !== 0 || axis !== 1 || levels.length !== rows) {
    return `the channels do not lie along axis 1 of ${node.describe()}'s input`;
  }
  const convGroups = node.int("group", 1);
  const taps = kernel.reduce((product, size) => product * size, 1);
  const phases = (node.ints("strides") ?? []).reduce((product, stride) => product * stride, 1);
  const values = weightValues(weight);
  const delta = new Float64Array(perGroup * convGroups);
  for (let row = 0, at = 0; row < rows; row++) {
    const first = Math.floor(row / (rows / convGroups)) * perGroup;
    const level = (levels[row] ?? 0) / phases;
    for (let index = 0; index < perGroup; index++, at += taps) {
      if (level === 0) continue;
      for (let tap = 0; tap < taps; tap++) {
        const out = first + index;
        delta[out] = (delta[out] ?? 0) + (values[at + tap] as number) * level;
      }
    }
  }
  return { delta, axis: 1 };
};

const matrixProduct: ResponseRule = ({ node, input, axis, rank, levels }, weight) => {
  const [rows = 0, columns = 0] = weight.dims;
  const isGemm = node.opType === "Gemm";
  const isLeft = input === 0;
  const transposed = isGemm && node.int(isLeft ? "transB" : "transA", 0) === 1;
  const dataTransposed = isGemm && node.int(isLeft ? "transA" : "transB", 0) === 1;
  const innerAxis = isLeft !== dataTransposed ? rank - 1 : rank - 2;
  const innerIsRows = isLeft !== transposed;
  if (weight.dims.length !== 2 || axis !== innerAxis || rank < 2) {
    return `the channels do not lie along the inner dimension of ${node.describe()}`;
  }
  if (levels.length !== (innerIsRows ? rows : columns)) {
    return `${node.describe()} reads ${innerIsRows ? rows : columns} channels, not ${levels.length}`;
  }
  const scale = isGemm ? node.float("alpha", 1) : 1;
  const values = weightValues(weight);
  const delta = new Float64Array(innerIsRows ? columns : rows);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const level = (levels[innerIsRows ? row : column] ?? 0) * scale;
      const out = innerIsRows ? column : row;
      delta[out] = (delta[out] ?? 0) + (values[at] as number) * level;
    }
  }
  return { delta, axis: isLeft ? -1 : -2 };
};

const responseRules: ReadonlyMap<string, ResponseRule> = new Map([
  ["Conv", convolution],
  ["ConvTranspose", transposedConvolution],
  ["Gemm", matrixProduct],
  ["MatMul", matrixProduct],
]);
