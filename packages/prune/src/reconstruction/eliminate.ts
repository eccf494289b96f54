import { blockAt, createTableau, invertSmall, sweep, type Tableau } from "./tableau.ts";

/** One consumer of a group, as the elimination sees it: its features of the group's channels. */
export interface EliminationConsumer {
  readonly features: number;
  readonly targets: number;
  /**
   * The block of (Cov(x, x) + δI)⁻¹ at these features, [features, features]; not changed. What other
   * features can make up for is in it.
   */
  readonly inverse: Float64Array;
  /** [features, targets], each target times the root of what its squared error costs; not changed. */
  readonly weight: Float64Array;
  /** Features of each channel of the group. */
  readonly featuresOf: readonly (readonly number[])[];
}

/** In which order a group's channels go, and what it costs. */
export interface Elimination {
  /** Channels, the first to go first; the last one stands for those that stay to the end. */
  readonly order: readonly number[];
  /** Cost after removing the first n channels, n = 0 … order.length − 1. */
  readonly losses: Float64Array;
}

/** A consumer in the course of an elimination: the features of removed channels are swept in. */
export interface EliminationState {
  readonly tableau: Tableau;
  readonly featuresOf: readonly (readonly number[])[];
}

export function startElimination(
  consumers: readonly EliminationConsumer[],
): readonly EliminationState[] {
  return consumers.map(({ inverse, features, weight, targets, featuresOf }) => ({
    tableau: createTableau(inverse, features, weight, targets),
    featuresOf,
  }));
}

/**
 * Greedy backward elimination: always removes the channel whose removal raises the consumers' squared
 * error least **after the rest is refitted** by least squares, summed over the consumers. Removing
 * the features T of a channel raises the refitted error of a consumer by tr(W_T' (P_TT)⁻¹ W_T), where
 * P is the inverse covariance of the features that remain and W their refitted weights; then
 * W ← W − P_·T P_TT⁻¹ W_T and P ← P − P_·T P_TT⁻¹ P_T· (Optimal Brain Surgeon in block form, as in
 * OSSCAR, Meng et al. 2024, and ZipLM, Kurtic et al. 2023).
 */
export function eliminateChannels(
  width: number,
  consumers: readonly EliminationConsumer[],
): Elimination {
  const states = startElimination(consumers);
  const remaining = new Set(Array.from({ length: width }, (_, channel) => channel));
  const order: number[] = [];
  const losses = new Float64Array(width);
  let total = 0;
  while (remaining.size > 1) {
    const best = cheapest(states, remaining);
    if (best.channel < 0) break;
    removeChannel(states, best.channel);
    remaining.delete(best.channel);
    order.push(best.channel);
    total += best.cost;
    losses[order.length] = total;
  }
  return { order: [...order, ...remaining], losses };
}

function cheapest(
  states: readonly EliminationState[],
  remaining: ReadonlySet<number>,
): { readonly channel: number; readonly cost: number } {
  let channel = -1;
  let cost = Number.POSITIVE_INFINITY;
  for (const candidate of remaining) {
    const own = removalCost(states, candidate, cost);
    if (own < cost) {
      cost = own;
      channel = candidate;
    }
  }
  return { channel, cost };
}

/** What removing a channel that is still there costs; may stop at `limit`. */
export function removalCost(
  states: readonly EliminationState[],
  channel: number,
  limit: number = Number.POSITIVE_INFINITY,
): number {
  let cost = 0;
  for (const { tableau, featuresOf } of states) {
    cost += blockError(tableau, featuresOf[channel] ?? []);
    if (cost >= limit) break;
  }
  return Math.max(cost, 0);
}

/** What bringing a removed channel back saves. */
export function returnGain(states: readonly EliminationState[], channel: number): number {
  let gain = 0;
  for (const { tableau, featuresOf } of states)
    gain -= blockError(tableau, featuresOf[channel] ?? []);
  return gain;
}

export function removeChannel(states: readonly EliminationState[], channel: number): void {
  removeChannels(states, [channel]);
}

/** Rows that are swept together: enough to be fast, few enough for a small inverse. */
const BLOCK = 16;

