import { createRandom } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import {
  choleskyFactor,
  choleskySolve,
  invertSymmetric,
} from "../../src/reconstruction/linear-algebra.ts";

/** A A' + I, which is positive definite. */
function randomPositive(size: number, seed: number): Float64Array {
  const random = createRandom(seed);
  const a = Float64Array.from({ length: size * size }, () => random() - 0.5);
  const result = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let sum = row === column ? 1 : 0;
      for (let k = 0; k < size; k++) sum += a[row * size + k]! * a[column * size + k]!;
      result[row * size + column] = sum;
    }
  }
  return result;
}

function multiply(a: Float64Array, b: Float64Array, size: number, columns: number): Float64Array {
  const result = new Float64Array(size * columns);
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < size; k++) {
      for (let column = 0; column < columns; column++) {
        result[row * columns + column]! += a[row * size + k]! * b[k * columns + column]!;
      }
    }
  }
  return result;
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - b[index]!)), 0);
}

describe("linear algebra", () => {
  it.each([1, 2, 7, 40])("solves a system of size %s", (size) => {
    const matrix = randomPositive(size, size);
    const random = createRandom(3);
    const right = Float64Array.from({ length: size * 3 }, () => random());
    const solution = right.slice();
    choleskySolve(choleskyFactor(matrix, size)!, size, solution, 3);
    expect(largestDifference(multiply(matrix, solution, size, 3), right)).toBeLessThan(1e-10);
  });

  it.each([1, 2, 7, 40])("inverts a matrix of size %s", (size) => {
    const matrix = randomPositive(size, size);
    const product = multiply(matrix, invertSymmetric(matrix, size)!, size, size);
    const identity = new Float64Array(size * size);
    for (let index = 0; index < size; index++) identity[index * size + index] = 1;
    expect(largestDifference(product, identity)).toBeLessThan(1e-10);
  });

  it("refuses a matrix that is not positive definite", () => {
    expect(choleskyFactor(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
    expect(invertSymmetric(Float64Array.of(0, 0, 0, 1), 2)).toBeUndefined();
  });
});
