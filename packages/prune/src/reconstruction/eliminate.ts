/** One consumer of a group, as the elimination sees it. */
export interface EliminationConsumer {
  readonly features: number;
  readonly targets: number;
  /** (Cov(x, x) + δI)⁻¹, [features, features]; not changed. */
  readonly inverse: Float64Array;
  /** [features, targets]; not changed. */
  readonly weight: Float64Array;
  /** What a unit of squared error costs. */
  readonly price: number;
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
  const states = consumers.map((consumer) => ({
    ...consumer,
    inverse: consumer.inverse.slice(),
    weight: consumer.weight.slice(),
  }));
  const remaining = new Set(Array.from({ length: width }, (_, channel) => channel));
  const order: number[] = [];
  const losses = new Float64Array(width);
  let total = 0;
  while (remaining.size > 1) {
    let best = -1;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const channel of remaining) {
      let cost = 0;
      for (const state of states) {
        cost += state.price * removalError(state, state.featuresOf[channel] ?? []);
        if (cost >= bestCost) break;
      }
      if (cost < bestCost) {
        bestCost = cost;
        best = channel;
      }
    }
    if (best < 0) break;
    for (const state of states) downdate(state, state.featuresOf[best] ?? []);
    remaining.delete(best);
    order.push(best);
    total += bestCost;
    losses[order.length] = total;
  }
  return { order: [...order, ...remaining], losses };
}

interface State {
  readonly features: number;
  readonly targets: number;
  readonly inverse: Float64Array;
  readonly weight: Float64Array;
}

/** (P_TT)⁻¹ by Gauss–Jordan; T has few features (one channel's taps). */
function invertBlock({ inverse, features }: State, block: readonly number[]): Float64Array {
  const size = block.length;
  const left = new Float64Array(size * size);
  const right = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    right[row * size + row] = 1;
    for (let column = 0; column < size; column++) {
      left[row * size + column] = inverse[
        (block[row] as number) * features + (block[column] as number)
      ] as number;
    }
  }
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
        left[row * size + column] =
          (left[row * size + column] as number) - factor * (left[pivot * size + column] as number);
        right[row * size + column] =
          (right[row * size + column] as number) -
          factor * (right[pivot * size + column] as number);
      }
    }
  }
  return right;
}

function removalError(state: State, block: readonly number[]): number {
  const { weight, targets, inverse, features } = state;
  const [only] = block;
  if (only === undefined) return 0;
  if (block.length === 1) {
    let sum = 0;
    for (let at = only * targets; at < (only + 1) * targets; at++)
      sum += (weight[at] as number) ** 2;
    return sum / (inverse[only * features + only] as number);
  }
  const middle = invertBlock(state, block);
  let sum = 0;
  for (let row = 0; row < block.length; row++) {
    for (let column = 0; column <= row; column++) {
      let product = 0;
      const a = (block[row] as number) * targets;
      const b = (block[column] as number) * targets;
      for (let target = 0; target < targets; target++)
        product += (weight[a + target] as number) * (weight[b + target] as number);
      sum += (row === column ? 1 : 2) * (middle[row * block.length + column] as number) * product;
    }
  }
  return sum;
}

function downdate(state: State, block: readonly number[]): void {
  const { inverse, weight, features, targets } = state;
  const size = block.length;
  const middle = invertBlock(state, block);
  // Q = (P_TT)⁻¹ P_T·, R = (P_TT)⁻¹ W_T
  const q = new Float64Array(size * features);
  const r = new Float64Array(size * targets);
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < size; k++) {
      const scale = middle[row * size + k] as number;
      const from = block[k] as number;
      for (let column = 0; column < features; column++) {
        q[row * features + column] =
          (q[row * features + column] as number) +
          scale * (inverse[from * features + column] as number);
      }
      for (let target = 0; target < targets; target++) {
        r[row * targets + target] =
          (r[row * targets + target] as number) +
          scale * (weight[from * targets + target] as number);
      }
    }
  }
  // The columns P_·T, copied before P changes; P is symmetric, so they are rows.
  const columns = block.map((feature) =>
    inverse.slice(feature * features, (feature + 1) * features),
  );
  for (let row = 0; row < features; row++) {
    for (let k = 0; k < size; k++) {
      const scale = columns[k]?.[row] as number;
      if (scale === 0) continue;
      const p = row * features;
      const w = row * targets;
      for (let column = 0; column < features; column++) {
        inverse[p + column] =
          (inverse[p + column] as number) - scale * (q[k * features + column] as number);
      }
      for (let target = 0; target < targets; target++) {
        weight[w + target] =
          (weight[w + target] as number) - scale * (r[k * targets + target] as number);
      }
    }
  }
  // Exactly zero, so that rounding does not bring removed features back.
  for (const feature of block) {
    inverse.fill(0, feature * features, (feature + 1) * features);
    for (let row = 0; row < features; row++) inverse[row * features + feature] = 0;
    weight.fill(0, feature * targets, (feature + 1) * targets);
  }
}
