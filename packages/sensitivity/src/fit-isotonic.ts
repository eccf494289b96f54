/**
 * The non-decreasing sequence closest to the values in weighted least squares: pool adjacent
 * violators (Ayer et al., "An empirical distribution function for sampling with incomplete
 * information", 1955). Weights are positive.
 */
export function fitIsotonic(
  values: readonly number[],
  weights: readonly number[] = values.map(() => 1),
): readonly number[] {
  const blocks: { mean: number; weight: number; count: number }[] = [];
  values.forEach((value, index) => {
    let block = { mean: value, weight: weights[index] ?? 1, count: 1 };
    for (let last = blocks.at(-1); last && last.mean >= block.mean; last = blocks.at(-1)) {
      blocks.pop();
      const weight = last.weight + block.weight;
      block = {
        mean: (last.mean * last.weight + block.mean * block.weight) / weight,
        weight,
        count: last.count + block.count,
      };
    }
    blocks.push(block);
  });
  return blocks.flatMap(({ mean, count }) => Array<number>(count).fill(mean));
}
