import { createTableau, sweep, type Tableau } from "./tableau.ts";

/** A symmetric matrix [size, size], row-major. */
export type SymmetricMatrix = Float64Array;

/**
 * The Cholesky factor L of a symmetric positive definite matrix, A = L L', lower triangle of the
 * result; `undefined` if the matrix is not positive definite.
 */
export function choleskyFactor(matrix: SymmetricMatrix, size: number): Float64Array | undefined {
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const rowBase = row * size;
    for (let column = 0; column <= row; column++) {
      const columnBase = column * size;
      let sum = matrix[rowBase + column] as number;
      for (let k = 0; k < column; k++) {
        sum -= (factor[rowBase + k] as number) * (factor[columnBase + k] as number);
      }
      if (row === column) {
        if (!(sum > 0)) return undefined;
        factor[rowBase + row] = Math.sqrt(sum);
      } else factor[rowBase + column] = sum / (factor[columnBase + column] as number);
    }
  }
  return factor;
}

/** Solves L L' X = B in place; B is [size, columns], row-major. */
export function choleskySolve(
  factor: Float64Array,
  size: number,
  right: Float64Array,
  columns: number,
): void {
  for (let row = 0; row < size; row++) {
    const base = row * columns;
    for (let k = 0; k < row; k++) {
      const scale = factor[row * size + k] as number;
      if (scale !== 0) subtractRow(right, base, k * columns, scale, columns);
    }
    scaleRow(right, base, 1 / (factor[row * size + row] as number), columns);
  }
  for (let row = size - 1; row >= 0; row--) {
    const base = row * columns;
    for (let k = row + 1; k < size; k++) {
      const scale = factor[k * size + row] as number;
      if (scale !== 0) subtractRow(right, base, k * columns, scale, columns);
    }
    scaleRow(right, base, 1 / (factor[row * size + row] as number), columns);
  }
}

function subtractRow(
  data: Float64Array,
  to: number,
  from: number,
  scale: number,
  columns: number,
): void {
  for (let column = 0; column < columns; column++) {
    data[to + column] = (data[to + column] as number) - scale * (data[from + column] as number);
  }
}

function scaleRow(data: Float64Array, base: number, scale: number, columns: number): void {
  for (let column = 0; column < columns; column++)
    data[base + column] = (data[base + column] as number) * scale;
}

/** The inverse of a symmetric positive definite matrix; `undefined` if it is not. */
export function invertSymmetric(matrix: SymmetricMatrix, size: number): Float64Array | undefined {
  const tableau = createTableau(matrix, size, new Float64Array(0), 0);
  if (!sweepAll(tableau)) return undefined;
  const inverse = tableau.matrix;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const value = -(inverse[row * size + column] as number);
      inverse[row * size + column] = value;
      inverse[column * size + row] = value;
    }
  }
  return inverse;
}

/**
 * A⁻¹ B for a symmetric positive definite A [size, size] and B [size, columns]; `undefined` if A is
 * not.
 */
export function solveSymmetric(
  matrix: SymmetricMatrix,
  size: number,
  right: Float64Array,
  columns: number,
): Float64Array | undefined {
  const tableau = createTableau(matrix, size, right, columns);
  return sweepAll(tableau) ? tableau.right : undefined;
}

/** Rows that are swept at once: enough to be fast, few enough for a small inverse. */
const BLOCK = 16;

/** Sweeps all rows in; `false` if a pivot is not positive. */
function sweepAll(tableau: Tableau): boolean {
  const { size, matrix } = tableau;
  for (let start = 0; start < size; start += BLOCK) {
    const rows = Array.from({ length: Math.min(BLOCK, size - start) }, (_, index) => start + index);
    if (!rows.every((row) => (matrix[row * size + row] as number) > 0)) return false;
    sweep(tableau, rows, 1);
    // What is swept in is −P⁻¹ of a positive definite block, so that its diagonal is negative.
    if (!rows.every((row) => (matrix[row * size + row] as number) < 0)) return false;
  }
  return true;
}

/** Mean of the diagonal. */
export function meanDiagonal(matrix: SymmetricMatrix, size: number): number {
  let sum = 0;
  for (let index = 0; index < size; index++) sum += matrix[index * size + index] as number;
  return size === 0 ? 0 : sum / size;
}

/** A copy with `amount` added to the diagonal. */
export function withDiagonal(
  matrix: SymmetricMatrix,
  size: number,
  amount: number,
): SymmetricMatrix {
  const result = matrix.slice();
  for (let index = 0; index < size; index++) {
    result[index * size + index] = (result[index * size + index] as number) + amount;
  }
  return result;
}
