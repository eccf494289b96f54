import type { LossCurve } from "@ocrslim/graph";
import type { AllocationCandidate } from "./allocation.ts";

/** A group's estimated loss at each of its allowed widths. */
export interface WidthLoss {
  readonly width: number;
  /** Non-increasing in `width`, 0 at the full width. */
  readonly loss: number;
}

/**
 * Losses from a measured curve, made monotone (pool adjacent violators) and at least 0, between the
 * points by straight lines. Widths beyond the largest measured ratio are left out.
 */
export function lossesFromCurve(
  candidate: AllocationCandidate,
  curve: LossCurve,
): readonly WidthLoss[] {
  const points = monotonePoints(curve);
  const last = points[points.length - 1]?.ratio ?? 0;
  const { width } = candidate.group;
  return candidate.widths
    .map((kept) => ({ width: kept, ratio: 1 - kept / width }))
    .filter(({ ratio }) => ratio <= last + 1e-9)
    .map(({ width: kept, ratio }) => ({ width: kept, loss: interpolate(points, ratio) }));
}

/**
 * Losses from scores: (removed / kept)², the removed and the kept channels' part of the group's total
 * score. Like a ratio of noise to signal: little for the first channels, without bound as nothing is
 * left, so that no group pays for all others. Negative scores are shifted to start at 0.
 */
export function lossesFromScores(candidate: AllocationCandidate): readonly WidthLoss[] {
  const { scores, order, widths } = candidate;
  const lowest = scores.reduce((a, b) => Math.min(a, b), 0);
  const cumulated = new Float64Array(scores.length + 1);
  order.forEach((channel, index) => {
    cumulated[index + 1] = (cumulated[index] ?? 0) + (scores[channel] ?? 0) - lowest;
  });
  const total = cumulated[scores.length] ?? 0;
  return widths.map((width) => {
    const removed = cumulated[scores.length - width] ?? 0;
    return { width, loss: removed === 0 ? 0 : Math.min(1e12, removed / (total - removed)) ** 2 };
  });
}

interface RatioPoint {
  readonly ratio: number;
  readonly loss: number;
}

/** Isotonic regression by pooling adjacent violators, starting from no loss at ratio 0. */
function monotonePoints(curve: LossCurve): readonly RatioPoint[] {
  const sorted = [...curve.points].sort((a, b) => a.ratio - b.ratio);
  const blocks: { sum: number; count: number }[] = [];
  for (const { loss } of sorted) {
    let block = { sum: loss, count: 1 };
    for (;;) {
      const last = blocks[blocks.length - 1];
      if (!last || last.sum / last.count <= block.sum / block.count) break;
      blocks.pop();
      block = { sum: block.sum + last.sum, count: block.count + last.count };
    }
    blocks.push(block);
  }
  const fitted = blocks.flatMap(({ sum, count }) =>
    Array<number>(count).fill(Math.max(0, sum / count)),
  );
  const points = sorted.map(({ ratio }, index) => ({ ratio, loss: fitted[index] ?? 0 }));
  return [{ ratio: 0, loss: 0 }, ...points.filter(({ ratio }) => ratio > 0)];
}

function interpolate(points: readonly RatioPoint[], ratio: number): number {
  let before: RatioPoint = { ratio: 0, loss: 0 };
  for (const point of points) {
    if (point.ratio >= ratio) {
      const span = point.ratio - before.ratio;
      const part = span === 0 ? 1 : (ratio - before.ratio) / span;
      return before.loss + (point.loss - before.loss) * part;
    }
    before = point;
  }
  return before.loss;
}
