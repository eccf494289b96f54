import {
  type AttributeContent,
  evaluateNode,
  int,
  string,
  Tensor,
  tensorAttribute,
} from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import { float16Bits } from "../../src/kernels/numbers.ts";
import { erf } from "../../src/kernels/special-functions.ts";
import { nodesModel } from "../support/run-nodes.ts";

function evaluate(
  opType: string,
  inputs: readonly (Tensor | undefined)[],
  attributes: Readonly<Record<string, AttributeContent>> = {},
  maxElements?: number,
): readonly Tensor[] | undefined {
  const { nodes } = nodesModel([{ opType, inputs, attributes, outputTypes: ["float32"] }]);
  return evaluateNode(nodes[0]!, inputs, 17, maxElements === undefined ? {} : { maxElements });
}

const big = (...values: bigint[]): Tensor =>
  Tensor.from("int64", [values.length], BigInt64Array.from(values));
const bigOf = (tensors: readonly Tensor[] | undefined): readonly bigint[] => [
  ...new BigInt64Array(Uint8Array.from(tensors![0]!.bytes).buffer),
];

describe("evaluateNode", () => {
  it("has no result for operators without a kernel and for types it cannot compute with", () => {
    const x = Tensor.float32([1, 1, 3], [1, 2, 3]);
    expect(evaluate("Conv", [x, x])).toBeUndefined();
    const text = Tensor.strings([1], ["a"]);
    expect(evaluate("Add", [text, text])).toBeUndefined();
    expect(evaluate("Add", [x, Tensor.int64([1])])).toBeUndefined();
  });

  it("has no result where shapes contradict each other", () => {
    const two = Tensor.float32([2], [1, 2]);
    expect(evaluate("Add", [two, Tensor.float32([3], [1, 2, 3])])).toBeUndefined();
  });

  it("has no result where the runtime would fail", () => {
    expect(evaluate("Div", [Tensor.int64([1]), Tensor.int64([0])])).toBeUndefined();
    expect(evaluate("Gather", [Tensor.int64([1, 2]), Tensor.int64([2])])).toBeUndefined();
  });

  it("declines a mode of Pad that it does not compute", () => {
    const x = Tensor.float32([3], [1, 2, 3]);
    const pads = Tensor.int64([1, 0]);
    expect(evaluate("Pad", [x, pads])?.[0]?.toNumbers()).toEqual(Float64Array.of(0, 1, 2, 3));
    expect(evaluate("Pad", [x, pads], { mode: string("reflect") })).toBeUndefined();
  });

  it("never makes more elements than it is allowed", () => {
    const dims = Tensor.int64([100, 100]);
    expect(evaluate("ConstantOfShape", [dims], {}, 10_000)?.[0]?.dims).toEqual([100, 100]);
    expect(evaluate("ConstantOfShape", [dims], {}, 9_999)).toBeUndefined();
    const huge = Tensor.int64([2 ** 40, 2 ** 40]);
    expect(evaluate("ConstantOfShape", [huge])).toBeUndefined();
    expect(evaluate("Expand", [Tensor.float32([1], [1]), huge])).toBeUndefined();
    const ones = Tensor.float32([3, 4], new Float32Array(12).fill(1));
    expect(evaluate("NonZero", [ones], {}, 23)).toBeUndefined();
    expect(evaluate("NonZero", [ones], {}, 24)?.[0]?.dims).toEqual([2, 12]);
  });

  it("is not misled by huge dims of tensors that have no elements", () => {
    const hollow = (...dims: number[]): Tensor => Tensor.float32(dims, []);
    expect(evaluate("Transpose", [hollow(0, 2 ** 40)])).toBeUndefined();
    expect(evaluate("Transpose", [hollow(0, 2 ** 21, 2 ** 21)])?.[0]?.dims).toEqual([
      2 ** 21,
      2 ** 21,
      0,
    ]);
    const axes = Tensor.int64([1, 2]);
    expect(evaluate("ReduceSum", [hollow(0, 2 ** 21, 2 ** 21), axes])).toBeUndefined();
    expect(evaluate("ReduceSum", [hollow(0)])?.[0]?.toNumbers()).toEqual(Float64Array.of(0));
  });

  it("computes 64-bit integers exactly, and wraps around", () => {
    const most = 2n ** 63n - 1n;
    expect(bigOf(evaluate("Sub", [big(most), big(1n)]))).toEqual([most - 1n]);
    expect(bigOf(evaluate("Add", [big(most), big(1n)]))).toEqual([-(2n ** 63n)]);
    expect(bigOf(evaluate("Div", [big(-7n), big(2n)]))).toEqual([-3n]);
    expect(bigOf(evaluate("Mod", [big(-7n), big(2n)]))).toEqual([1n]);
    expect(bigOf(evaluate("Mod", [big(-7n), big(2n)], { fmod: int(1) }))).toEqual([-1n]);
  });

  it("moves elements bit for bit, not as numbers", () => {
    const payload = Uint32Array.of(0x7fc01234, 0x80000000);
    const x = Tensor.from("float32", [2], payload);
    const [moved] = evaluate("Concat", [x, x], { axis: int(0) })!;
    expect([...new Uint32Array(Uint8Array.from(moved!.bytes).buffer)]).toEqual([
      ...payload,
      ...payload,
    ]);
  });

  it("reads tensors that are not aligned", () => {
    const buffer = new Uint8Array(20);
    buffer.set(new Uint8Array(big(5n, 6n).bytes), 3);
    const x = new Tensor({
      dtype: "int64",
      dims: [2],
      storage: { kind: "raw", source: { bytes: buffer, start: 3, end: 19 } },
    });
    expect(bigOf(evaluate("Add", [x, x]))).toEqual([10n, 12n]);
    expect(bigOf(evaluate("Gather", [x, Tensor.int64([1])]))).toEqual([6n]);
    // A Buffer's slice() is a view, unlike a Uint8Array's.
    const inBuffer = new Tensor({
      dtype: "int64",
      dims: [2],
      storage: { kind: "raw", source: { bytes: Buffer.from(buffer), start: 3, end: 19 } },
    });
    expect(bigOf(evaluate("Add", [inBuffer, inBuffer]))).toEqual([10n, 12n]);
  });

  it("declines casts whose result depends on the processor", () => {
    const to = (code: number): Record<string, AttributeContent> => ({ to: int(code) });
    expect(evaluate("Cast", [Tensor.float32([1], [Number.NaN])], to(7))).toBeUndefined();
    expect(evaluate("Cast", [Tensor.float32([1], [300])], to(2))).toBeUndefined();
    expect(evaluate("Cast", [Tensor.float32([1], [255.9])], to(2))?.[0]?.toNumbers()).toEqual(
      Float64Array.of(255),
    );
  });

  it("fills with the value given, of its type", () => {
    const value = tensorAttribute(Tensor.from("bool", [1], Uint8Array.of(1)));
    const [filled] = evaluate("ConstantOfShape", [Tensor.int64([2])], { value })!;
    expect(filled).toMatchObject({ dtype: "bool", dims: [2] });
    expect([...filled!.bytes]).toEqual([1, 1]);
  });
});

