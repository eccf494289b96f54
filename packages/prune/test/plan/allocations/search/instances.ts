import fc from "fast-check";
import type {
  AllocationProblem,
  Ladder,
  Rungs,
} from "../../../../src/plan/allocations/search/problem.ts";
import { lossOf, widthsOf } from "../../../../src/plan/allocations/search/problem.ts";
import type { CostFunction } from "../../../../src/plan/cost-function.ts";

/** A chain of groups with a skip: layer k costs (width of k, in blocks) × (width of k + 1, in blocks). */
function chainCost(
  full: readonly number[],
  weights: readonly number[],
  block: number,
): CostFunction {
  const ids = full.map((_, at) => `g${at}`);
  const layers = [
    ...ids.map((id, at) => ({ ends: [ids[at - 1], id], weight: weights[at % weights.length]! })),
    { ends: [ids.at(-1), ids[0]], weight: weights[0]! / 2 },
    { ends: [ids.at(-1), undefined], weight: weights.at(-1)! },
  ];
  const blocks = (widths: ReadonlyMap<string, number>, id: string | undefined): number =>
    id === undefined ? 1 : Math.ceil((widths.get(id) ?? full[ids.indexOf(id)]!) / block);
  const costAt = (widths: ReadonlyMap<string, number>): number =>
    layers.reduce(
      (sum, { ends: [a, b], weight }) => sum + weight * blocks(widths, a) * blocks(widths, b),
      0,
    );
  return {
    original: costAt(new Map()),
    costAt,
    saving: (widths, group, width) => costAt(widths) - costAt(new Map(widths).set(group, width)),
    coupledTo(group) {
      const touching = layers.filter(({ ends }) => ends.includes(group));
      return new Set(
        touching.flatMap(({ ends }) => ends.filter((id) => id !== undefined && id !== group)),
      ) as Set<string>;
    },
  };
}

/** Groups of widths 1, 2, …; `steps` are the losses of each channel, the full width first. */
export function chainProblem(
  steps: readonly (readonly number[])[],
  weights: readonly number[],
  block: number,
  kept: number,
): AllocationProblem {
  const ladders: Ladder[] = steps.map((own, at) => {
    const losses = [0];
    for (const step of own) losses.unshift((losses[0] ?? 0) + step);
    return { id: `g${at}`, rungs: losses.map((loss, index) => ({ width: index + 1, loss })) };
  });
  const cost = chainCost(
    ladders.map(({ rungs }) => rungs.length),
    weights,
    block,
  );
  return { cost, ladders, limit: kept * cost.original };
}

/** Small enough to try all widths. */
export const problems: fc.Arbitrary<AllocationProblem> = fc
  .record({
    rungs: fc.array(fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 5 }), {
      minLength: 2,
      maxLength: 5,
    }),
    weights: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }),
    block: fc.constantFrom(1, 2),
    kept: fc.integer({ min: 15, max: 95 }).map((percent) => percent / 100),
  })
  .map(({ rungs, weights, block, kept }) => chainProblem(rungs, weights, block, kept));

/** The least loss at a cost of at most `limit`, by trying everything. */
export function tryAll(problem: AllocationProblem, limit: number): number | undefined {
  let best: number | undefined;
  const visit = (rungs: Rungs): void => {
    const ladder = problem.ladders[rungs.length];
    if (ladder) {
      ladder.rungs.forEach((_, at) => {
        visit([...rungs, at]);
      });
      return;
    }
    if (problem.cost.costAt(widthsOf(problem, rungs)) > limit) return;
    const loss = lossOf(problem, rungs);
    if (best === undefined || loss < best) best = loss;
  };
  visit([]);
  return best;
}
