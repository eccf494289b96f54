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
  const factor = choleskyFactor(matrix, size);
  if (!factor) return undefined;
  const lower = invertLower(factor, size);
  // A⁻¹ = L⁻ᵀ L⁻¹, row by row of L⁻¹, which is triangular too.
  const inverse = new Float64Array(size * size);
  for (let k = 0; k < size; k++) {
    const base = k * size;
    for (let row = 0; row <= k; row++) {
      const scale = lower[base + row] as number;
      if (scale === 0) continue;
      const to = row * size;
      for (let column = 0; column <= row; column++) {
        inverse[to + column] =
          (inverse[to + column] as number) + scale * (lower[base + column] as number);
      }
    }
  }
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < row; column++)
      inverse[column * size + row] = inverse[row * size + column] as number;
  }
  return inverse;
}

/** L⁻¹ of a lower triangular matrix. */
function invertLower(factor: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    const base = row * size;
    for (let k = 0; k < row; k++) {
      const scale = factor[base + k] as number;
      if (scale === 0) continue;
      const from = k * size;
      for (let column = 0; column <= k; column++) {
        inverse[base + column] =
          (inverse[base + column] as number) - scale * (inverse[from + column] as number);
      }
    }
    inverse[base + row] = 1;
    const pivot = 1 / (factor[base + row] as number);
    for (let column = 0; column <= row; column++)
      inverse[base + column] = (inverse[base + column] as number) * pivot;
  }
  return inverse;
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
