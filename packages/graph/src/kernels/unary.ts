import type { Node } from "../ir/node.ts";
import { Tensor } from "../ir/tensor.ts";
import type { Kernel } from "./kernel.ts";
import { fromBigInts, fromNumbers, numberKind, roundHalfEven, toBigInts } from "./numbers.ts";
import { erf, sigmoid } from "./special-functions.ts";

/** An operation on floating numbers (in double precision, rounded once), and on integers. */
interface Unary {
  readonly float: (value: number) => number;
  readonly int?: (value: number) => number;
  readonly big?: (value: bigint) => bigint;
}

const map =
  (operationOf: (node: Node) => Unary): Kernel =>
  ({ node, inputs }) => {
    const [source] = inputs;
    const kind = numberKind(source?.dtype);
    if (!source || !kind) return undefined;
    const operation = operationOf(node);
    if (kind === "big") {
      const { big } = operation;
      const values = big && Array.from<bigint, bigint>(toBigInts(source), big);
      return values && [fromBigInts(source.dtype, source.dims, values)];
    }
    const compute = kind === "float" ? operation.float : operation.int;
    if (!compute || kind === "bool") return undefined;
    const values = source.toNumbers();
    const result = fromNumbers(
      source.dtype,
      source.dims,
      values.map((value) => compute(value)),
    );
    return result && [result];
  };

const always = (operation: Unary): Kernel => map(() => operation);
const float = (compute: (value: number) => number): Kernel => always({ float: compute });

const not: Kernel = ({ inputs }) => {
  const [source] = inputs;
  if (source?.dtype !== "bool") return undefined;
  return [
    Tensor.from(
      "bool",
      source.dims,
      source.bytes.map((value) => (value === 0 ? 1 : 0)),
    ),
  ];
};

/** Bounds from attributes (before opset 11) or inputs; the upper one wins. */
const clip: Kernel = ({ node, inputs, numbers }) => {
  const [source] = inputs;
  const kind = numberKind(source?.dtype);
  if (!source || !kind || kind === "bool") return undefined;
  const low = numbers(1)?.[0] ?? node.float("min", Number.NEGATIVE_INFINITY);
  const high = numbers(2)?.[0] ?? node.float("max", Number.POSITIVE_INFINITY);
  if (kind === "big") {
    const lowest = inputs[1] && toBigInts(inputs[1])[0];
    const highest = inputs[2] && toBigInts(inputs[2])[0];
    const values = Array.from<bigint, bigint>(toBigInts(source), (value) => {
      const raised = lowest !== undefined && value < lowest ? lowest : value;
      return highest !== undefined && raised > highest ? highest : raised;
    });
    return [fromBigInts(source.dtype, source.dims, values)];
  }
  const values = source.toNumbers().map((value) => Math.min(high, Math.max(low, value)));
  const result = fromNumbers(source.dtype, source.dims, values);
  return result && [result];
};

const hardSigmoid = (alpha: number, beta: number) => (value: number) =>
  Math.max(0, Math.min(1, alpha * value + beta));

const hardSwishGate = hardSigmoid(1 / 6, 0.5);

/** Operators of one operand. */
export const unaryKernels: readonly (readonly [string, Kernel])[] = [
  ["Not", not],
  ["Clip", clip],
  [
    "Neg",
    always({
      float: (value) => -value,
      int: (value) => -value,
      big: (value) => -value,
    }),
  ],
  [
    "Abs",
    always({ float: Math.abs, int: Math.abs, big: (value) => (value < 0n ? -value : value) }),
  ],
  [
    "Sign",
    always({
      float: Math.sign,
      int: Math.sign,
      big: (value) => (value > 0n ? 1n : value < 0n ? -1n : 0n),
    }),
  ],
  [
    "Relu",
    always({
      float: (value) => Math.max(0, value),
      int: (value) => Math.max(0, value),
      big: (value) => (value > 0n ? value : 0n),
    }),
  ],
  ["Ceil", float(Math.ceil)],
  ["Floor", float(Math.floor)],
  ["Round", float(roundHalfEven)],
  ["Reciprocal", float((value) => 1 / value)],
  ["Sqrt", float(Math.sqrt)],
  ["Exp", float(Math.exp)],
  ["Log", float(Math.log)],
  ["Erf", float(erf)],
  ["Sin", float(Math.sin)],
  ["Cos", float(Math.cos)],
  ["Tanh", float(Math.tanh)],
  ["Sigmoid", float(sigmoid)],
  ["Softplus", float((value) => Math.max(0, value) + Math.log1p(Math.exp(-Math.abs(value))))],
  ["HardSwish", float((value) => value * hardSwishGate(value))],
  [
    "HardSigmoid",
    map((node) => ({ float: hardSigmoid(node.float("alpha", 0.2), node.float("beta", 0.5)) })),
  ],
  [
    "LeakyRelu",
    map((node) => {
      const alpha = node.float("alpha", 0.01);
      return { float: (value) => (value < 0 ? alpha * value : value) };
    }),
  ],
];