describe("float16Bits", () => {
  const numberOf = (bits: number): number =>
    Tensor.from("float16", [1], Uint16Array.of(bits)).toNumbers()[0]!;

  it("gives back the bits of every float16 number", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x10000; bits++) {
      const isNotANumber = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
      if (!isNotANumber && float16Bits(numberOf(bits)) !== bits) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
    expect(float16Bits(Number.NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  });

  it("rounds to the nearest, halves to the even one", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x7bff; bits++) {
      const low = numberOf(bits);
      const high = numberOf(bits + 1);
      const middle = (low + high) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      if (float16Bits(middle) !== even) wrong.push(bits);
      if (float16Bits(middle + (high - low) / 64) !== bits + 1) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });
});

describe("erf", () => {
  it("has the values that tables give", () => {
    // Abramowitz and Stegun, table 7.1, and 1 − erfc for the last two.
    expect(erf(0.5)).toBeCloseTo(0.5204998778, 10);
    expect(erf(-1)).toBeCloseTo(-0.8427007929, 10);
    expect(erf(2)).toBeCloseTo(0.995322265, 10);
    expect(1 - erf(2.49)).toBeCloseTo(1 - erf(2.51), 3);
    expect((1 - erf(3)) / 2.209049699858544e-5).toBeCloseTo(1, 9);
    expect(erf(7)).toBe(1);
  });

  it("is continuous where the series hands over to the continued fraction", () => {
    const step = 2 ** -40;
    const slope = (2 / Math.sqrt(Math.PI)) * Math.exp(-(2.5 ** 2));
    expect(Math.abs(erf(2.5) - erf(2.5 - step) - slope * step)).toBeLessThan(1e-15);
  });
});
