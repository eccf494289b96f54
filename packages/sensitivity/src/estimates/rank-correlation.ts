import type { LossCurve } from "@ocrslim/graph";
import { SensitivityError } from "../errors.ts";

/** How alike two sets of curves order their points. */
export interface RankCorrelation {
  /** Spearman's ρ, −1 to 1. */
  readonly rho: number;
  /** Points that both sets have: same group, same ratio. */
  readonly points: number;
}

/**
 * Spearman's rank correlation over all points that two sets of curves have in common (same group,
 * same ratio): how well one set, such as an estimate, says which cuts cost more than others. Equal
 * losses share the mean of their ranks.
 * @throws SensitivityError `invalid-option` with fewer than two common points, if one set's losses
 *   are all equal there, or if a loss is not finite.
 * @category Analysis
 */
export function rankCorrelation(
  first: readonly LossCurve[],
  second: readonly LossCurve[],
): RankCorrelation {
  const others = new Map(
    second.flatMap(({ group, points }) =>
      points.map(({ ratio, loss }) => [keyOf(group, ratio), loss] as const),
    ),
  );
  const a: number[] = [];
  const b: number[] = [];
  for (const { group, points } of first) {
    for (const { ratio, loss } of points) {
      const other = others.get(keyOf(group, ratio));
      if (other === undefined) continue;
      if (!Number.isFinite(loss) || !Number.isFinite(other)) {
        throw new SensitivityError(
          "invalid-option",
          `rankCorrelation: group "${group}" has the losses ${loss} and ${other} at ratio ${ratio}; leave out what is not finite`,
          { group, ratio },
        );
      }
      a.push(loss);
      b.push(other);
    }
  }
  const rho = correlate(ranksOf(a), ranksOf(b));
  if (Number.isNaN(rho)) {
    throw new SensitivityError(
      "invalid-option",
      `rankCorrelation: there are ${a.length} common points, and at least two with different losses are needed on each side; give curves of the same groups and ratios`,
    );
  }
  return { rho, points: a.length };
}

const keyOf = (group: string, ratio: number): string => `${ratio} ${group}`;

/** Ranks from 1; equal values share the mean of theirs. */
function ranksOf(values: readonly number[]): readonly number[] {
  const order = [...values.keys()].toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = new Array<number>(values.length).fill(0);
  for (let start = 0; start < order.length; ) {
    const value = values[order[start] ?? 0];
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === value) end++;
    for (const index of order.slice(start, end)) ranks[index] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/** Pearson's correlation; NaN where one side does not vary. */
function correlate(a: readonly number[], b: readonly number[]): number {
  const mean = (a.length + 1) / 2;
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  a.forEach((rank, index) => {
    const [x, y] = [rank - mean, (b[index] ?? 0) - mean];
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  });
  return Math.max(-1, Math.min(1, product / Math.sqrt(squaresA * squaresB)));
}