export function removeChannels(
  states: readonly EliminationState[],
  channels: Iterable<number>,
): void {
  const all = [...channels];
  for (const { tableau, featuresOf } of states) {
    const rows = all.flatMap((channel) => featuresOf[channel] ?? []);
    for (let start = 0; start < rows.length; start += BLOCK)
      sweep(tableau, rows.slice(start, start + BLOCK), 1);
  }
}

export function returnChannel(states: readonly EliminationState[], channel: number): void {
  for (const { tableau, featuresOf } of states) sweep(tableau, featuresOf[channel] ?? [], -1);
}

/** What removing a kept channel would cost if a removed one were brought back first. */
export function createCostAfterReturn(
  states: readonly EliminationState[],
  returned: number,
): (channel: number) => number {
  const parts = states.map(({ tableau, featuresOf }) => {
    const back = featuresOf[returned] ?? [];
    const inverse = invertSmall(blockAt(tableau, back, back), back.length);
    const rows = rowsAt(tableau, back);
    return { tableau, featuresOf, back, inverse, rows };
  });
  return (channel) => {
    let cost = 0;
    for (const { tableau, featuresOf, back, inverse, rows } of parts) {
      const block = featuresOf[channel] ?? [];
      // The rows of the channel as they would be with the features swept out again.
      const cross = blockAt(tableau, block, back);
      const scaled = multiply(cross, block.length, inverse, back.length, back.length);
      const middle = blockAt(tableau, block, block);
      const own = rowsAt(tableau, block);
      subtract(middle, multiplyTransposed(scaled, cross, block.length, back.length));
      subtract(own, multiply(scaled, block.length, rows, back.length, tableau.columns));
      cost += weightedSquares(middle, own, block.length, tableau.columns);
    }
    return Math.max(cost, 0);
  };
}

/** tr(B_T' (P_TT)⁻¹ B_T); negative for features that are swept in. */
function blockError(tableau: Tableau, block: readonly number[]): number {
  const middle = blockAt(tableau, block, block);
  const { right, columns } = tableau;
  const [only = 0] = block;
  // Features of a channel mostly stand together: no copy then.
  const rows = block.every((feature, index) => feature === only + index)
    ? right.subarray(only * columns, (only + block.length) * columns)
    : rowsAt(tableau, block);
  return weightedSquares(middle, rows, block.length, columns);
}

/** tr(R' M⁻¹ R) for M [size, size] and R [size, columns]. */
function weightedSquares(
  matrix: Float64Array,
  rows: Float64Array,
  size: number,
  columns: number,
): number {
  if (size === 0) return 0;
  const inverse = invertSmall(matrix, size);
  let sum = 0;
  for (let row = 0; row < size; row++) {
    for (let k = 0; k <= row; k++) {
      let product = 0;
      const a = row * columns;
      const b = k * columns;
      for (let column = 0; column < columns; column++)
        product += (rows[a + column] as number) * (rows[b + column] as number);
      sum += (row === k ? 1 : 2) * (inverse[row * size + k] as number) * product;
    }
  }
  return sum;
}

function rowsAt({ right, columns }: Tableau, block: readonly number[]): Float64Array {
  const rows = new Float64Array(block.length * columns);
  block.forEach((feature, index) => {
    rows.set(right.subarray(feature * columns, (feature + 1) * columns), index * columns);
  });
  return rows;
}

/** A [rows, inner] · B [inner, columns]. */
function multiply(
  a: Float64Array,
  rows: number,
  b: Float64Array,
  inner: number,
  columns: number,
): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < inner; k++) {
      const scale = a[row * inner + k] as number;
      for (let column = 0; column < columns; column++) {
        const to = row * columns + column;
        result[to] = (result[to] as number) + scale * (b[k * columns + column] as number);
      }
    }
  }
  return result;
}

/** A [rows, inner] · B', B [rows, inner]. */
function multiplyTransposed(
  a: Float64Array,
  b: Float64Array,
  rows: number,
  inner: number,
): Float64Array {
  const result = new Float64Array(rows * rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < rows; column++) {
      let sum = 0;
      for (let k = 0; k < inner; k++)
        sum += (a[row * inner + k] as number) * (b[column * inner + k] as number);
      result[row * rows + column] = sum;
    }
  }
  return result;
}

function subtract(from: Float64Array, what: Float64Array): void {
  for (let index = 0; index < from.length; index++)
    from[index] = (from[index] as number) - (what[index] as number);
}
