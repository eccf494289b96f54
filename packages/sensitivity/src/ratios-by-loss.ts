import type { LossCurve, LossPoint } from "@ocrslim/graph";
import { SensitivityError } from "./errors.ts";
import { fitIsotonic } from "./fit-isotonic.ts";

/** Options of {@link ratiosByLoss}. */
export interface RatiosByLossOptions {
  /**
   * What becomes of groups of which every point loses more: PaddleSlim's static function gives them
   * ratio 0, its dygraph one leaves them out. Default: `static`.
   */
  readonly variant?: "static" | "dygraph";
}

/**
 * Pruning ratios at which each group by itself loses about `loss`: exactly PaddleSlim's
 * `get_ratios_by_loss`. The largest measured ratio whose loss is acceptable, moved linearly towards
 * the next one; also if smaller ratios lose more. Nothing is interpolated below the first point.
 * @throws SensitivityError `invalid-option` if `loss` or a point is not a number.
 */
export function ratiosByLoss(
  curves: readonly LossCurve[],
  loss: number,
  options: RatiosByLossOptions = {},
): Record<string, number> {
  const { variant = "static" } = options;
  assertNumbers("ratiosByLoss", curves, loss);
  const ratios = curves.flatMap(({ group, points }): (readonly [string, number])[] => {
    const ratio = lastAcceptable(byRatio(points), loss);
    if (ratio !== undefined) return [[group, ratio]];
    return variant === "static" && points.length > 0 ? [[group, 0]] : [];
  });
  return Object.fromEntries(ratios);
}

/** The last point whose loss is acceptable, and the one after it. */
function findLast(
  points: readonly LossPoint[],
  loss: number,
): readonly [LossPoint | undefined, LossPoint | undefined] {
  const index = points.findLastIndex((point) => point.loss <= loss);
  return [points[index], points[index + 1]];
}

/** In the order of operations that PaddleSlim has, for the last digit. */
function lastAcceptable(points: readonly LossPoint[], loss: number): number | undefined {
  const [point, next] = findLast(points, loss);
  if (!point || !next) return point?.ratio;
  return (
    point.ratio + ((loss - point.loss) * (next.ratio - point.ratio)) / (next.loss - point.loss)
  );
}

/**
 * Pruning ratios at which each group by itself loses at most `loss`, robust to noise: the curve is
 * first made to rise by isotonic regression (points weighted by their images where all tell them),
 * negative losses count as none, and it starts at loss 0 for ratio 0. Every group with points gets a
 * ratio, from 0 (for a `loss` below 0, too) to its largest measured one.
 * @throws SensitivityError `invalid-option` if `loss` or a point is not a number.
 */
export function ratiosByLossMonotone(
  curves: readonly LossCurve[],
  loss: number,
): Record<string, number> {
  assertNumbers("ratiosByLossMonotone", curves, loss);
  const ratios = curves
    .filter(({ points }) => points.length > 0)
    .map(({ group, points }) => [group, crossing(byRatio(points), loss)] as const);
  return Object.fromEntries(ratios);
}

function crossing(points: readonly LossPoint[], loss: number): number {
  const counted = points.every(({ images }) => images !== undefined && images > 0);
  const fitted = fitIsotonic(
    points.map((point) => point.loss),
    points.map(({ images = 1 }) => (counted ? images : 1)),
  );
  const start: LossPoint = { ratio: 0, loss: 0 };
  const curve = [
    start,
    ...points.map(({ ratio }, index) => ({ ratio, loss: Math.max(0, fitted[index] ?? 0) })),
  ];
  const [point, next] = findLast(curve, loss);
  if (loss < 0 || !point) return 0;
  if (!next) return point.ratio;
  // The fraction first: it rises with the loss, however small the numbers are.
  const fraction = (loss - point.loss) / (next.loss - point.loss);
  return point.ratio + fraction * (next.ratio - point.ratio);
}

const byRatio = (points: readonly LossPoint[]): readonly LossPoint[] =>
  points.toSorted((a, b) => a.ratio - b.ratio);

function assertNumbers(name: string, curves: readonly LossCurve[], loss: number): void {
  if (Number.isNaN(loss)) {
    throw new SensitivityError("invalid-option", `${name}: loss is ${loss}; give a number`);
  }
  for (const { group, points } of curves) {
    const bad = points.find((point) => !Number.isFinite(point.loss + point.ratio));
    if (!bad) continue;
    throw new SensitivityError(
      "invalid-option",
      `${name}: group "${group}" has the loss ${bad.loss} at ratio ${bad.ratio}; losses and ratios are finite numbers`,
      { group, ratio: bad.ratio },
    );
  }
}
