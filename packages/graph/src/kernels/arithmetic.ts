import { elementCount } from "../ir/data-type.ts";
import { Tensor } from "../ir/tensor.ts";
import { broadcastPair } from "../shapes/dims.ts";
import { broadcastIndices, elementBytes } from "./elements.ts";
import type { Kernel } from "./kernel.ts";
import {
  fromBigInts,
  fromNumbers,
  maxBigInt,
  minBigInt,
  numberKind,
  toBigInts,
} from "./numbers.ts";

/** One operation on each kind of number; what is absent is not covered. */
interface Binary {
  readonly float?: (left: number, right: number) => number;
  readonly int?: (left: number, right: number) => number;
  readonly big?: (left: bigint, right: bigint) => bigint;
}

interface Comparison {
  readonly number: (left: number, right: number) => boolean;
  readonly big: (left: bigint, right: bigint) => boolean;
}

/** Both operands' element indices, at every output position. */
function pairs(
  left: Tensor,
  right: Tensor,
): { dims: readonly number[]; leftAt: Int32Array; rightAt: Int32Array } | undefined {
  const dims = broadcastPair(left.dims, right.dims);
  return (
    dims && {
      dims,
      leftAt: broadcastIndices(left.dims, dims),
      rightAt: broadcastIndices(right.dims, dims),
    }
  );
}

function applyBinary(left: Tensor, right: Tensor, operation: Binary): Tensor | undefined {
  const kind = numberKind(left.dtype);
  const together = left.dtype === right.dtype ? pairs(left, right) : undefined;
  if (!together) return undefined;
  const { dims, leftAt, rightAt } = together;
  if (kind === "big") {
    const { big } = operation;
    if (!big) return undefined;
    const a = toBigInts(left);
    const b = toBigInts(right);
    const out: bigint[] = [];
    for (let i = 0; i < leftAt.length; i++)
      out.push(big(a[leftAt[i] ?? 0] ?? 0n, b[rightAt[i] ?? 0] ?? 0n));
    return fromBigInts(left.dtype, dims, out);
  }
  const compute = kind === "float" ? operation.float : kind === "int" ? operation.int : undefined;
  if (!compute) return undefined;
  const a = left.toNumbers();
  const b = right.toNumbers();
  const out = new Float64Array(leftAt.length);
  for (let i = 0; i < out.length; i++)
    out[i] = compute(a[leftAt[i] ?? 0] ?? 0, b[rightAt[i] ?? 0] ?? 0);
  return fromNumbers(left.dtype, dims, out);
}

/** Folds all operands, rounding to their type after each step. */
function variadic(operation: Binary): Kernel {
  return ({ inputs }) => {
    let [result] = inputs;
    for (const operand of inputs.slice(1)) {
      result = result && operand && applyBinary(result, operand, operation);
    }
    return result && [result];
  };
}

const add: Binary = { float: (a, b) => a + b, int: (a, b) => a + b, big: (a, b) => a + b };
const subtract: Binary = { float: (a, b) => a - b, int: (a, b) => a - b, big: (a, b) => a - b };
const multiply: Binary = { float: (a, b) => a * b, int: Math.imul, big: (a, b) => a * b };
const divide: Binary = { float: (a, b) => a / b, int: (a, b) => a / b, big: (a, b) => a / b };
const minimum: Binary = { float: Math.min, int: Math.min, big: minBigInt };
const maximum: Binary = { float: Math.max, int: Math.max, big: maxBigInt };
/** The sign of the dividend, as C's `fmod`. */
const remainder: Binary = { float: (a, b) => a % b, int: (a, b) => a % b, big: (a, b) => a % b };
/** The sign of the divisor, as Python's `%`. */
const modulo: Binary = {
  int: (a, b) => ((a % b) + b) % b,
  big: (a, b) => ((a % b) + b) % b,
};

/** Integers have no quotient by zero, nor has the lowest one by −1 (it overflows). */
function guarded(operation: Binary): Kernel {
  const compute = variadic(operation);
  return (context) => {
    const [dividend, divisor] = context.inputs;
    if (divisor && numberKind(divisor.dtype) !== "float" && divisor.dtype !== "string") {
      if (divisor.toNumbers().includes(0)) return undefined;
    }
    return dividend && compute(context);
  };
}

const mod: Kernel = (context) =>
  guarded(context.node.int("fmod", 0) !== 0 ? remainder : modulo)(context);

