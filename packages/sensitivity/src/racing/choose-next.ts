/** Whether a loss is acceptable; `undefined` while it is not known. */
export type Verdict = boolean | undefined;

/**
 * Which of a group's points, by rising number of channels removed, is to be measured next to find
 * where losses begin to be too high; `undefined` once two neighbours show it, or one of the ends. If
 * losses rise with what is removed, all others follow. Bisection: about log₂ of the points are needed.
 */
export function chooseNext(verdicts: readonly Verdict[]): number | undefined {
  const { low, high } = findGap(verdicts);
  return high - low > 1 ? Math.floor((low + high) / 2) : undefined;
}

/**
 * The last point known to be acceptable (−1 if none is) before the first known not to be (the number
 * of points if none is): those between them are open.
 */
export function findGap(verdicts: readonly Verdict[]): {
  readonly low: number;
  readonly high: number;
} {
  const firstBad = verdicts.indexOf(false);
  const high = firstBad < 0 ? verdicts.length : firstBad;
  return { low: verdicts.slice(0, high).lastIndexOf(true), high };
}
