/**
 * Puts the scores of a group on a scale that other groups share; returns a new array of the same
 * length. Where the divisor is 0 the scores stay as they are. Any function of this shape will do.
 */
export type Normalization = (scores: Float64Array) => Float64Array;

/** Leaves the scores as they are. */
export const none: Normalization = (scores) => Float64Array.from(scores);

/** Divides by the mean: an average channel scores 1. */
export const byMean: Normalization = (scores) => divide(scores, total(scores) / scores.length);

/** Divides by the largest score: the best channel scores 1. */
export const byMax: Normalization = (scores) =>
  divide(
    scores,
    scores.reduce((a, b) => Math.max(a, b), 0),
  );

/** Divides by the sum: a score is the channel's share of the group. */
export const bySum: Normalization = (scores) => divide(scores, total(scores));

/** Maps the lowest score to 0 and the highest to 1. All equal: all 0. */
export const standardize: Normalization = (scores) => {
  const low = scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return divide(
    scores.map((score) => score - low),
    high - low,
  );
};

/** Subtracts the mean and divides by the standard deviation (z-score). All equal: all 0. */
export const gaussian: Normalization = (scores) => {
  const center = total(scores) / scores.length;
  const centered = scores.map((score) => score - center);
  const variance = centered.reduce((a, b) => a + b * b, 0) / scores.length;
  return divide(centered, Math.sqrt(variance));
};

/**
 * Divides each score by the sum of all that are not below it (LAMP, Lee et al. 2021, eq. 3; there
 * for weights). The best channel scores 1 in every group, unless several are equally good.
 */
export const lampShare: Normalization = (scores) => {
  const order = Array.from(scores.keys()).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const out = new Float64Array(scores.length);
  let running = 0;
  for (let at = 0; at < order.length; ) {
    const score = scores[order[at] ?? 0] ?? 0;
    let end = at;
    while (end < order.length && scores[order[end] ?? 0] === score) {
      running += score;
      end++;
    }
    for (; at < end; at++) out[order[at] ?? 0] = running === 0 ? 0 : score / running;
    if (end === at && Number.isNaN(score)) at++;
  }
  return out;
};

function total(scores: Float64Array): number {
  let sum = 0;
  for (const score of scores) sum += score;
  return sum;
}

function divide(scores: Float64Array, divisor: number): Float64Array {
  return divisor === 0 ? Float64Array.from(scores) : scores.map((score) => score / divisor);
}
