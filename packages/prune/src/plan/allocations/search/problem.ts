import type { CostFunction } from "../../cost-function.ts";
import type { WidthLoss } from "../../loss-of-width.ts";

/** The widths that a group may have, and what each of them loses. */
export interface Ladder {
  readonly id: string;
  /** By ascending width, the last one being the full width; losses do not rise with the width. */
  readonly rungs: readonly WidthLoss[];
}

/** What an allocation has to solve: the least sum of losses at a cost of at most `limit`. */
export interface AllocationProblem {
  readonly cost: CostFunction;
  readonly ladders: readonly Ladder[];
  readonly limit: number;
}

/** Where each ladder stands: an index into its rungs. */
export type Rungs = readonly number[];

/** A change of one ladder. */
export interface Move {
  /** Index of the ladder. */
  readonly at: number;
  readonly to: number;
  /** What it adds to the sum of losses; negative for a gain. */
  readonly loss: number;
  /** What it takes off the cost; negative if it adds to it. */
  readonly saved: number;
}

/** Widths by group, as cost functions take them. */
export function widthsOf({ ladders }: AllocationProblem, rungs: Rungs): Map<string, number> {
  return new Map(ladders.map(({ id }, at) => [id, widthAt(ladders, rungs, at)]));
}

function widthAt(ladders: readonly Ladder[], rungs: Rungs, at: number): number {
  return ladders[at]?.rungs[rungs[at] ?? 0]?.width ?? 0;
}

/** The sum of the losses. */
export function lossOf({ ladders }: AllocationProblem, rungs: Rungs): number {
  return ladders.reduce((sum, ladder, at) => sum + (ladder.rungs[rungs[at] ?? 0]?.loss ?? 0), 0);
}

/**
 * Moves of one ladder in one direction: by 1, 2, 4, … rungs and to the end, so that long ladders
 * cost little and flat pieces are crossed.
 */
export function listMoves(
  { cost, ladders }: AllocationProblem,
  rungs: Rungs,
  widths: ReadonlyMap<string, number>,
  at: number,
  direction: -1 | 1,
): readonly Move[] {
  const ladder = ladders[at];
  const from = rungs[at] ?? 0;
  const here = ladder?.rungs[from];
  if (!ladder || !here) return [];
  const end = direction < 0 ? 0 : ladder.rungs.length - 1;
  const moves: Move[] = [];
  for (let stride = 1; from !== end; stride *= 2) {
    const isLast = stride >= Math.abs(end - from);
    const to = isLast ? end : from + direction * stride;
    const there = ladder.rungs[to];
    if (there) {
      const saved = cost.saving(widths, ladder.id, there.width);
      moves.push({ at, to, loss: there.loss - here.loss, saved });
    }
    if (isLast) break;
  }
  return moves;
}