const mean: Kernel = (context) => {
  const [sum] = variadic(add)(context) ?? [];
  if (!sum || numberKind(sum.dtype) !== "float") return undefined;
  const count = context.inputs.length;
  const result = fromNumbers(
    sum.dtype,
    sum.dims,
    sum.toNumbers().map((value) => value / count),
  );
  return result && [result];
};

/** Base and exponent may differ in type; integer results that a double cannot hold are declined. */
const pow: Kernel = ({ inputs }) => {
  const [base, exponent] = inputs;
  if (!base || !exponent || !numberKind(base.dtype) || !numberKind(exponent.dtype))
    return undefined;
  const together = pairs(base, exponent);
  if (!together) return undefined;
  const a = base.toNumbers();
  const b = exponent.toNumbers();
  const { dims, leftAt, rightAt } = together;
  const out = Float64Array.from(leftAt, (at, i) => (a[at] ?? 0) ** (b[rightAt[i] ?? 0] ?? 0));
  const isExact = numberKind(base.dtype) === "float" || out.every(Number.isSafeInteger);
  const result = isExact ? fromNumbers(base.dtype, dims, out) : undefined;
  return result && [result];
};

function compare(operation: Comparison): Kernel {
  return ({ inputs }) => {
    const [left, right] = inputs;
    const kind = numberKind(left?.dtype);
    if (!left || !right || !kind || left.dtype !== right.dtype) return undefined;
    const together = pairs(left, right);
    if (!together) return undefined;
    const { dims, leftAt, rightAt } = together;
    const out = new Uint8Array(leftAt.length);
    if (kind === "big") {
      const a = toBigInts(left);
      const b = toBigInts(right);
      for (let i = 0; i < out.length; i++) {
        out[i] = Number(operation.big(a[leftAt[i] ?? 0] ?? 0n, b[rightAt[i] ?? 0] ?? 0n));
      }
    } else {
      const a = left.toNumbers();
      const b = right.toNumbers();
      for (let i = 0; i < out.length; i++) {
        out[i] = Number(operation.number(a[leftAt[i] ?? 0] ?? 0, b[rightAt[i] ?? 0] ?? 0));
      }
    }
    return [Tensor.from("bool", dims, out)];
  };
}

const logic = (operation: (left: number, right: number) => boolean): Kernel =>
  compare({ number: operation, big: (a, b) => operation(Number(a), Number(b)) });

const where: Kernel = ({ inputs, outputs }) => {
  const [condition, left, right] = inputs;
  const dims = outputs[0]?.dims;
  const width = left && elementBytes(left.dtype);
  if (!condition || !left || !right || !dims || !width || left.dtype !== right.dtype) {
    return undefined;
  }
  const chosen = condition.bytes;
  const conditionAt = broadcastIndices(condition.dims, dims);
  const leftAt = broadcastIndices(left.dims, dims);
  const rightAt = broadcastIndices(right.dims, dims);
  const bytes = new Uint8Array(elementCount(dims) * width);
  for (let i = 0; i < leftAt.length; i++) {
    const isLeft = chosen[conditionAt[i] ?? 0] !== 0;
    const at = ((isLeft ? leftAt[i] : rightAt[i]) ?? 0) * width;
    bytes.set((isLeft ? left : right).bytes.subarray(at, at + width), i * width);
  }
  return [Tensor.from(left.dtype, dims, bytes)];
};

/** Operators of two or more operands that are broadcast together. */
export const arithmeticKernels: readonly (readonly [string, Kernel])[] = [
  ["Add", variadic(add)],
  ["Sub", variadic(subtract)],
  ["Mul", variadic(multiply)],
  ["Div", guarded(divide)],
  ["Mod", mod],
  ["Pow", pow],
  ["Min", variadic(minimum)],
  ["Max", variadic(maximum)],
  ["Sum", variadic(add)],
  ["Mean", mean],
  ["Equal", compare({ number: (a, b) => a === b, big: (a, b) => a === b })],
  ["Greater", compare({ number: (a, b) => a > b, big: (a, b) => a > b })],
  ["GreaterOrEqual", compare({ number: (a, b) => a >= b, big: (a, b) => a >= b })],
  ["Less", compare({ number: (a, b) => a < b, big: (a, b) => a < b })],
  ["LessOrEqual", compare({ number: (a, b) => a <= b, big: (a, b) => a <= b })],
  ["And", logic((a, b) => a !== 0 && b !== 0)],
  ["Or", logic((a, b) => a !== 0 || b !== 0)],
  ["Xor", logic((a, b) => (a !== 0) !== (b !== 0))],
  ["Where", where],
];
