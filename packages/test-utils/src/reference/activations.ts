import { evaluateNode, type Node, Tensor } from "@ocrslim/graph";
import {
  around,
  float64,
  offsetOf,
  positions,
  positiveAxis,
  type ReferenceContext,
  type ReferenceKernel,
  type ReferenceKernels,
  stridesOf,
} from "./reference-kernel.ts";

const map =
  (operationOf: (node: Node) => (value: number) => number): ReferenceKernel =>
  ({ node, numbers, dims }) => [float64(dims(0), numbers(0).map(operationOf(node)))];

const plain = (operation: (value: number) => number): ReferenceKernel => map(() => operation);

const softplus = (x: number): number => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** x · Φ(x), exactly or by its tanh form (Hendrycks and Gimpel, 2016). */
const gelu: ReferenceKernel = ({ node, numbers, dims, opset }) => {
  const x = numbers(0);
  if (node.string("approximate", "none") === "tanh") {
    const inner = (v: number): number => Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3);
    return [
      float64(
        dims(0),
        x.map((v) => 0.5 * v * (1 + Math.tanh(inner(v)))),
      ),
    ];
  }
  const scaled = float64(
    dims(0),
    x.map((v) => v / Math.SQRT2),
  );
  const erf = runErf(node, scaled, opset);
  return [
    float64(
      dims(0),
      x.map((v, i) => 0.5 * v * (1 + (erf[i] ?? 0))),
    ),
  ];
};

/** The error function comes from the kernels of `@ocrslim/graph`, which have it to 1e-15. */
function runErf(node: Node, x: Tensor, opset: number): Float64Array {
  const probe = Object.create(node, { opType: { value: "Erf" } }) as Node;
  const [result] = evaluateNode(probe, [x], opset) ?? [];
  if (!result) throw new Error(`evaluateModel: ${node.describe()}: no Erf`);
  return result.toNumbers();
}

const prelu: ReferenceKernel = ({ numbers, dims }) => {
  const x = numbers(0);
  const slope = numbers(1);
  const rank = dims(0).length;
  const slopeDims = [...new Array<number>(rank - dims(1).length).fill(1), ...dims(1)];
  const strides = stridesOf(slopeDims).map((stride, axis) => (slopeDims[axis] === 1 ? 0 : stride));
  const out = new Float64Array(x.length);
  let at = 0;
  for (const index of positions(dims(0))) {
    const value = x[at] ?? 0;
    out[at++] = value < 0 ? value * (slope[offsetOf(index, strides)] ?? 0) : value;
  }
  return [float64(dims(0), out)];
};

/** Applies `operation` to each row of softmax; before opset 13 all axes from `axis` on are one. */
const softmaxRows =
  (operation: (row: Float64Array) => Float64Array): ReferenceKernel =>
  (context: ReferenceContext) => {
    const { node, opset } = context;
    const dims = context.dims(0);
    const x = context.numbers(0);
    const axis = positiveAxis(node.int("axis", opset < 13 ? 1 : -1), dims.length);
    const shape = around(dims, axis);
    const [outer, size, inner] =
      opset < 13
        ? [shape.outer, shape.size * shape.inner, 1]
        : [shape.outer, shape.size, shape.inner];
    const out = new Float64Array(x.length);
    for (let row = 0; row < outer * inner; row++) {
      const base = Math.floor(row / inner) * size * inner + (row % inner);
      const values = Float64Array.from({ length: size }, (_, i) => x[base + i * inner] ?? 0);
      operation(values).forEach((value, i) => {
        out[base + i * inner] = value;
      });
    }
    return [float64(dims, out)];
  };

const softmax = (row: Float64Array): Float64Array => {
  const most = Math.max(...row);
  const powers = row.map((value) => Math.exp(value - most));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
};

const logSoftmax = (row: Float64Array): Float64Array => {
  const most = Math.max(...row);
  const sum = row.reduce((total, value) => total + Math.exp(value - most), 0);
  return row.map((value) => value - most - Math.log(sum));
};

const isNaNKernel: ReferenceKernel = ({ numbers, dims }) => [
  Tensor.from(
    "bool",
    dims(0),
    Uint8Array.from(numbers(0), (value) => Number(Number.isNaN(value))),
  ),
];

/** Activations and functions of one operand. */
export const activationKernels: ReferenceKernels = [
  ["Gelu", gelu],
  ["PRelu", prelu],
  ["Softmax", softmaxRows(softmax)],
  ["LogSoftmax", softmaxRows(logSoftmax)],
  ["IsNaN", isNaNKernel],
  ["Mish", plain((x) => x * Math.tanh(softplus(x)))],
  ["Softsign", plain((x) => x / (1 + Math.abs(x)))],
  ["Tan", plain(Math.tan)],
  ["Asin", plain(Math.asin)],
  ["Acos", plain(Math.acos)],
  ["Atan", plain(Math.atan)],
  ["Sinh", plain(Math.sinh)],
  ["Cosh", plain(Math.cosh)],
  ["Asinh", plain(Math.asinh)],
  ["Acosh", plain(Math.acosh)],
  ["Atanh", plain(Math.atanh)],
  [
    "Swish",
    map((node) => {
      const alpha = node.float("alpha", 1);
      return (x) => x * sigmoid(alpha * x);
    }),
  ],
  [
    "Elu",
    map((node) => {
      const alpha = node.float("alpha", 1);
      return (x) => (x < 0 ? alpha * Math.expm1(x) : x);
    }),
  ],
  [
    "Celu",
    map((node) => {
      const alpha = node.float("alpha", 1);
      return (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
    }),
  ],
  [
    "Selu",
    map((node) => {
      const alpha = node.float("alpha", 1.6732631921768188);
      const gamma = node.float("gamma", 1.0507010221481323);
      return (x) => gamma * (x <= 0 ? alpha * Math.expm1(x) : x);
    }),
  ],
  [
    "ThresholdedRelu",
    map((node) => {
      const alpha = node.float("alpha", 1);
      return (x) => (x > alpha ? x : 0);
    }),
  ],
  [
    "Shrink",
    map((node) => {
      const bias = node.float("bias", 0);
      const lambda = node.float("lambd", 0.5);
      return (x) => (x < -lambda ? x + bias : x > lambda ? x - bias : 0);
    }),
  ],
];
