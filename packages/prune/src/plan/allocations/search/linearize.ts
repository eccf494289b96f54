import { solveKnapsack } from "./knapsack.ts";
import { type AllocationProblem, type Rungs, widthsOf } from "./problem.ts";

/**
 * The best widths if every group's cost were what it is while its neighbours stay as they are in
 * `around`, and so costs simply added up. No ladder moves by more than `radius` rungs.
 * @returns `undefined` if the limit cannot be met that way.
 */
export function solveLinearized(
  problem: AllocationProblem,
  around: Rungs,
  radius: number,
): Rungs | undefined {
  const { cost, ladders, limit } = problem;
  const widths = widthsOf(problem, around);
  const firsts: number[] = [];
  const classes = ladders.map(({ id, rungs }, at) => {
    const here = around[at] ?? 0;
    const first = Math.max(0, here - radius);
    firsts.push(first);
    return rungs.slice(first, here + radius + 1).map(({ width, loss }, index) => ({
      cost: first + index === here ? 0 : -cost.saving(widths, id, width),
      loss,
    }));
  });
  const chosen = solveKnapsack(classes, limit - cost.costAt(widths));
  return chosen?.map((index, at) => (firsts[at] ?? 0) + index);
}
