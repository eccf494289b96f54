/**
 * A symmetric matrix with right-hand sides that rows can be swept in and out of (Goodnight 1979, "A
 * Tutorial on the SWEEP Operator"). Only the lower triangle of the matrix is kept up to date.
 *
 * Swept rows T of a positive definite P hold −P_TT⁻¹ and P_TT⁻¹ P_T·, the others the Schur complement
 * P − P_·T P_TT⁻¹ P_T·; the right-hand sides hold P_TT⁻¹ B_T and B − P_·T P_TT⁻¹ B_T.
 */
export interface Tableau {
  readonly size: number;
  readonly columns: number;
  /** [size, size], row-major. */
  readonly matrix: Float64Array;
  /** [size, columns], row-major. */
  readonly right: Float64Array;
}

export function createTableau(
  matrix: Float64Array,
  size: number,
  right: Float64Array,
  columns: number,
): Tableau {
  return { size, columns, matrix: matrix.slice(), right: right.slice() };
}

/** The matrix at a row and a column, whichever is larger. */
export function at({ matrix, size }: Tableau, row: number, column: number): number {
  return (row >= column ? matrix[row * size + column] : matrix[column * size + row]) as number;
}

/** The block of the matrix at rows and columns, [rows.length, columns.length]. */
export function blockAt(
  tableau: Tableau,
  rows: readonly number[],
  columns: readonly number[],
): Float64Array {
  const block = new Float64Array(rows.length * columns.length);
  let to = 0;
  for (const row of rows) for (const column of columns) block[to++] = at(tableau, row, column);
  return block;
}

/**
 * Sweeps rows in (`1`) or out again (`-1`), in place. The rows swept out must be swept in, and the
 * other way round.
 */
export function sweep(tableau: Tableau, rows: readonly number[], direction: 1 | -1): void {
  const { size, columns, matrix, right } = tableau;
  const count = rows.length;
  if (count === 0) return;
  const inverse = invertSmall(blockAt(tableau, rows, rows), count);
  // U = P_T·, V = P_TT⁻¹ P_T·, and the same of the right-hand sides.
  const u = new Float64Array(count * size);
  const b = new Float64Array(count * columns);
  rows.forEach((row, index) => {
    const base = index * size;
    for (let column = 0; column < row; column++)
      u[base + column] = matrix[row * size + column] as number;
    for (let column = row; column < size; column++)
      u[base + column] = matrix[column * size + row] as number;
    b.set(right.subarray(row * columns, (row + 1) * columns), index * columns);
  });
  const v = multiply(inverse, count, u, size);
  const r = multiply(inverse, count, b, columns);
  subtractProducts(matrix, size, u, v, count, true, size);
  subtractProducts(right, columns, u, r, count, false, size);
  rows.forEach((row, index) => {
    const base = index * size;
    for (let column = 0; column < row; column++)
      matrix[row * size + column] = direction * (v[base + column] as number);
    for (let column = row + 1; column < size; column++)
      matrix[column * size + row] = direction * (v[base + column] as number);
    for (let column = 0; column < columns; column++)
      right[row * columns + column] = direction * (r[index * columns + column] as number);
  });
  rows.forEach((row, index) => {
    rows.forEach((column, k) => {
      if (column <= row) matrix[row * size + column] = -(inverse[index * count + k] as number);
    });
  });
}

/** [count, count] · [count, width]. */
function multiply(
  left: Float64Array,
  count: number,
  right: Float64Array,
  width: number,
): Float64Array {
  const result = new Float64Array(count * width);
  for (let row = 0; row < count; row++) {
    for (let k = 0; k < count; k++) {
      const scale = left[row * count + k] as number;
      for (let column = 0; column < width; column++) {
        const to = row * width + column;
        result[to] = (result[to] as number) + scale * (right[k * width + column] as number);
      }
    }
  }
  return result;
}

/** data −= U' V for data [height, width], U [count, height], V [count, width]; or its lower triangle. */
export function subtractProducts(
  data: Float64Array,
  width: number,
  u: Float64Array,
  v: Float64Array,
  count: number,
  isLower: boolean,
  height: number,
): void {
  let rank = 0;
  for (; rank + 4 <= count; rank += 4) subtractFour(data, width, u, v, rank, isLower, height);
  for (; rank < count; rank++) {
    const base = rank * width;
    for (let row = 0; row < height; row++) {
      const scale = u[rank * height + row] as number;
      if (scale === 0) continue;
      const to = row * width;
      const end = isLower ? row + 1 : width;
      for (let column = 0; column < end; column++)
        data[to + column] = (data[to + column] as number) - scale * (v[base + column] as number);
    }
  }
}

/** Four products and two rows at once: each number that is loaded is used several times. */
function subtractFour(
  data: Float64Array,
  width: number,
  u: Float64Array,
  v: Float64Array,
  rank: number,
  isLower: boolean,
  height: number,
): void {
  const v0 = v.subarray(rank * width, (rank + 1) * width);
  const v1 = v.subarray((rank + 1) * width, (rank + 2) * width);
  const v2 = v.subarray((rank + 2) * width, (rank + 3) * width);
  const v3 = v.subarray((rank + 3) * width, (rank + 4) * width);
  for (let row = 0; row < height; row += 2) {
    // The last row of an odd number has a partner of zeros.
    const next = row + 1 < height ? 1 : 0;
    const from = rank * height + row;
    const s0 = u[from] as number;
    const s1 = u[from + height] as number;
    const s2 = u[from + 2 * height] as number;
    const s3 = u[from + 3 * height] as number;
    const t0 = next * (u[from + next] as number);
    const t1 = next * (u[from + height + next] as number);
    const t2 = next * (u[from + 2 * height + next] as number);
    const t3 = next * (u[from + 3 * height + next] as number);
    const end = isLower ? row + 1 + next : width;
    const one = data.subarray(row * width, row * width + end);
    const two = next
      ? data.subarray((row + 1) * width, (row + 1) * width + end)
      : new Float64Array(end);
    for (let column = 0; column < end; column++) {
      const x0 = v0[column] as number;
      const x1 = v1[column] as number;
      const x2 = v2[column] as number;
      const x3 = v3[column] as number;
      one[column] = (one[column] as number) - (s0 * x0 + s1 * x1 + s2 * x2 + s3 * x3);
      two[column] = (two[column] as number) - (t0 * x0 + t1 * x1 + t2 * x2 + t3 * x3);
    }
  }
}

/** The inverse of a small symmetric matrix whose pivots are all positive or all negative. */
export function invertSmall(block: Float64Array, size: number): Float64Array {
  if (size === 1) return Float64Array.of(1 / (block[0] as number));
  const left = block.slice();
  const right = new Float64Array(size * size);
  for (let row = 0; row < size; row++) right[row * size + row] = 1;
  for (let pivot = 0; pivot < size; pivot++) {
    const scale = 1 / (left[pivot * size + pivot] as number);
    for (let column = 0; column < size; column++) {
      left[pivot * size + column] = (left[pivot * size + column] as number) * scale;
      right[pivot * size + column] = (right[pivot * size + column] as number) * scale;
    }
    for (let row = 0; row < size; row++) {
      const factor = left[row * size + pivot] as number;
      if (row === pivot || factor === 0) continue;
      for (let column = 0; column < size; column++) {
        const to = row * size + column;
        const from = pivot * size + column;
        left[to] = (left[to] as number) - factor * (left[from] as number);
        right[to] = (right[to] as number) - factor * (right[from] as number);
      }
    }
  }
  return right;
}
